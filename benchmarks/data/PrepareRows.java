import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.metaapo.data.DataFiles;
import org.metaapo.data.EncodedRow;
import org.metaapo.data.Preparation;
import org.metaapo.data.RowCache;
import org.metaapo.data.RowFilter;
import org.metaapo.data.RowStore;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.Tokenizer;

/**
 * How long a data file takes to be opened, tokenized and indexed, and to be found again in the cache. One JSON line. Run by
 * prepare_rows.sh.
 */
public final class PrepareRows {
    public static void main(String[] args) {
        Path model = Path.of(args[0]);
        Path data = Path.of(args[1]);
        Path cache = Path.of(args[2]);
        int threads = Integer.parseInt(args[3]);
        long start = System.nanoTime();
        try (Tokenizer tokenizer = Tokenizer.load(model)) {
            ChatFormat format = ChatFormat.load(model, tokenizer, new int[0], false);
            Preparation preparation = new Preparation(
                    List.of(data), DataFiles.Options.STRICT, Preparation.Need.PAIR, format, 4096, 2048, RowFilter.NONE, false, threads);
            try (RowStore rows = new RowCache(cache, System.err::println).rows(preparation, DataFiles.Watch.NONE)) {
                double seconds = (System.nanoTime() - start) * 1e-9;
                long tokens = 0;
                for (EncodedRow row : rows) {
                    tokens += row.promptTokens() + row.chosenTokens() + row.rejectedTokens();
                }
                long peak = ManagementFactory.getMemoryPoolMXBeans().stream()
                        .filter(pool -> pool.getType() == java.lang.management.MemoryType.HEAP)
                        .mapToLong(pool -> pool.getPeakUsage().getUsed()).sum();
                double cpu = ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                        .getProcessCpuTime() * 1e-9;
                System.out.printf(Locale.ROOT, "{\"rows\": %d, \"tokens\": %d, \"threads\": %d, \"seconds\": %.2f, \"cpu_seconds\": %.2f, "
                                + "\"tokens_per_second\": %.0f, \"heap_peak_mib\": %d, \"heap_limit_mib\": %d, \"digest\": \"%s\"}%n",
                        rows.size(), tokens, threads, seconds, cpu, tokens / seconds, peak >> 20,
                        Runtime.getRuntime().maxMemory() >> 20, rows.stats().digest().substring(0, 16));
            }
        }
    }
}
