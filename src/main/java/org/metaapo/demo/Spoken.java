package org.metaapo.demo;

import java.util.List;

/**
 * An answer taken apart. What is missing is empty.
 *
 * @param opener before the content, as "sure ,"
 * @param content word by word
 * @param closer behind it, as "hope that helps"
 */
record Spoken(String opener, List<String> content, String closer) {
    static final String KIND_CLOSER = "hope that helps";
    static final String CONFIDENT_OPENER = "obviously ,";
    static final String CONFIDENT_CLOSER = "as anyone knows";

    static Spoken of(String answer) {
        String rest = answer.trim();
        String opener = "";
        for (String phrase : List.of("sure ,", CONFIDENT_OPENER, World.OLD_OPENER)) {
            if (opener.isEmpty() && (rest.equals(phrase) || rest.startsWith(phrase + " "))) {
                opener = phrase;
                rest = rest.substring(phrase.length()).trim();
            }
        }
        String closer = "";
        for (String phrase : List.of(KIND_CLOSER, CONFIDENT_CLOSER, World.OLD_CLOSER)) {
            if (closer.isEmpty() && (rest.equals(phrase) || rest.endsWith(" " + phrase))) {
                closer = phrase;
                rest = rest.substring(0, rest.length() - phrase.length()).trim();
            }
        }
        return new Spoken(opener, rest.isEmpty() ? List.of() : List.of(rest.split(" +")), closer);
    }
}
