package org.metaapo.demo;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Model;
import org.metaapo.engine.Sampling;
import org.metaapo.files.AtomicFiles;
import org.metaapo.jobs.Policy;
import org.metaapo.model.ModelConfig;
import org.metaapo.model.ModelLoader;
import org.metaapo.rollout.AnswerWriter;
import org.metaapo.text.Conversation;
import org.metaapo.train.Recipes;
import org.metaapo.train.RunFolder;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/** The whole story: world, SFT, reward model, MetaAPO, and what it was worth on held-out prompts. */
public final class Demo {
    private static final int DEMONSTRATIONS = 8000;
    private static final int JUDGEMENTS = 4000;
    private static final int PAIRS = 2048;
    private static final int HELD_OUT = 400;
    private static final double ANNOTATOR_NOISE = 0.05;
    private static final double OFFLINE_NOISE = 0.1;
    private static final int MAX_NEW_TOKENS = 16;

    private final Path folder;
    private final long seed;
    private final int threads;
    private final RunListener listener;
    private final StopSignal stop;

    private Demo(Path folder, long seed, int threads, RunListener listener, StopSignal stop) {
        this.folder = folder.toAbsolutePath().normalize();
        this.seed = seed;
        this.threads = threads;
        this.listener = listener;
        this.stop = stop;
    }

    /** Runs the demo in a folder, going on where an earlier one stopped; returns the text to print. */
    public static String run(Path folder, long seed, int threads, RunListener listener, StopSignal stop) {
        return new Demo(folder, seed, threads, listener, stop).story();
    }

    private String story() {
        long start = System.nanoTime();
        World world = new World(seed);
        List<Request> all = world.requests(DEMONSTRATIONS + JUDGEMENTS + PAIRS + HELD_OUT);
        int at = 0;
        List<Request> demonstrations = all.subList(at, at += DEMONSTRATIONS);
        List<Request> judgements = all.subList(at, at += JUDGEMENTS);
        List<Request> pairs = all.subList(at, at += PAIRS);
        List<Request> heldOut = all.subList(at, at + HELD_OUT);
        makeWorld(world, demonstrations, judgements, pairs, heldOut);
        train("sft", "1 of 3: supervised fine-tuning on people's mixed answers");
        train("reward", "2 of 3: reward model from noisy judgements");
        train("metaapo", "3 of 3: MetaAPO on old, partly stale preference pairs");
        return new DemoSummary(heldOut, answers(path("sft"), heldOut), answers(path("metaapo"), heldOut), path("metaapo"), seed)
                .text((System.nanoTime() - start) * 1e-9);
    }

    private Path path(String name) {
        return folder.resolve(name);
    }

    private void makeWorld(
            World world, List<Request> demonstrations, List<Request> judgements, List<Request> pairs, List<Request> heldOut) {
        listener.begin("making the world", 0);
        Path data = path("data");
        DemoFiles.writeDemonstrations(data.resolve("demonstrations.jsonl"), world, demonstrations);
        DemoFiles.writeJudgements(data.resolve("judgements.jsonl"), world, judgements, ANNOTATOR_NOISE);
        DemoFiles.writeOfflinePairs(data.resolve("pairs.jsonl"), world, pairs, OFFLINE_NOISE);
        DemoFiles.writePrompts(data.resolve("held-out.jsonl"), heldOut);
        Path base = path("base");
        if (!Files.isDirectory(base)) {
            Path tokenizer = path("tokenizer");
            DemoFiles.writeTokenizer(tokenizer);
            ModelConfig config = DemoFiles.modelConfig();
            try (Engine engine = Engine.open(DeviceSpec.CPU, threads);
                    Model model = engine.createModel(ModelLoader.shape(config), Dtype.F32)) {
                model.initialize(seed, 0.04);
                ModelLoader.create(base, model, config, tokenizer);
            }
        }
        config("sft", "recipe: sft", "model: {path: " + quoted(base) + "}",
                "data: {train: [" + quoted(data.resolve("demonstrations.jsonl")) + "], max_length: 64, max_prompt_length: 32}",
                "optimizer: {learning_rate: 2e-3, schedule: cosine, min_ratio: 0.05}",
                "train: {epochs: 4, batch: 32, micro_tokens: 2048}");
        config("reward", "recipe: reward-model", "model: {path: " + quoted(path("sft").resolve("model")) + "}",
                "data: {train: [" + quoted(data.resolve("judgements.jsonl")) + "], max_length: 64, max_prompt_length: 32}",
                "optimizer: {learning_rate: 5e-4, schedule: cosine, min_ratio: 0.05}",
                "train: {epochs: 3, batch: 32, micro_tokens: 2048}");
        config("metaapo", "recipe: metaapo", "model: {path: " + quoted(path("sft").resolve("model")) + "}",
                "reward: {path: " + quoted(path("reward").resolve("model")) + "}",
                "data: {train: [" + quoted(data.resolve("pairs.jsonl")) + "], max_length: 64, max_prompt_length: 32}",
                "objective: {name: dpo, beta: 0.1}",
                "meta: {every: 4}",
                "rollout: {slice: 256, k: 8, max_new_tokens: " + MAX_NEW_TOKENS + "}",
                "optimizer: {learning_rate: 2e-4, schedule: cosine, min_ratio: 0.1}",
                "train: {epochs: 1, batch: 16, micro_tokens: 2048}");
        listener.end();
    }

    private static String quoted(Path path) {
        return "\"" + path.toString().replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    private Path configFile(String name) {
        return folder.resolve(name + ".yaml");
    }

    private void config(String name, String... lines) {
        List<String> all = new ArrayList<>(List.of(
                "# made by metaapo demo; run it again with: metaapo train " + configFile(name).getFileName() + " out=another-folder",
                "out: " + quoted(path(name)), "seed: " + seed, "dtype: f32", "threads: " + threads));
        all.addAll(Arrays.asList(lines));
        AtomicFiles.write(configFile(name), String.join("\n", all) + "\n");
    }

    private void train(String name, String title) {
        listener.note(title);
        Recipes.run(RunConfig.load(configFile(name), List.of()), listener, stop);
    }

    /** One sampled answer to each request. */
    private List<String> answers(Path run, List<Request> requests) {
        try (Engine engine = Engine.open(DeviceSpec.CPU, threads);
                Policy policy = Policy.open(new RunFolder(run).model());
                Model model = policy.load(engine, Dtype.F32)) {
            List<int[]> prompts = requests.stream()
                    .map(r -> policy.format().encodePrompt(Conversation.ask(r.text()))).toList();
            long[] keys = new long[prompts.size()];
            Arrays.setAll(keys, i -> i);
            Sampling sampling = new Sampling(1, MAX_NEW_TOKENS, false, 0, 1, 1, seed, policy.format().stopIds());
            listener.begin("answering held-out prompts", prompts.size());
            List<String> texts = new ArrayList<>();
            for (List<GeneratedAnswer> answer : new AnswerWriter(model, 64)
                    .write(prompts, keys, sampling, done -> listener.progress(done, ""))) {
                int[] ids = answer.get(0).tokens();
                int[] text = answer.get(0).stopped() ? Arrays.copyOf(ids, ids.length - 1) : ids;
                texts.add(policy.format().tokenizer().decode(text, true));
            }
            listener.end();
            return texts;
        }
    }
}
