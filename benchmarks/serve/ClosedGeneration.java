import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Generator;
import org.metaapo.engine.GeneratorOptions;
import org.metaapo.engine.Sampling;
import org.metaapo.files.Json;
import org.metaapo.jobs.Policy;

/** Closed generation on demand: a line of JSON with prompts and a length in, a line with its seconds, and those of the first tokens alone, out. */
public final class ClosedGeneration {
    private ClosedGeneration() {}

    /** model, dtype, threads, sequences, cache tokens. */
    public static void main(String[] arguments) throws Exception {
        try (Policy policy = Policy.open(Path.of(arguments[0]));
                Engine engine = Engine.open(DeviceSpec.CPU, Integer.parseInt(arguments[2]));
                AdaptedFolder.Loaded weights = policy.load(engine, Dtype.fromName(arguments[1]));
                Generator generator = weights.network().generator(new GeneratorOptions(Integer.parseInt(arguments[3]), Long.parseLong(arguments[4])));
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
            System.out.println("ready");
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                JsonNode asked = Json.parse(line, "asked");
                List<int[]> prompts = new ArrayList<>();
                for (JsonNode prompt : asked.path("prompts")) {
                    int[] ids = new int[prompt.size()];
                    for (int i = 0; i < ids.length; i++) {
                        ids[i] = prompt.get(i).intValue();
                    }
                    prompts.add(ids);
                }
                System.out.println("{\"seconds\": " + seconds(generator, prompts, asked.path("tokens").intValue()) + ", \"prefill\": " + seconds(generator, prompts, 1) + "}");
            }
        }
    }

    private static double seconds(Generator generator, List<int[]> prompts, int tokens) {
        long begin = System.nanoTime();
        generator.generate(prompts, LongStream.range(0, prompts.size()).toArray(), new Sampling(1, tokens, false, 0, 1, 1, 1, new int[0]), null);
        return (System.nanoTime() - begin) / 1e9;
    }
}
