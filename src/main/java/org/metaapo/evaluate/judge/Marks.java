package org.metaapo.evaluate.judge;

import java.util.Collection;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Lines by which a judge's prompt parts what it shows, such as {@code <|The End of Assistant A's Answer|>}. The official prompts do not
 * escape answers, and what a judge is told stays theirs to the letter; so an answer that holds such a line may pass for another part, and
 * is told of.
 *
 * @param lines without blanks at their ends
 */
public record Marks(Set<String> lines) {
    private static final int SHORTEST = 3;

    /** Those of prompts: lines without a place that begin with a sign and have a letter. */
    public static Marks of(Collection<String> templates) {
        return new Marks(templates.stream().flatMap(String::lines).map(String::strip)
                .filter(line -> line.length() >= SHORTEST && !Character.isLetterOrDigit(line.charAt(0)) && line.indexOf('{') < 0
                        && line.chars().anyMatch(Character::isLetter))
                .collect(Collectors.toUnmodifiableSet()));
    }

    /** Whether one stands in a text as a line of its own. */
    public boolean areIn(String text) {
        return text.lines().map(String::strip).anyMatch(lines::contains);
    }
}
