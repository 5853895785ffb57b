package org.metaapo.data;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;

/** JSONL, or one JSON array of objects; plain, gzip or zstd. */
final class JsonRows implements RowSource {
    private static final ObjectReader ELEMENT = Json.mapper().reader().without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
    private static final int LONGEST_LINE = 64 << 20;

    @Override
    public void read(Path file, Sink sink) {
        try (InputStream in = new BufferedInputStream(Compression.open(file), 1 << 16)) {
            if (startsArray(in)) {
                array(file, in, sink);
            } else {
                lines(file, in, sink);
            }
        } catch (JsonProcessingException e) {
            throw Json.malformed(file.toString(), 1, e);
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        }
    }

    private static boolean startsArray(InputStream in) throws IOException {
        in.mark(4096);
        int first = in.read();
        for (int i = 0; i < 4000 && (first == ' ' || first == '\n' || first == '\r' || first == '\t'); i++) {
            first = in.read();
        }
        in.reset();
        return first == '[';
    }

    private static void array(Path file, InputStream in, Sink sink) throws IOException {
        try (JsonParser parser = Json.mapper().createParser(in)) {
            parser.nextToken();
            for (long number = 1; parser.nextToken() != JsonToken.END_ARRAY; number++) {
                if (parser.currentToken() == null) {
                    throw new DataException(file + ": not valid JSON: the list does not end");
                }
                JsonNode row = ELEMENT.readTree(parser);
                sink.row(row, file + ", element " + number);
            }
            if (parser.nextToken() != null) {
                throw new DataException(file + ": not valid JSON: something follows the list");
            }
        }
    }

    private static void lines(Path file, InputStream in, Sink sink) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        boolean more = true;
        for (long number = 1; more; number++) {
            line.reset();
            more = readLine(in, line, file, number);
            byte[] bytes = line.toByteArray();
            if (isBlank(bytes)) {
                continue;
            }
            JsonNode row;
            try {
                String text = StrictText.decode(bytes, 0, bytes.length, file.toString(), number);
                row = Json.parse(text, file.toString(), number);
            } catch (DataException e) {
                sink.bad(e);
                continue;
            }
            sink.row(row, file + ":" + number);
        }
    }

    private static boolean readLine(InputStream in, ByteArrayOutputStream line, Path file, long number) throws IOException {
        for (int b = in.read(); b >= 0; b = in.read()) {
            if (b == '\n') {
                return true;
            }
            if (line.size() == LONGEST_LINE) {
                throw new DataException(file + ":" + number + ": a line of more than 64 MiB; expected a JSON object a line");
            }
            line.write(b);
        }
        return false;
    }

    private static boolean isBlank(byte[] bytes) {
        for (byte b : bytes) {
            if (b != ' ' && b != '\t' && b != '\r') {
                return false;
            }
        }
        return true;
    }
}
