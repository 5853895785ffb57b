package org.metaapo.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/** Typed access to the keys of one JSON object; a wrong value is a {@link DataException} that names file and key. */
final class JsonFields {
    private final Path file;
    private final String prefix;
    private final JsonNode object;

    JsonFields(Path file, JsonNode object) {
        this(file, "", object);
    }

    private JsonFields(Path file, String prefix, JsonNode object) {
        this.file = file;
        this.prefix = prefix;
        this.object = object;
        if (!object.isObject()) {
            throw new DataException(
                    file + ": " + (prefix.isEmpty() ? "" : prefix + ": ") + "expected an object, found "
                            + Json.describe(object));
        }
    }

    /** The value of a key; a missing node when it is absent or null. */
    JsonNode get(String key) {
        JsonNode value = object.path(key);
        return value.isNull() ? MissingNode.getInstance() : value;
    }

    boolean has(String key) {
        return !get(key).isMissingNode();
    }

    /** Whether the key is there, with null or another value. */
    boolean mentions(String key) {
        return object.has(key);
    }

    JsonFields object(String key) {
        return new JsonFields(file, prefix + key + ".", get(key));
    }

    int integer(String key, int absent, int min, int max) {
        JsonNode value = get(key);
        if (value.isMissingNode()) {
            return absent;
        }
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < min || value.intValue() > max) {
            throw wrong(key, "an integer from " + min + " to " + max);
        }
        return value.intValue();
    }

    double number(String key, double absent, double min, double max) {
        JsonNode value = get(key);
        if (value.isMissingNode()) {
            return absent;
        }
        double number = value.isNumber() ? value.doubleValue() : Double.NaN;
        if (!(number >= min && number <= max)) {
            throw wrong(key, "a number from " + min + " to " + max);
        }
        return number;
    }

    boolean flag(String key, boolean absent) {
        JsonNode value = get(key);
        if (value.isMissingNode()) {
            return absent;
        }
        if (!value.isBoolean()) {
            throw wrong(key, "true or false");
        }
        return value.booleanValue();
    }

    String text(String key, String absent) {
        JsonNode value = get(key);
        if (value.isMissingNode()) {
            return absent;
        }
        if (!value.isTextual()) {
            throw wrong(key, "text");
        }
        return value.textValue();
    }

    /** A token id, or a list of them; empty when absent. Negative ids stand for none, as in old files. */
    List<Integer> tokenIds(String key) {
        JsonNode value = get(key);
        List<Integer> ids = new ArrayList<>();
        if (value.isMissingNode()) {
            return ids;
        }
        for (JsonNode item : value.isArray() ? value : List.of(value)) {
            if (!item.isIntegralNumber() || !item.canConvertToInt()) {
                throw wrong(key, "a token id or a list of token ids");
            }
            if (item.intValue() >= 0 && !ids.contains(item.intValue())) {
                ids.add(item.intValue());
            }
        }
        return ids;
    }

    /** Names file, key, value and what is supported. */
    DataException wrong(String key, String expected) {
        return new DataException(
                file + ": " + prefix + key + ": expected " + expected + ", found " + Json.describe(object.get(key)));
    }

    Path file() {
        return file;
    }
}
