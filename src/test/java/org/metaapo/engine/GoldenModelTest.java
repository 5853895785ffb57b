package org.metaapo.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.checkpoint.SafetensorsFile;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.ModelLoader;
import org.metaapo.text.Answer;

/** The engine against transformers: log-probs, gradients, optimizer steps, greedy answers, rewards. */
class GoldenModelTest {
    private static final String[] SIDES = {"chosen", "rejected"};

    private static Model load(Engine engine, String name, Dtype dtype) {
        try (ModelFolder folder = ModelFolder.open(Fixtures.path(name))) {
            return ModelLoader.load(engine, folder, dtype, folder.config().head(), 0);
        }
    }

    private static int[] ids(JsonNode array) {
        int[] ids = new int[array.size()];
        Arrays.setAll(ids, i -> array.get(i).asInt());
        return ids;
    }

    private static TokenBatch batch(JsonNode golden, boolean shared) {
        TokenBatch.Builder builder = TokenBatch.builder();
        for (JsonNode pair : golden.path("pairs")) {
            List<int[]> answers = new ArrayList<>();
            int[] prompt = null;
            for (String side : SIDES) {
                int[] all = ids(pair.path(side).path("ids"));
                int split = pair.path(side).path("prompt_tokens").asInt();
                prompt = Arrays.copyOf(all, split);
                answers.add(Arrays.copyOfRange(all, split, all.length));
                if (!shared) {
                    builder.pack(prompt, List.of(answers.get(answers.size() - 1)));
                }
            }
            if (shared) {
                builder.pack(prompt, answers);
            }
        }
        return builder.build();
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-qwen2", "tiny-qwen2-windows", "tiny-mistral-windows"})
    void tokenLogProbs(String name) {
        JsonNode golden = Json.read(Fixtures.path(name + ".golden.json"));
        try (Engine engine = Engine.open(DeviceSpec.CPU, 2)) {
            for (Dtype dtype : Dtype.values()) {
                for (boolean shared : new boolean[] {true, false}) {
                    try (Model model = load(engine, name, dtype);
                            TokenBatch batch = batch(golden, shared);
                            Scorer scorer = model.scorer(300)) {
                        Scorer.LogProbs found = scorer.tokenLogprobs(batch);
                        double error = 0;
                        int tokens = 0;
                        int answer = 0;
                        for (JsonNode pair : golden.path("pairs")) {
                            for (String side : SIDES) {
                                for (int t = 0; t < found.tokens()[answer].length; t++, tokens++) {
                                    double expected = pair.path(side).path("logps").get(t).asDouble();
                                    error += Math.abs(found.tokens()[answer][t] - expected);
                                    if (dtype == Dtype.F32) {
                                        assertThat((double) found.tokens()[answer][t]).isCloseTo(expected, within(1e-4));
                                    }
                                }
                                answer++;
                            }
                        }
                        assertThat(error / tokens).isLessThan(2e-2);
                    }
                }
            }
        }
    }

    /** Forward, the golden loss, backward; returns the loss. */
    private static double forwardBackward(Trainer trainer, TokenBatch batch, JsonNode golden) {
        double[] sums = trainer.forward(batch);
        double[] dsums = new double[sums.length];
        double loss = 0;
        int rows = golden.path("pairs").size();
        for (int i = 0; i < rows; i++) {
            JsonNode pair = golden.path("pairs").get(i);
            Pairs one = new Pairs(new int[] {2 * i}, new int[] {2 * i + 1}, null, null, references(golden), null);
            PairResults r = PreferenceLoss.evaluate(
                    one, sums, Objective.dpo(golden.path("beta").asDouble()), Weighting.constant(1), 1);
            double weight = golden.path("pair_weights").get(i).asDouble() / rows;
            loss += weight * r.loss()[0];
            dsums[2 * i] += weight * r.dsums()[2 * i];
            dsums[2 * i + 1] += weight * r.dsums()[2 * i + 1];
            assertThat(pair.path("chosen").path("logp_sum").asDouble()).isNegative();
        }
        trainer.backward(dsums);
        return loss;
    }

    private static double[] references(JsonNode golden) {
        double[] sums = new double[2 * golden.path("pairs").size()];
        Arrays.setAll(sums, i -> golden.path("pairs").get(i / 2).path(SIDES[i % 2]).path("ref_logp_sum").asDouble());
        return sums;
    }

    private static float[] state(Trainer trainer, Trainer.State state, TensorInfo tensor) {
        FloatBuffer buffer = ByteBuffer.allocateDirect((int) tensor.count() * 4).order(ByteOrder.nativeOrder()).asFloatBuffer();
        trainer.read(state, tensor, 0, buffer);
        float[] values = new float[(int) tensor.count()];
        buffer.rewind().get(values);
        return values;
    }

    /** Relative error of all tensors together; no single one may err by more than {@code worst}. */
    private static double compare(Trainer trainer, Model model, Trainer.State state, Path file, double worst) {
        double difference = 0;
        double size = 0;
        try (SafetensorsFile golden = SafetensorsFile.open(file)) {
            for (TensorInfo tensor : model.tensors()) {
                float[] found = state(trainer, state, tensor);
                FloatBuffer expected = golden.map(tensor.name()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
                double d = 0;
                double s = 0;
                for (int i = 0; i < found.length; i++) {
                    d += Math.pow(found[i] - expected.get(i), 2);
                    s += Math.pow(expected.get(i), 2);
                }
                assertThat(Math.sqrt(d / s)).as(tensor.name()).isLessThan(worst);
                difference += d;
                size += s;
            }
        }
        return Math.sqrt(difference / size);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-qwen2", "tiny-qwen2-windows", "tiny-mistral-windows"})
    void fullGradientAndFiveAdamWSteps(String name) {
        JsonNode golden = Json.read(Fixtures.path(name + ".golden.json"));
        for (boolean recompute : new boolean[] {false, true}) {
            try (Engine engine = Engine.open(DeviceSpec.CPU, 2);
                    Model model = load(engine, name, Dtype.F32);
                    TokenBatch batch = batch(golden, true);
                    Trainer trainer = model.trainer(new TrainerOptions(batch.tokens(), recompute))) {
                assertThat(forwardBackward(trainer, batch, golden)).isCloseTo(golden.path("loss").asDouble(), within(1e-5));
                assertThat(compare(trainer, model, Trainer.State.GRADIENT, Fixtures.path(name + ".grads.safetensors"), 1e-3))
                        .isLessThan(1e-4);
                trainer.zeroGradients();
                JsonNode a = golden.path("adamw");
                for (int step = 0; step < 5; step++) {
                    double loss = forwardBackward(trainer, batch, golden);
                    double norm = trainer.step(new AdamW(
                            a.path("lr").asDouble(), a.path("betas").get(0).asDouble(), a.path("betas").get(1).asDouble(),
                            a.path("eps").asDouble(), a.path("weight_decay").asDouble(), a.path("clip").asDouble(), step + 1));
                    JsonNode expected = a.path("curve").get(step);
                    assertThat(loss / expected.path("loss").asDouble()).isCloseTo(1, within(1e-4));
                    assertThat(norm / expected.path("grad_norm").asDouble()).isCloseTo(1, within(1e-4));
                }
                assertThat(compare(trainer, model, Trainer.State.MASTER, Fixtures.path(name + ".after5.safetensors"), 1e-3))
                        .isLessThan(1e-4);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-qwen2", "tiny-qwen2-windows", "tiny-mistral-windows"})
    void greedyAnswersAreIdentical(String name) {
        JsonNode golden = Json.read(Fixtures.path(name + ".golden.json")).path("greedy");
        List<int[]> prompts = new ArrayList<>();
        golden.forEach(answer -> prompts.add(ids(answer.path("prompt_ids"))));
        try (Engine engine = Engine.open(DeviceSpec.CPU, 2);
                ModelFolder folder = ModelFolder.open(Fixtures.path(name));
                Model model = load(engine, name, Dtype.F32);
                Generator generator = model.generator(new GeneratorOptions(3, 400))) {
            Sampling greedy = new Sampling(1, 40, true, 0, 1, 1, 0, folder.stopIds());
            List<List<GeneratedAnswer>> answers = generator.generate(prompts, new long[prompts.size()], greedy, null);
            for (int i = 0; i < prompts.size(); i++) {
                assertThat(answers.get(i).get(0).tokens()).containsExactly(ids(golden.get(i).path("new_ids")));
            }
            assertThat(generator.notice()).isEmpty();
        }
    }

    @Test
    @DisplayName("OpenRLHF#238: an answer cut by length is flagged and gets no EOS")
    void anAnswerCutByLengthIsItsTokensAlone() {
        JsonNode golden = Json.read(Fixtures.path("tiny-llama.golden.json")).path("greedy").get(0);
        int[] whole = ids(golden.path("new_ids"));
        try (Engine engine = Engine.open(DeviceSpec.CPU, 2);
                ModelFolder folder = ModelFolder.open(Fixtures.path("tiny-llama"));
                Model model = load(engine, "tiny-llama", Dtype.F32);
                Generator generator = model.generator(new GeneratorOptions(1, 400))) {
            for (int length : new int[] {1, whole.length / 2, whole.length - 1}) {
                Sampling greedy = new Sampling(1, length, true, 0, 1, 1, 0, folder.stopIds());
                GeneratedAnswer cut = generator
                        .generate(List.of(ids(golden.path("prompt_ids"))), new long[1], greedy, null)
                        .get(0).get(0);
                assertThat(cut.stopped()).isFalse();
                assertThat(cut.tokens()).containsExactly(java.util.Arrays.copyOf(whole, length));
            }
        }
    }

    /** The padding token ends most of these rows, and fills some. */
    @Test
    void aRewardIsReadAtTheLastTokenThatIsNotPadding() {
        JsonNode golden = Json.read(Fixtures.path("tiny-rm-padding.golden.json"));
        TokenBatch.Builder builder = TokenBatch.builder();
        golden.forEach(row -> builder.pack(ids(row.path("prompt_ids")), List.of(ids(row.path("answer_ids")))));
        try (Engine engine = Engine.open(DeviceSpec.CPU, 2);
                Model model = load(engine, "tiny-rm-padding", Dtype.F32);
                Trainer trainer = model.trainer(new TrainerOptions(400, false));
                Scorer scorer = model.scorer(400);
                TokenBatch batch = builder.build()) {
            double[] scores = scorer.values(batch);
            double[] trained = trainer.forward(batch);
            for (int i = 0; i < golden.size(); i++) {
                double expected = golden.get(i).path("score").asDouble();
                assertThat(scores[i]).isCloseTo(expected, within(1e-5));
                assertThat(trained[i]).isCloseTo(expected, within(1e-5));
            }
        }
    }

    @Test
    @DisplayName("transformers#35352, trl#6951: own template, last token, whatever the batch")
    void rewardsOfTheRewardModel() {
        JsonNode golden = Json.read(Fixtures.path("tiny-rm.golden.json"));
        try (Engine engine = Engine.open(DeviceSpec.CPU, 2);
                AdaptedFolder folder = AdaptedFolder.open(Fixtures.path("tiny-rm"));
                org.metaapo.reward.RewardModel reward =
                        org.metaapo.reward.RewardModel.open(engine, folder, Dtype.F32, org.metaapo.reward.Overlong.STOP, 400)) {
            List<org.metaapo.data.Prompt> prompts = new ArrayList<>();
            List<List<Answer>> answers = new ArrayList<>();
            for (JsonNode row : golden) {
                prompts.add(new org.metaapo.data.Prompt(
                        org.metaapo.text.Conversation.ask(row.path("question").asText())));
                answers.add(List.of(Answer.of(row.path("answer").asText())));
            }
            List<double[]> scores = reward.score(prompts, answers, done -> {});
            for (int i = 0; i < golden.size(); i++) {
                assertThat(scores.get(i)[0]).isCloseTo(golden.get(i).path("score").asDouble(), within(1e-4));
            }
        }
    }
}
