package org.metaapo.data;

import java.util.List;
import java.util.Map;

/**
 * What came of preparing rows.
 *
 * @param files each file that was read, in order
 * @param sourceEnds number of rows up to the end of each source (entry of the list of paths)
 * @param bad how many bad rows were skipped
 * @param skipped file, row and cause of the first ten thousand of them
 * @param dropped how many good rows were left out, by reason
 * @param repeatedPrompts rows whose prompt an earlier row has; those that were left out for it are counted in {@code dropped}
 * @param cutPrompts prompts that were cut
 * @param cutAnswers answers that were cut
 * @param onlinePairs rows with a given online pair, whether it is taken or not
 * @param digest SHA-256 of all tokens in order
 */
public record RowStats(
        List<FileRows> files,
        List<Integer> sourceEnds,
        int bad,
        List<String> skipped,
        Map<String, Integer> dropped,
        int repeatedPrompts,
        int cutPrompts,
        int cutAnswers,
        int onlinePairs,
        String digest) {
    /**
     * The rows of a file.
     *
     * @param path as given
     * @param separator between path and a row's number, as people are shown it
     * @param schema columns of its layout
     * @param first number of its first row among all that are left
     */
    public record FileRows(String path, String separator, String schema, int first) {}
}
