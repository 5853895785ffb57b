package org.metaapo.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Says what is wrong with a JSON text in words of its own: the parser's speak of its classes and settings. */
final class JsonFaults {
    private static final Pattern DUPLICATE = Pattern.compile("Duplicate field '?(.*?)'?(?: for .*)?$");
    private static final Pattern CHARACTER = Pattern.compile("(?:Unexpected|Illegal|Illegal unquoted) character \\(+(?:'(.+?)' \\()?(?:code (\\d+)|CTRL-CHAR, code (\\d+)).*");
    private static final Pattern WORD = Pattern.compile("(?:Unrecognized token|Non-standard token) '(.*?)'.*");

    private JsonFaults() {}

    static String shown(JsonProcessingException failure) {
        String text = String.valueOf(failure.getOriginalMessage()).lines().findFirst().orElse("");
        if (failure instanceof JsonEOFException) {
            return "it ends within a value; expected its end, such as a quote or a bracket";
        }
        if (failure instanceof StreamConstraintsException) {
            return text.contains("depth")
                    ? "lists and objects lie more than 1,000 deep in one another"
                    : text.contains("umber") ? "a number of more than 1,000 digits" : "a name or text that is too long";
        }
        Matcher duplicate = DUPLICATE.matcher(text);
        if (duplicate.matches()) {
            return "key " + duplicate.group(1) + " is given twice";
        }
        if (failure instanceof MismatchedInputException) {
            return "more follows after the value; expected one value";
        }
        Matcher word = WORD.matcher(text);
        if (word.matches()) {
            String found = word.group(1);
            return "found " + found + (found.matches("[+-]?(NaN|INF|Infinity)")
                    ? "; JSON has no such number: write null, or leave the column out"
                    : "; expected a value (a text in double quotes, a number, true, false, null, a list or an object)");
        }
        Matcher character = CHARACTER.matcher(text);
        if (character.matches()) {
            return character(character.group(1), Integer.parseInt(character.group(2) == null ? character.group(3) : character.group(2)), text);
        }
        if (text.contains("escape")) {
            return "a backslash before a character that takes none; write \\\\ for a backslash";
        }
        return text.contains("umeric") || text.contains("eading zero") || text.contains("umber")
                ? "a number that is none; expected one such as 12, -0.5 or 1e-3"
                : "expected a value, found something else";
    }

    private static String character(String shown, int code, String text) {
        if (code < ' ') {
            return String.format("a control character (code %d) within a text or between values; write it as \\u%04x", code, code);
        }
        String found = "found " + (shown == null ? String.valueOf((char) code) : shown);
        if (code == '\'') {
            return found + "; texts and keys stand in double quotes";
        }
        if (text.contains("escape")) {
            return "a backslash before " + (char) code + "; write \\\\ for a backslash";
        }
        return found + (text.contains("numeric") ? " within a number" : text.contains("colon") ? "; expected a colon" : text.contains("field name") ? "; expected a key in double quotes"
                : text.contains("comma") ? "; expected a comma or a closing bracket" : "; expected a value");
    }
}
