package org.metaapo.config;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Finds what somebody may have mistyped. A name is compared word by word: a word that is a name's own somewhere, such as {@code min}, was
 * meant, and is never taken for another, such as {@code max}.
 */
public final class Nearest {
    private static final int LONG_WORD = 5;

    private final Collection<String> candidates;
    private final Set<String> known = new HashSet<>();

    /**
     * Among some names.
     *
     * @param candidates the names
     * @param others further names, whose words are known too
     */
    public Nearest(Collection<String> candidates, Collection<String> others) {
        this.candidates = candidates;
        candidates.forEach(name -> known.addAll(words(name)));
        others.forEach(name -> known.addAll(words(name)));
    }

    /** Among some names. */
    public Nearest(Collection<String> candidates) {
        this(candidates, List.of());
    }

    /** The candidates that {@code name} is near enough to, with the fewest mistakes; mostly none or one. */
    public List<String> to(String name) {
        List<String> best = new ArrayList<>();
        int fewest = Integer.MAX_VALUE;
        for (String candidate : candidates) {
            int mistakes = mistakes(words(name), words(candidate));
            if (mistakes < fewest) {
                fewest = mistakes;
                best.clear();
            }
            if (mistakes == fewest && mistakes < Integer.MAX_VALUE) {
                best.add(candidate);
            }
        }
        return best;
    }

    /** {@code did you mean train?}, or all names where none is near enough. */
    public String hint(String name) {
        List<String> near = to(name);
        return near.isEmpty() ? "expected one of " + String.join(", ", candidates) : "did you mean " + String.join(" or ", near) + "?";
    }

    private int mistakes(List<String> given, List<String> wanted) {
        if (String.join("", given).equals(String.join("", wanted))) {
            return 0;
        }
        if (given.size() != wanted.size()) {
            return Integer.MAX_VALUE;
        }
        int sum = 0;
        for (int i = 0; i < given.size(); i++) {
            String word = given.get(i);
            String other = wanted.get(i);
            if (word.equals(other)) {
                continue;
            }
            boolean isPlural = (word + "s").equals(other) || word.equals(other + "s");
            int allowed = allowed(word, other);
            // Lengths first: a word in a damaged file may be as long as that.
            if (!isPlural && known.contains(word) || Math.abs(word.length() - other.length()) > allowed || edits(word, other) > allowed) {
                return Integer.MAX_VALUE;
            }
            sum += edits(word, other);
        }
        return sum;
    }

    private static int allowed(String word, String other) {
        int shorter = Math.min(word.length(), other.length());
        return shorter >= LONG_WORD ? 2 : shorter >= 3 ? 1 : 0;
    }

    /** {@code learningRate}, {@code learning-rate} and {@code optimizer.learning_rate} are words alike. */
    private static List<String> words(String name) {
        String separated = name.replaceAll("(?<=[a-z])(?=[A-Z])", "_").toLowerCase(Locale.ROOT);
        return Arrays.stream(separated.split("[^\\p{L}\\p{N}]+")).filter(word -> !word.isEmpty()).toList();
    }

    /** Letters left out, added, replaced, or swapped with their neighbour. */
    private static int edits(String a, String b) {
        int[][] cost = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    cost[i][j] = i + j;
                    continue;
                }
                int replaced = cost[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                cost[i][j] = Math.min(replaced, Math.min(cost[i - 1][j], cost[i][j - 1]) + 1);
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    cost[i][j] = Math.min(cost[i][j], cost[i - 2][j - 2] + 1);
                }
            }
        }
        return cost[a.length()][b.length()];
    }
}
