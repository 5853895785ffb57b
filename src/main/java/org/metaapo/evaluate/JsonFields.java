package org.metaapo.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;

/**
 * An object of a benchmark's file, with the place where it stands.
 *
 * @param node the object
 * @param where its file and line or number, for messages
 */
public record JsonFields(ObjectNode node, String where) {
    /** The objects of a file of JSON lines; empty lines are passed over. */
    public static List<JsonFields> lines(Path file) {
        List<JsonFields> objects = new ArrayList<>();
        int line = 0;
        for (String text : StrictText.read(file).split("\n", -1)) {
            line++;
            if (!text.isBlank()) {
                String where = file + ", line " + line;
                objects.add(of(Json.parse(text, file.toString(), line), where));
            }
        }
        return some(objects, file);
    }

    /** The objects of a file that is one JSON list. */
    public static List<JsonFields> list(Path file) {
        JsonNode list = Json.read(file);
        if (!list.isArray()) {
            throw new DataException(file + ": " + Json.describe(list) + "; expected a list of objects");
        }
        List<JsonFields> objects = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            objects.add(of(list.get(i), file + ", row " + (i + 1)));
        }
        return some(objects, file);
    }

    /** The text of a file of JSON lines. */
    public static String text(List<JsonFields> rows) {
        return rows.stream().map(row -> Json.write(row.node()) + "\n").collect(Collectors.joining());
    }

    private static List<JsonFields> some(List<JsonFields> objects, Path file) {
        if (objects.isEmpty()) {
            throw new DataException(file + ": no rows");
        }
        return objects;
    }

    private static JsonFields of(JsonNode node, String where) {
        if (!(node instanceof ObjectNode object)) {
            throw new DataException(where + ": " + Json.describe(node) + "; expected an object");
        }
        return new JsonFields(object, where);
    }

    /** A text that must be there. */
    public String text(String name) {
        JsonNode value = node.path(name);
        if (!value.isTextual()) {
            throw new DataException(where + ": " + name + " is " + Json.describe(value) + "; expected a text");
        }
        return value.textValue();
    }

    /** A text, or null where it is missing or null. */
    public String textOrNull(String name) {
        return isAbsent(name) ? null : text(name);
    }

    /** A whole number that must be there. */
    public int whole(String name) {
        JsonNode value = node.path(name);
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw new DataException(where + ": " + name + " is " + Json.describe(value) + "; expected a whole number");
        }
        return value.intValue();
    }

    /** A number, or null where it is missing or null. */
    public Double numberOrNull(String name) {
        JsonNode value = node.path(name);
        if (!isAbsent(name) && !value.isNumber()) {
            throw new DataException(where + ": " + name + " is " + Json.describe(value) + "; expected a number or null");
        }
        return isAbsent(name) ? null : (Double) value.doubleValue();
    }

    /** A list of texts that must be there, one at least. */
    public List<String> texts(String name) {
        JsonNode list = node.path(name);
        List<String> texts = new ArrayList<>();
        list.forEach(text -> texts.add(text.textValue()));
        if (!list.isArray() || texts.isEmpty() || texts.contains(null)) {
            throw new DataException(where + ": " + name + " is " + Json.describe(list) + "; expected a list of texts");
        }
        return texts;
    }

    /** Whether a field is missing or null. */
    public boolean isAbsent(String name) {
        return node.path(name).isMissingNode() || node.path(name).isNull();
    }
}
