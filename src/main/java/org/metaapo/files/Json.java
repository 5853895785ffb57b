package org.metaapo.files;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.metaapo.error.DataException;

/**
 * Strict JSON as in RFC 8259: duplicate keys, trailing content, comments and NaN are refused. Every error is a
 * {@link DataException} with source, line and column.
 */
public final class Json {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .build();

    private Json() {}

    /** The shared mapper with these settings. It is thread-safe; do not reconfigure it. */
    public static JsonMapper mapper() {
        return MAPPER;
    }

    /** Reads a whole JSON file. */
    public static JsonNode read(Path file) {
        return parse(StrictText.read(file), file.toString());
    }

    /**
     * Parses a JSON text.
     *
     * @param where name of the source, for messages
     */
    public static JsonNode parse(String text, String where) {
        return parse(text, where, 1);
    }

    /**
     * Parses a JSON text that starts at line {@code firstLine} of its source.
     *
     * @param where name of the source, for messages
     * @param firstLine counted from 1
     */
    public static JsonNode parse(String text, String where, long firstLine) {
        JsonNode node;
        try {
            node = MAPPER.readTree(text);
        } catch (JsonProcessingException failure) {
            throw malformed(where, firstLine, failure);
        }
        if (node == null || node.isMissingNode()) {
            throw new DataException(where + ", line " + firstLine + ": expected JSON, found nothing");
        }
        return node;
    }

    /** Parses a file line by line; blank ones are passed over. */
    public static void lines(Path file, Consumer<JsonNode> to) {
        try (BufferedReader reader = Files.newBufferedReader(file)) {
            long number = 0;
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                number++;
                if (!line.isBlank()) {
                    to.accept(parse(line, file.toString(), number));
                }
            }
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        }
    }

    /** Compact JSON on one line. */
    public static String write(Object value) {
        try {
            return MAPPER.writeValueAsString(value);
        } catch (JsonProcessingException failure) {
            throw new IllegalArgumentException("not a value that JSON can hold: " + failure.getOriginalMessage(), failure);
        }
    }

    /** Indented JSON that ends with a newline. */
    public static String writePretty(Object value) {
        try {
            return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(value) + "\n";
        } catch (JsonProcessingException failure) {
            throw new IllegalArgumentException("not a value that JSON can hold: " + failure.getOriginalMessage(), failure);
        }
    }

    /** Lists, maps, texts, numbers and booleans, as a template knows them. */
    public static Object plain(JsonNode node) {
        // Most are texts, and the mapper takes a detour over tokens.
        return node.isTextual() ? node.textValue() : MAPPER.convertValue(node, Object.class);
    }

    /** What is wrong with a text, as one line with source, line and column. */
    public static DataException malformed(String where, long firstLine, JsonProcessingException failure) {
        JsonLocation location = failure.getLocation();
        String place = location == null || location.getLineNr() < 1
                ? ", line " + firstLine
                : ", line " + (firstLine + location.getLineNr() - 1) + ", column " + location.getColumnNr();
        return new DataException(where + place + ": not valid JSON: " + JsonFaults.shown(failure), failure);
    }

    /** What a value is, for messages: {@code text "ab…"}, {@code number 3}, {@code null}, {@code a list}, … */
    public static String describe(JsonNode node) {
        if (node == null || node.isMissingNode()) {
            return "nothing";
        }
        return switch (node.getNodeType()) {
            case STRING -> "text \"" + shorten(node.textValue()) + "\"";
            case NUMBER -> "number " + shorten(node.asText());
            case BOOLEAN -> node.asText();
            case NULL -> "null";
            case ARRAY -> "a list of " + node.size();
            case OBJECT -> "an object";
            case BINARY -> "bytes";
            default -> "nothing";
        };
    }

    private static String shorten(String text) {
        String oneLine = text.replaceAll("\\p{Cntrl}", " ");
        return oneLine.length() <= 40 ? oneLine : oneLine.substring(0, 39) + "…";
    }
}
