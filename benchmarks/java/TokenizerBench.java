import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.metaapo.text.Tokenizer;

/**
 * Tokens a second of a tokenizer on a text file cut into documents of 1,200 characters, with one thread and with several in turn.
 * Prints CSV; fails if the threads change an id.
 *
 * <pre>java -cp 'target/classes:target/lib/*' benchmarks/java/TokenizerBench.java TOKENIZER_FOLDER TEXT_FILE [THREADS] [ROUNDS]</pre>
 */
public final class TokenizerBench {
    private static final int DOCUMENT = 1200;

    public static void main(String[] arguments) throws Exception {
        int threads = arguments.length > 2 ? Integer.parseInt(arguments[2]) : Runtime.getRuntime().availableProcessors();
        int rounds = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 5;
        String text = new String(Files.readAllBytes(Path.of(arguments[1])), StandardCharsets.UTF_8);
        List<String> documents = new ArrayList<>();
        for (int at = 0; at < text.length(); at += DOCUMENT) {
            documents.add(text.substring(at, Math.min(text.length(), at + DOCUMENT)));
        }
        try (Tokenizer tokenizer = Tokenizer.load(Path.of(arguments[0]))) {
            List<int[]> ids = encode(tokenizer, documents, 1);
            long tokens = ids.stream().mapToLong(document -> document.length).sum();
            double[][] seconds = new double[2][rounds];
            for (int round = 0; round < rounds; round++) {
                for (int side = 0; side < 2; side++) {
                    long start = System.nanoTime();
                    List<int[]> again = encode(tokenizer, documents, side == 0 ? 1 : threads);
                    seconds[side][round] = (System.nanoTime() - start) * 1e-9;
                    for (int i = 0; i < ids.size(); i++) {
                        if (!Arrays.equals(ids.get(i), again.get(i))) {
                            throw new AssertionError("document " + i + " has other ids with other threads");
                        }
                    }
                }
            }
            System.out.println("vocabulary,documents,tokens,threads,tokens_per_s");
            for (int side = 0; side < 2; side++) {
                Arrays.sort(seconds[side]);
                System.out.printf("%d,%d,%d,%d,%.0f%n", tokenizer.vocabularySize(), documents.size(), tokens, side == 0 ? 1 : threads,
                        tokens / seconds[side][rounds / 2]);
            }
        }
    }

    private static List<int[]> encode(Tokenizer tokenizer, List<String> documents, int threads) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Callable<int[]>> work = new ArrayList<>();
            documents.forEach(document -> work.add(() -> tokenizer.encode(document)));
            List<int[]> ids = new ArrayList<>();
            for (Future<int[]> each : pool.invokeAll(work)) {
                ids.add(each.get());
            }
            return ids;
        } finally {
            pool.shutdown();
        }
    }
}
