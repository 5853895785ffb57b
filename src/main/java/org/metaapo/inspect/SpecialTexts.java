package org.metaapo.inspect;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Finds special tokens that are spelled out in the text of a message. */
final class SpecialTexts {
    private final Map<Character, List<String>> byFirst = new HashMap<>();

    SpecialTexts(Collection<String> tokens) {
        for (String token : tokens) {
            if (!token.isEmpty()) {
                byFirst.computeIfAbsent(token.charAt(0), c -> new ArrayList<>()).add(token);
            }
        }
    }

    /** Whether a text has one. */
    boolean in(String text) {
        for (Map.Entry<Character, List<String>> entry : byFirst.entrySet()) {
            for (int at = text.indexOf(entry.getKey()); at >= 0; at = text.indexOf(entry.getKey(), at + 1)) {
                for (String token : entry.getValue()) {
                    if (text.startsWith(token, at)) {
                        return true;
                    }
                }
            }
        }
        return false;
    }
}
