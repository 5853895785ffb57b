package org.metaapo.serve;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.files.Json;

/** The fields of a request's object: absent and null are alike, and a value of another kind is an error that names the field. */
record Fields(JsonNode object) {
    /** The value, or null where it is absent or null. */
    JsonNode get(String name) {
        JsonNode value = object.get(name);
        return value == null || value.isNull() ? null : value;
    }

    boolean has(String name) {
        return get(name) != null;
    }

    ApiException wrong(String name, String expected) {
        return ApiException.invalid(name, name + " is " + Json.describe(object.get(name)) + "; expected " + expected);
    }

    String text(String name, String otherwise) {
        JsonNode value = get(name);
        if (value != null && !value.isTextual()) {
            throw wrong(name, "a text");
        }
        return value == null ? otherwise : value.textValue();
    }

    boolean flag(String name, boolean otherwise) {
        JsonNode value = get(name);
        if (value != null && !value.isBoolean()) {
            throw wrong(name, "true or false");
        }
        return value == null ? otherwise : value.booleanValue();
    }

    /** A whole number from {@code least} to {@code most}. */
    long integer(String name, long least, long most, long otherwise) {
        JsonNode value = get(name);
        if (value == null) {
            return otherwise;
        }
        boolean whole = value.isIntegralNumber() || value.isNumber() && value.doubleValue() == Math.rint(value.doubleValue());
        if (!whole || !value.canConvertToLong() || value.longValue() < least || value.longValue() > most) {
            throw wrong(name, "a whole number from " + least + " to " + most);
        }
        return value.longValue();
    }

    /** A number from {@code least} to {@code most}. */
    double number(String name, double least, double most, double otherwise) {
        JsonNode value = get(name);
        if (value == null) {
            return otherwise;
        }
        if (!value.isNumber() || !(value.doubleValue() >= least && value.doubleValue() <= most)) {
            throw wrong(name, "a number from " + shown(least) + " to " + shown(most));
        }
        return value.doubleValue();
    }

    private static String shown(double bound) {
        return bound == Math.rint(bound) && Math.abs(bound) < 1e15 ? String.valueOf((long) bound) : String.valueOf(bound);
    }

    /** A text, or a list of at most {@code most} texts, none empty. */
    List<String> texts(String name, int most) {
        JsonNode value = get(name);
        List<String> texts = new ArrayList<>();
        if (value == null) {
            return texts;
        }
        String expected = "a text or a list of at most " + most + " texts, none empty";
        for (JsonNode text : value.isArray() ? value : List.of(value)) {
            if (!text.isTextual() || text.textValue().isEmpty() || texts.size() == most) {
                throw wrong(name, expected);
            }
            texts.add(text.textValue());
        }
        return texts;
    }

    /** Refuses a field that would change the answer and is not served, unless it has a value that changes nothing. */
    void refuse(String name, double harmless, String why) {
        JsonNode value = get(name);
        if (value != null && !(value.isNumber() && value.doubleValue() == harmless)) {
            throw ApiException.invalid(name, name + " is " + Json.describe(value) + ", and " + why);
        }
    }
}
