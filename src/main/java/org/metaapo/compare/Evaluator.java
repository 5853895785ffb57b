package org.metaapo.compare;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.config.RunConfig;
import org.metaapo.data.DataFiles;
import org.metaapo.data.Row;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Network;
import org.metaapo.engine.Quantization;
import org.metaapo.engine.Sampling;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.error.DataException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;
import org.metaapo.files.SamePath;
import org.metaapo.jobs.Answering;
import org.metaapo.jobs.Policy;
import org.metaapo.ranks.Ranks;
import org.metaapo.reward.Annotator;
import org.metaapo.reward.RewardSource;
import org.metaapo.text.Answer;
import org.metaapo.text.ChatOptions;
import org.metaapo.text.TemplateVariables;
import org.metaapo.train.BaseWeights;
import org.metaapo.train.RankingWatch;
import org.metaapo.train.RunFolder;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/**
 * Lets a policy answer a split's prompts by sampling at temperature 1 and judges the answers. All policies of a seed draw
 * by the same random numbers, so that a comparison of two is less noisy.
 */
final class Evaluator {
    private static final int GROUP = 32;

    private final RunConfig shared;
    private final SeedWorld world;
    private final Split split;
    private final int answers;
    private final List<Row> rows;
    private final String identity;

    /** {@code shared} names start, source of rewards, device, lengths and seed. */
    Evaluator(RunConfig shared, SeedWorld world, Split split, int answers) {
        this.shared = shared;
        this.world = world;
        this.split = split;
        this.answers = answers;
        this.rows = DataFiles.load(world.prompts(split), DataFiles.Options.STRICT.with(TemplateVariables.of(shared))).rows();
        if (rows.isEmpty()) {
            throw new DataException(world.prompts(split) + ": no prompt");
        }
        this.identity = identity();
    }

    /** The prompts' rows. */
    List<Row> rows() {
        return rows;
    }

    private String identity() {
        List<String> parts = new ArrayList<>();
        for (String key : List.of("seed", "rollout.max_new_tokens")) {
            parts.add(key + " " + shared.integer(key));
        }
        RewardSource reward = RewardSource.of(shared);
        parts.addAll(List.of(answers + " answers", "dtype " + shared.text("dtype"), "start " + start(),
                "reward " + (reward.isLocal() ? reward.name() : reward.identity()), "gold " + world.hasGold()));
        if (BaseWeights.asked(shared) != null) {
            parts.add("model.quantize " + BaseWeights.asked(shared));
        }
        rows.forEach(row -> parts.add(row.prompt().toString()));
        return Digests.sha256(String.join("\n", parts).getBytes(StandardCharsets.UTF_8));
    }

    private String start() {
        Path adapter = shared.path("adapter.path");
        return shared.path("model.path") + (adapter == null ? "" : " with the adapter " + adapter);
    }

    private Path file(Path folder) {
        return folder.resolve(split + "-answers.json");
    }

    /** What an earlier call has found for a policy; null where there is nothing that holds still. */
    Evaluation known(Path folder) {
        if (!Files.isRegularFile(file(folder))) {
            return null;
        }
        try {
            Evaluation found = Json.mapper().treeToValue(Json.read(file(folder)), Evaluation.class);
            return identity.equals(found.identity()) ? found : null;
        } catch (JsonProcessingException | DataException e) {
            return null;
        }
    }

    /**
     * Evaluates a policy, and keeps what it finds in a folder.
     *
     * @param model its folder
     * @param adapter folder of the adapter over it; null for none
     * @param quantization packs the model's weights; null for them as the files have them
     */
    Evaluation of(Path model, Path adapter, Quantization quantization, Path folder, RunListener listener, StopSignal stop) {
        Evaluation known = known(folder);
        if (known != null) {
            return known;
        }
        try (Engine engine = Engine.open(DeviceSpec.parse(shared.text("device")), shared.count("threads"))) {
            Evaluation found = evaluate(engine, model, adapter, quantization, folder, listener, stop);
            AtomicFiles.write(file(folder), Json.write(found));
            return found;
        }
    }

