package org.metaapo.demo;

import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.metaapo.files.RunLock;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/**
 * A world in a folder: data, a policy after SFT, a reward model, and the gold reward. All of it follows from the seed;
 * what is there already is not made again.
 */
public final class DemoWorld {
    private static final int HELD_OUT = 400;
    /** Pairs a held-out request that the reward model is measured by. */
    private static final int MEASURED_PAIRS = 4;
    private static final int MAX_NEW_TOKENS = 16;
    /** Set apart from the world's own seed, so that validation prompts change nothing in the world. */
    private static final long VALIDATION = 0x5DEECE66DL;

    /** Set apart likewise: of the pairs that the reward model is measured by. */
    private static final long MEASURED = 0x2545F4914FL;

    private final Path folder;
    private final WorldTerms terms;
    private final long seed;
    private final String device;
    private final int threads;
    /** Folder of a start that other worlds may have too; null for one of this world's own. */
    private final Path shared;
    private final WorldStart start;
    private final List<Request> test;
    private final List<Request> validation;

    /** Draws the requests; writes nothing. The device is that of the runs, as a configuration has it. */
    public DemoWorld(Path folder, WorldTerms terms, long seed, String device, int threads) {
        this(folder, folder, null, terms, seed, device, threads);
    }

    /** With the start in a folder that other worlds whose {@link WorldTerms#people} are the same, of the same seed, may share. */
    public DemoWorld(Path folder, Path start, WorldTerms terms, long seed, String device, int threads) {
        this(folder, start, start, terms, seed, device, threads);
    }

    private DemoWorld(Path folder, Path start, Path shared, WorldTerms terms, long seed, String device, int threads) {
        this.folder = folder.toAbsolutePath().normalize();
        this.terms = terms;
        this.seed = seed;
        this.device = device;
        this.threads = threads;
        this.shared = shared;
        this.start = new WorldStart(start.toAbsolutePath().normalize(), terms, seed, device, threads);
        List<Request> all = requests(new World(terms, seed));
        this.test = all.subList(all.size() - HELD_OUT, all.size());
        this.validation = others(all);
    }

    private List<Request> requests(World world) {
        return world.requests(terms.demonstrations() + terms.judgements() + terms.pairs() + HELD_OUT);
    }

    private List<Request> others(List<Request> all) {
        Set<String> known = new HashSet<>();
        all.forEach(request -> known.add(request.text()));
        // Of the few facts all are in the training data; of the other kinds no request comes twice.
        return new World(terms, seed ^ VALIDATION).requests(10 * HELD_OUT).stream()
                .filter(request -> request.kind().isFew() || !known.contains(request.text()))
                .limit(HELD_OUT)
                .toList();
    }

    /** Writes data and the first model, then trains SFT model and reward model; goes on where an earlier call stopped. */
    public void make(RunListener listener, StopSignal stop) {
        try (RunLock lock = shared == null ? null : RunLock.await(shared, told(listener, stop))) {
            listener.begin("making the world", 0);
            writeFiles();
            listener.end();
            listener.note("supervised fine-tuning on people's mixed answers");
            start.sft().train(listener, stop);
        }
        if (trainsReward()) {
            listener.note("reward model from noisy judgements");
            reward().train(listener, stop);
        }
    }

    /** Of waiting for another suite that makes the same start. */
    private static Consumer<String> told(RunListener listener, StopSignal stop) {
        AtomicBoolean isTold = new AtomicBoolean();
        return why -> {
            stop.check();
            if (!isTold.getAndSet(true)) {
                listener.note("waiting for the start that another suite makes: " + why);
            }
        };
    }

    private boolean trainsReward() {
        return terms.judgements() > 0;
    }

    /** A run in this folder. */
    DemoRun run(String name) {
        return new DemoRun(folder, name, seed, device, threads);
    }

    private DemoRun reward() {
        return run("reward");
    }

    /** Writes data, the first model, and what SFT and rewards need. */
    void writeFiles() {
        writeData();
        if (!trainsReward()) {
            WorldReward.write(path("annotators"), terms, seed);
            return;
        }
        reward().write(List.of(
                "recipe: reward-model", "dtype: f32", "model: {path: " + DemoRun.quoted(startModel()) + "}",
                "data: {train: [" + quoted("judgements") + "], eval: [" + quoted("gold-judgements") + "], max_length: 64, max_prompt_length: 32}",
                "optimizer: {learning_rate: 5e-4, schedule: cosine, min_ratio: 0.05}",
                "train: {epochs: 3, batch: 32, micro_tokens: 2048}"));
    }

