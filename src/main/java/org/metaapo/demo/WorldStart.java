package org.metaapo.demo;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Model;
import org.metaapo.model.ModelConfig;
import org.metaapo.model.ModelLoader;

/**
 * What all methods of a world begin with: the policy after SFT on people's answers, with the tokenizer and the demonstrations it is
 * made of. Worlds that differ in their pairs and annotators alone have the same one, of the same seed.
 */
final class WorldStart {
    private final Path folder;
    private final WorldTerms terms;
    private final long seed;
    private final int threads;
    private final DemoRun sft;

    WorldStart(Path folder, WorldTerms terms, long seed, String device, int threads) {
        this.folder = folder;
        this.terms = terms;
        this.seed = seed;
        this.threads = threads;
        this.sft = new DemoRun(folder, "sft", seed, device, threads);
    }

    /** Writes demonstrations, the first model, and what SFT needs. The world's random numbers go on behind the demonstrations. */
    void writeFiles(World world, List<Request> requests) {
        Path demonstrations = folder.resolve("data").resolve("demonstrations.jsonl");
        DemoFiles.writeDemonstrations(demonstrations, world, requests);
        writeFirstModel();
        sft.write(List.of(
                "recipe: sft", "dtype: f32", "model: {path: " + DemoRun.quoted(base()) + "}",
                "data: {train: [" + DemoRun.quoted(demonstrations) + "], max_length: 64, max_prompt_length: 32}",
                "optimizer: {learning_rate: 2e-3, schedule: cosine, min_ratio: 0.05}",
                "train: {epochs: 4, batch: 32, micro_tokens: 2048}"));
    }

    private Path base() {
        return folder.resolve("base");
    }

    private void writeFirstModel() {
        if (Files.isDirectory(base())) {
            return;
        }
        Path tokenizer = folder.resolve("tokenizer");
        DemoFiles.writeTokenizer(tokenizer, terms);
        ModelConfig config = DemoFiles.modelConfig(terms);
        try (Engine engine = Engine.open(DeviceSpec.CPU, threads);
                Model model = engine.createModel(ModelLoader.shape(config), Dtype.F32)) {
            model.initialize(seed, 0.04);
            ModelLoader.create(base(), model, config, tokenizer);
        }
    }

    /** The training that makes it. */
    DemoRun sft() {
        return sft;
    }
}
