package org.metaapo.jobs;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.metaapo.data.DataFiles;
import org.metaapo.data.Row;
import org.metaapo.error.UsageException;
import org.metaapo.files.StandardInput;
import org.metaapo.ranks.Ranks;

/** The rows of a job, of which each rank reads all and does a share. */
final class JobRows {
    private JobRows() {}

    /**
     * Reads data files.
     *
     * @param variables of the chat template, which a row's own go before
     * @throws UsageException if ranks are to read standard input, or do not find the same rows
     */
    static List<Row> load(List<Path> data, Map<String, Object> variables, Ranks ranks) {
        List<Row> rows = ranks.agree(() -> {
            if (ranks.size() > 1 && data.stream().anyMatch(StandardInput::isMeant)) {
                throw new UsageException("--data is -, standard input, which one of several ranks alone can read; give a file");
            }
            return DataFiles.load(data, DataFiles.Options.STRICT.with(variables)).rows();
        });
        List<byte[]> all = ranks.gather(ByteBuffer.allocate(2 * Integer.BYTES).putInt(rows.size()).putInt(rows.hashCode()).array());
        ranks.lead(() -> {
            for (int rank = 1; rank < all.size(); rank++) {
                if (!Arrays.equals(all.get(0), all.get(rank))) {
                    throw new UsageException(data.get(0) + ": has " + rows.size() + " rows on rank 0 and other ones on rank " + rank
                            + "; give all ranks the same files");
                }
            }
        });
        return rows;
    }
}
