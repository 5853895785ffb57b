package org.metaapo.data;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.metaapo.error.DataException;

/** Files of a folder that say how many there are, such as {@code train-00000-of-00003.parquet}. */
final class Shards {
    /** What is before the number, the number, what is between, how many, the rest. */
    private static final Pattern NUMBERED = Pattern.compile("(.*-)(\\d{5})(-of-)(\\d{5})([^0-9].*)");

    private Shards() {}

    /**
     * Gives the files back, if no set among them lacks one; numbers may begin at 0 or at 1.
     *
     * @throws DataException naming the first file that is not there
     */
    static List<Path> complete(List<Path> files) {
        Set<Path> all = new HashSet<>(files);
        for (Path file : files) {
            Matcher shard = NUMBERED.matcher(file.getFileName().toString());
            if (!shard.matches()) {
                continue;
            }
            int count = Integer.parseInt(shard.group(4));
            int first = all.contains(sibling(file, shard, count)) && !all.contains(sibling(file, shard, 0)) ? 1 : 0;
            for (int i = first; i < first + count; i++) {
                Path wanted = sibling(file, shard, i);
                if (!all.contains(wanted)) {
                    throw new DataException(wanted + ": no such file, and " + file.getFileName() + " is one of " + count
                            + "; fetch it, or name those at hand by a pattern, such as " + file.resolveSibling(shard.group(1) + "*")
                            + ", to do without it");
                }
            }
        }
        return files;
    }

    private static Path sibling(Path file, Matcher shard, int number) {
        return file.resolveSibling(
                shard.group(1) + String.format(Locale.ROOT, "%05d", number) + shard.group(3) + shard.group(4) + shard.group(5));
    }
}