    /** Whether there is nothing left to make. */
    public boolean isMade() {
        return start.sft().isDone() && (!trainsReward() || reward().isDone());
    }

    private void writeData() {
        World world = new World(terms, seed);
        List<Request> all = requests(world);
        int at = 0;
        // In this order: the world's random numbers go on from one file to the next.
        start.writeFiles(world, all.subList(at, at += terms.demonstrations()));
        if (trainsReward()) {
            DemoFiles.writeJudgements(data("judgements"), world, all.subList(at, at += terms.judgements()), terms);
        }
        DemoFiles.writeOfflinePairs(data("pairs"), world, all.subList(at, at + terms.pairs()), terms);
        DemoFiles.writeGoldJudgements(data("gold-judgements"), new World(terms, seed ^ MEASURED),
                Collections.nCopies(MEASURED_PAIRS, validation).stream().flatMap(List::stream).toList());
        DemoFiles.writePrompts(testPrompts(), test);
        DemoFiles.writePrompts(validationPrompts(), validation);
    }

    /** Lines of configuration that every method shares in this world: models, data, lengths and the optimizer's terms. */
    public List<String> settings() {
        return List.of(
                "dtype: f32",
                "model: {path: " + DemoRun.quoted(startModel()) + "}",
                trainsReward()
                        ? "reward: {path: " + DemoRun.quoted(reward().run().model()) + "}"
                        : "reward: {class: " + WorldReward.class.getName() + ", class_path: [" + DemoRun.quoted(path("annotators")) + "]}",
                "data: {train: [" + quoted("pairs") + "], max_length: 64, max_prompt_length: 32}",
                "meta: {every: 4}",
                "rollout: {slice: " + terms.slice() + ", max_new_tokens: " + MAX_NEW_TOKENS + "}",
                "optimizer: {learning_rate: 2e-4, schedule: cosine, min_ratio: 0.1}",
                "train: {epochs: 1, batch: 16, micro_tokens: 2048}");
    }

    /** Longest answer on held-out prompts, in tokens. */
    public int maxNewTokens() {
        return MAX_NEW_TOKENS;
    }

    /** The policy after SFT, from which every method starts. */
    public Path startModel() {
        return start.sft().run().model();
    }

    /** Held-out prompts of the final measurement. */
    public Path testPrompts() {
        return data("held-out");
    }

    /** Held-out prompts for choosing settings; none of them is a test prompt but for the few facts. */
    public Path validationPrompts() {
        return data("validation");
    }

    /** Kind of each test prompt, and whether its pairs are stale or its answers unknown before. */
    public List<String> kinds() {
        return test.stream().map(request -> terms.shown(request.kind())).toList();
    }

    /** Gold reward of an answer to a test prompt, by the prompt's number. */
    public double testGold(int prompt, String answer) {
        return Gold.reward(test.get(prompt), answer);
    }

    /** Gold reward of an answer to a validation prompt, by the prompt's number. */
    public double validationGold(int prompt, String answer) {
        return Gold.reward(validation.get(prompt), answer);
    }

    /** Gold reward of an answer to any prompt of the world; NaN for others, which a suite's own rows may have. */
    public double gold(String prompt, String answer) {
        Request request = World.find(prompt);
        return request == null ? Double.NaN : Gold.reward(request, answer);
    }

    /** How good its pairs and rewards are; of a world that {@link #make} has finished. */
    public WorldQuality quality() {
        return WorldQuality.of(data("pairs"), data("gold-judgements"), trainsReward() ? reward().run().metrics() : null,
                new WorldReward(terms, seed));
    }

    /** What makes the world. */
    WorldTerms terms() {
        return terms;
    }

    /** The test prompts' requests. */
    List<Request> test() {
        return test;
    }

    /** The validation prompts' requests. */
    List<Request> validation() {
        return validation;
    }

    /** What the demo writes at its folder's top. */
    List<Path> written() {
        return Stream.of("data", "base", "tokenizer", "sft.yaml", "sft", "annotators", "reward.yaml", "reward", "metaapo.yaml", "metaapo").map(this::path).toList();
    }

    Path path(String name) {
        return folder.resolve(name);
    }

    private Path data(String name) {
        return path("data").resolve(name + ".jsonl");
    }

    private String quoted(String data) {
        return DemoRun.quoted(data(data));
    }
}
