package org.metaapo.evaluate.arena;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a judge of Arena-Hard says of two answers. */
public enum Verdict {
    A_MUCH_BETTER("A>>B", 1, true),
    A_BETTER("A>B", 1, false),
    TIE("A=B", 0.5, false),
    B_BETTER("B>A", 0, false),
    B_MUCH_BETTER("B>>A", 0, true),
    B_MUCH_WORSE("B<<A", 1, true),
    B_WORSE("B<A", 1, false),
    TIE_TURNED("B=A", 0.5, false),
    A_WORSE("A<B", 0, false),
    A_MUCH_WORSE("A<<B", 0, true);

    private static final int STRONG_WEIGHT = 3;
    private static final int OLD_LABELS = 5;
    private static final Pattern DOUBLE = Pattern.compile("\\[\\[([AB<>=]+)\\]\\]");
    private static final Pattern SINGLE = Pattern.compile("\\[([AB<>=]+)\\]");

    private final String label;
    private final double score;
    private final boolean isStrong;

    Verdict(String label, double score, boolean isStrong) {
        this.label = label;
        this.score = score;
        this.isStrong = isStrong;
    }

    /** As it is written. */
    public String label() {
        return label;
    }

    /** 1 where A is better, ½ for a tie, 0 where B is. */
    public double score() {
        return score;
    }

    /** Battles that it counts for. */
    public int weight() {
        return isStrong ? STRONG_WEIGHT : 1;
    }

    /** The verdict that a label names; empty for another label. v0.1 knows only the first five. */
    public static Optional<Verdict> of(String label, ArenaVersion version) {
        return Arrays.stream(values()).limit(version == ArenaVersion.V01 ? OLD_LABELS : Integer.MAX_VALUE)
                .filter(verdict -> verdict.label.equals(label)).findFirst();
    }

    /**
     * What a reply says.
     *
     * @param label the last label in double brackets, else in single ones; null where there is none. v0.1 reads double brackets alone, capital letters
     *     alone, and no label where several differ
     * @param isConflicting whether the reply has several labels that differ
     */
    public record Reading(String label, boolean isConflicting) {}

    /** Reads a reply. Its label need not be a verdict's: {@link #of} says. */
    public static Reading read(String reply, ArenaVersion version) {
        if (version == ArenaVersion.V01) {
            Reading found = last(DOUBLE.matcher(reply));
            return found.isConflicting() ? new Reading(null, true) : found;
        }
        String upper = reply.toUpperCase(Locale.ROOT);
        Reading found = last(DOUBLE.matcher(upper));
        return found.label() == null ? last(SINGLE.matcher(upper)) : found;
    }

    private static Reading last(Matcher matcher) {
        String label = null;
        boolean isConflicting = false;
        while (matcher.find()) {
            isConflicting |= label != null && !label.equals(matcher.group(1));
            label = matcher.group(1);
        }
        return new Reading(label, isConflicting);
    }
}