    private Evaluation evaluate(
            Engine engine, Path model, Path adapter, Quantization quantization, Path folder, RunListener listener, StopSignal stop) {
        Dtype dtype = Dtype.fromName(shared.text("dtype"));
        List<List<GeneratedAnswer>> written;
        List<List<String>> texts;
        List<int[]> prompts;
        double[][] own;
        double[][] reference = null;
        try (Policy policy = Policy.open(model, adapter, quantization, ChatOptions.of(shared));
                AdaptedFolder.Loaded weights = policy.load(engine, dtype)) {
            Answering answering = new Answering(policy, rows, Ranks.single());
            prompts = answering.prompts();
            int room = Math.min(shared.count("rollout.max_new_tokens"), answering.room());
            if (room < 1) {
                throw new DataException(world.prompts(split) + ": the longest prompt leaves no room for an answer in the model's "
                        + policy.config().maxPositions() + " positions");
            }
            if (room < shared.count("rollout.max_new_tokens")) {
                listener.note("held-out answers have at most " + room + " tokens, not rollout.max_new_tokens, " + shared.count("rollout.max_new_tokens")
                        + ": the longest prompt leaves no more of the model's " + policy.config().maxPositions() + " positions");
            }
            listener.begin("answering", rows.size());
            Sampling sampling = new Sampling(answers, room, false, 0, 1, 1, shared.integer("seed"), new int[0]);
            written = answering.write(weights.network(), sampling, shared.count("rollout.sequences"), done -> {
                listener.progress(done, "");
                stop.check();
            }, listener::note);
            listener.end();
            texts = answering.texts(written);
            own = logprobs(weights.network(), prompts, written, stop);
            if (shared.path("adapter.path") == null && quantization == BaseWeights.asked(shared) && SamePath.same(model, shared.path("model.path"))) {
                reference = logprobs(weights.model(), prompts, written, stop);
            }
        }
        if (reference == null) {
            try (AdaptedFolder start = AdaptedFolder.open(shared.path("model.path"), shared.path("adapter.path")).quantized(BaseWeights.asked(shared));
                    AdaptedFolder.Loaded weights = start.load(engine, dtype, start.config().maxPositions())) {
                reference = logprobs(weights.network(), prompts, written, stop);
            }
        }
        double[][] ratio = own;
        for (int i = 0; i < ratio.length; i++) {
            for (int j = 0; j < answers; j++) {
                ratio[i][j] -= reference[i][j];
            }
        }
        double[][] reward = rewards(engine, dtype, folder, texts, listener, stop);
        int[][] tokens = written.stream()
                .map(list -> list.stream().mapToInt(answer -> answer.tokens().length).toArray()).toArray(int[][]::new);
        return new Evaluation(
                identity, world.hasGold() ? gold(texts) : null, reward, ratio, tokens,
                texts.stream().map(list -> list.toArray(String[]::new)).toArray(String[][]::new));
    }

    private double[][] logprobs(Network model, List<int[]> prompts, List<List<GeneratedAnswer>> written, StopSignal stop) {
        long longest = 1;
        for (int i = 0; i < prompts.size(); i++) {
            longest = Math.max(longest, prompts.get(i).length + written.get(i).stream().mapToInt(a -> a.tokens().length).sum());
        }
        double[][] all = new double[prompts.size()][];
        try (Scorer scorer = model.scorer(Math.max(longest, Math.min(shared.integer("train.micro_tokens"), longest * prompts.size())))) {
            for (int from = 0; from < all.length; from += GROUP) {
                int to = Math.min(all.length, from + GROUP);
                TokenBatch.Builder builder = TokenBatch.builder();
                for (int i = from; i < to; i++) {
                    builder.pack(prompts.get(i), written.get(i).stream().map(GeneratedAnswer::tokens).toList());
                }
                try (TokenBatch batch = builder.build()) {
                    double[] sums = scorer.logprobs(batch);
                    for (int i = from; i < to; i++) {
                        all[i] = Arrays.copyOfRange(sums, (i - from) * answers, (i - from + 1) * answers);
                    }
                }
                stop.check();
            }
        }
        return all;
    }

    private double[][] rewards(
            Engine engine, Dtype dtype, Path folder, List<List<String>> texts, RunListener listener, StopSignal stop) {
        listener.begin("scoring answers", rows.size());
        try (Annotator annotator = RewardSource.of(shared)
                .open(engine, dtype, shared.integer("train.micro_tokens"), new RunFolder(folder).rewards())) {
            List<List<Answer>> answers = texts.stream().map(list -> list.stream().map(Answer::of).toList()).toList();
            RankingWatch watch = new RankingWatch(listener, stop);
            double[][] rewards = annotator.score(rows.stream().map(Row::prompt).toList(), answers, watch).toArray(double[][]::new);
            listener.end();
            if (!watch.tooLong().isEmpty()) {
                listener.note("answers whose conversation is longer than the reward model reads: " + watch.tooLong().size());
            }
            if (Arrays.stream(rewards).flatMapToDouble(Arrays::stream).anyMatch(Double::isNaN)) {
                throw new DataException(rows.get(watch.tooLong().get(0)[0]).source() + ": an answer makes a conversation longer than the reward model reads, "
                        + "and a comparison needs the reward of each; set reward.overlong=cut, or lower rollout.max_new_tokens");
            }
            return rewards;
        }
    }

    private double[][] gold(List<List<String>> texts) {
        double[][] gold = new double[texts.size()][];
        for (int i = 0; i < gold.length; i++) {
            int prompt = i;
            gold[i] = texts.get(i).stream().mapToDouble(text -> world.gold(split, prompt, text)).toArray();
        }
        return gold;
    }
}
