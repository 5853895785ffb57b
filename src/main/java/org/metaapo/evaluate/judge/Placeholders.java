package org.metaapo.evaluate.judge;

import java.util.Collection;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.metaapo.error.DataException;

/** Places of a prompt, such as {@code {instruction}}, that are filled in one pass: what a value has in braces stays. */
public final class Placeholders {
    private Placeholders() {}

    /** The text with values in the places of their names. */
    public static String fill(String template, Map<String, String> values) {
        String names = values.keySet().stream().map(Pattern::quote).collect(Collectors.joining("|"));
        return Pattern.compile("\\{(" + names + ")\\}").matcher(template).replaceAll(match -> Matcher.quoteReplacement(values.get(match.group(1))));
    }

    /**
     * Refuses a prompt without one of its places.
     *
     * @param where the prompt's file, for messages
     */
    public static void require(String template, Collection<String> names, String where) {
        for (String name : names) {
            int count = template.split(Pattern.quote("{" + name + "}"), -1).length - 1;
            if (count != 1) {
                throw new DataException(where + ": {" + name + "} is there " + count + " times; expected once");
            }
        }
    }
}
