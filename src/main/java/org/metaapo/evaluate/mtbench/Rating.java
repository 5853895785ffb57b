package org.metaapo.evaluate.mtbench;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a judge's reply gives an answer: the first number in double brackets, else the first in single ones.
 *
 * @param score from 1 to 10; null where there is none
 * @param written the number as it stands, null where there is none; it need not be a score
 * @param isConflicting whether the reply has several numbers in such brackets that differ
 */
public record Rating(Double score, String written, boolean isConflicting) {
    private static final Pattern DOUBLE = Pattern.compile("\\[\\[(\\d+\\.?\\d*)\\]\\]");
    private static final Pattern SINGLE = Pattern.compile("\\[(\\d+\\.?\\d*)\\]");
    /** Digits as a program's source writes numbers: no zero in front. */
    private static final Pattern NUMBER = Pattern.compile("[1-9]\\d*\\.?\\d*");
    private static final double LOWEST = 1;
    private static final double HIGHEST = 10;

    /** Reads a reply. */
    public static Rating of(String reply) {
        Rating found = first(DOUBLE.matcher(reply));
        return found.written() == null ? first(SINGLE.matcher(reply)) : found;
    }

    private static Rating first(Matcher matcher) {
        String written = null;
        boolean isConflicting = false;
        while (matcher.find()) {
            isConflicting |= written != null && !written.equals(matcher.group(1));
            written = written == null ? matcher.group(1) : written;
        }
        boolean isNumber = written != null && NUMBER.matcher(written).matches();
        return new Rating(isNumber && isScore(Double.parseDouble(written)) ? Double.valueOf(written) : null, written, isConflicting);
    }

    /** Whether a number is one of the scale. */
    public static boolean isScore(double score) {
        return score >= LOWEST && score <= HIGHEST;
    }
}
