package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.adapter.AdapterFolder;
import org.metaapo.checkpoint.SafetensorsFile;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.error.DataException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.ModelLoader;
import org.metaapo.ranks.Ranks;

/** Runs that train an adapter, beside TRL's with PEFT, and what holds of all of them. */
class AdapterRunTest {
    @TempDir
    Path temp;

    private RunConfig config(String out, String... overrides) throws IOException {
        Path yaml = temp.resolve("run.yaml");
        Files.writeString(yaml, String.join("\n",
                "recipe: dpo",
                "dtype: f32",
                "threads: 1",
                "model: {path: " + Fixtures.path("tiny-llama") + "}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], shuffle: false, max_length: 512, max_prompt_length: 256}",
                "optimizer: {learning_rate: 1e-3, schedule: constant, warmup: 0}",
                "train: {epochs: 6, batch: 8}"));
        List<String> all = new ArrayList<>(List.of(overrides));
        all.add("out=" + temp.resolve(out));
        return RunConfig.load(yaml, all);
    }

    private List<JsonNode> steps(String out) throws IOException {
        return Files.readAllLines(temp.resolve(out).resolve("metrics.jsonl")).stream()
                .map(line -> Json.parse(line, "metrics")).filter(line -> !line.has("kind")).toList();
    }

    private List<JsonNode> run(String out, String... overrides) throws IOException {
        Recipes.run(config(out, overrides), RunListener.SILENT, new StopSignal());
        return steps(out);
    }

    @ParameterizedTest
    @CsvSource({
        "new_adapter, trl-new-start, false, 100000", "continued_adapter, llama-all, false, 100000", "continued_adapter, llama-all, false, 300",
        "explicit_reference, llama-all, true, 100000"
    })
    @DisplayName("LlamaFactory#8459, #8974: the reference of a fresh adapter, of one gone on with, and a given one are TRL's")
    void everyStepAgreesWithTrl(String curve, String start, boolean reference, int microTokens) throws IOException {
        List<String> overrides = new ArrayList<>(List.of("adapter.path=" + Fixtures.path("lora/" + start), "train.micro_tokens=" + microTokens));
        if (reference) {
            overrides.add("reference.path=" + Fixtures.path("tiny-llama"));
        }
        List<JsonNode> steps = run("run", overrides.toArray(String[]::new));
        JsonNode golden = Json.read(Fixtures.path("lora/trl_lora_curves.json")).path("runs").path(curve).path("curve");
        assertThat(steps).hasSize(golden.size());
        for (int i = 0; i < golden.size(); i++) {
            close(steps.get(i), "loss", golden.get(i), "loss", 1e-4);
            close(steps.get(i), "grad_norm", golden.get(i), "grad_norm", 1e-4 * golden.get(i).path("grad_norm").asDouble());
            close(steps.get(i), "logps_chosen", golden.get(i), "logps/chosen", 2e-3);
            close(steps.get(i), "rewards_margin", golden.get(i), "rewards/margins", 1e-3);
            close(steps.get(i), "accuracy", golden.get(i), "rewards/accuracies", 1e-9);
        }
    }

    private static void close(JsonNode step, String name, JsonNode golden, String goldenName, double tolerance) {
        assertThat(step.path(name).asDouble()).as(name + " of step " + step.path("step"))
                .isCloseTo(golden.path(goldenName).asDouble(), within(tolerance));
    }

    @Test
    @DisplayName("trl#6700: an adapter that is gone on with trains, and ends where TRL's does")
    void theAdapterEndsWhereTrlsDoes() throws IOException {
        run("run", "adapter.path=" + Fixtures.path("lora/llama-all"));
        try (SafetensorsFile ours = SafetensorsFile.open(temp.resolve("run/adapter/adapter_model.safetensors"));
                SafetensorsFile theirs = SafetensorsFile.open(Fixtures.path("lora/trl-continued-end.safetensors"))) {
            assertThat(ours.tensors().keySet()).isEqualTo(theirs.tensors().keySet());
            for (String name : theirs.tensors().keySet()) {
                float[] expected = floats(theirs, name);
                float[] found = floats(ours, name);
                for (int i = 0; i < expected.length; i++) {
                    assertThat(found[i]).as(name + " " + i).isCloseTo(expected[i], within(2e-5f));
                }
            }
        }
    }

    private static float[] floats(SafetensorsFile file, String name) {
        ByteBuffer bytes = file.map(name).order(ByteOrder.LITTLE_ENDIAN);
        float[] floats = new float[bytes.remaining() / 4];
        bytes.asFloatBuffer().get(floats);
        return floats;
    }

    @Test
    @DisplayName("NeMo-Aligner#227: with a fresh adapter the first loss is ln 2 to the last bit, whatever the micro-batch")
    void aFreshAdapterBeginsAtTheReference() throws IOException {
        for (String microTokens : List.of("100000", "200")) {
            JsonNode first = run("run" + microTokens, "adapter.rank=4", "adapter.dropout=0", "train.epochs=1", "train.micro_tokens=" + microTokens).get(0);
            assertThat(first.path("loss").asDouble()).isEqualTo(Math.log(2), within(2e-16));
            assertThat(first.path("rewards_margin").asDouble()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"sft", "reward-model", "dpo", "selective-dpo", "adpo", "online-dpo", "iterative-dpo", "sppo", "selm", "xpo", "metaapo"})
    void everyRecipeTrainsAnAdapter(String recipe) throws IOException {
        List<String> overrides = new ArrayList<>(List.of(
                "recipe=" + recipe, "adapter.rank=2", "adapter.targets=[q_proj, down_proj]", "adapter.merge=true", "train.epochs=1", "train.batch=4",
                "selective.runs=1", "rollout.slice=4", "rollout.max_new_tokens=6", "meta.every=1"));
        if (!List.of("sft", "reward-model", "dpo", "selective-dpo", "adpo").contains(recipe)) {
            overrides.add("reward.path=" + Fixtures.path("tiny-rm"));
        }
        assertThat(run(recipe, overrides.toArray(String[]::new))).isNotEmpty().allSatisfy(step -> assertThat(step.path("loss").asDouble()).isFinite());
        boolean reward = recipe.equals("reward-model");
        try (ModelFolder merged = ModelFolder.open(temp.resolve(recipe + "/model"));
                ModelFolder base = ModelFolder.open(Fixtures.path("tiny-llama"));
                AdapterFolder adapter = AdapterFolder.open(temp.resolve(recipe + "/adapter"), base.config(), 0)) {
            assertThat(adapter.config().head()).isEqualTo(reward ? Head.VALUE : Head.LM);
            assertThat(merged.config().head()).isEqualTo(reward ? Head.VALUE : Head.LM);
            // Targeted and other weights of a layer: the former are changed, the latter those of the base.
            assertThat(merged.map("model.layers.1.mlp.down_proj.weight")).isNotEqualTo(base.map("model.layers.1.mlp.down_proj.weight"));
            assertThat(merged.map("model.layers.1.mlp.up_proj.weight")).isEqualTo(base.map("model.layers.1.mlp.up_proj.weight"));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    @DisplayName("peft#859: a run of an adapter that was stopped, dropout and a reference that follows included, ends in the same bits")
    void aStoppedRunEndsInTheSameBits(int stopAfter) throws IOException {
        String[] overrides = {
            "recipe=metaapo", "reward.path=" + Fixtures.path("tiny-rm"), "reference.update=slice", "adapter.rank=3", "adapter.dropout=0.2",
            "rollout.slice=4", "rollout.k=2", "rollout.max_new_tokens=6", "meta.every=2", "train.batch=2", "train.epochs=2", "checkpoint.every=1"
        };
        run("whole", overrides);
        StopSignal stop = new StopSignal();
        AtomicInteger steps = new AtomicInteger();
        RunListener stopping = new RunListener() {
            @Override
            public void metrics(com.fasterxml.jackson.databind.node.ObjectNode line) {
                if (!line.has("kind") && steps.incrementAndGet() == stopAfter) {
                    stop.request();
                }
            }
        };
        assertThatThrownBy(() -> Recipes.run(config("stopped", overrides), stopping, stop)).isInstanceOf(InterruptedRunException.class);
        run("stopped", overrides);
        Path file = Path.of("adapter", "adapter_model.safetensors");
        assertThat(temp.resolve("stopped").resolve(file)).hasSameBinaryContentAs(temp.resolve("whole").resolve(file));
    }

    @Test
    @DisplayName("The merged model is the model with its adapter, to rounding")
    void theMergedModelGivesTheAdaptersNumbers() throws IOException {
        run("run", "adapter.path=" + Fixtures.path("lora/llama-all"), "adapter.merge=true", "train.epochs=1");
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1);
                ModelFolder base = ModelFolder.open(Fixtures.path("tiny-llama"));
                ModelFolder folder = ModelFolder.open(temp.resolve("run/model"));
                AdapterFolder adapter = AdapterFolder.open(temp.resolve("run/adapter"), base.config(), 0);
                Model model = ModelLoader.load(engine, base, Dtype.F32, Head.LM, 0);
                Model merged = ModelLoader.load(engine, folder, Dtype.F32, Head.LM, 0);
                var adapted = adapter.load(model.createAdapter(adapter.shape()))) {
            List<PairScorer.Pair> pairs = List.of(new PairScorer.Pair(new int[] {480, 482, 84}, new int[] {82, 269}, new int[] {39, 288, 441}, "here"));
            double[] one = new PairScorer(adapted, 100, true, Ranks.single()).score(pairs, done -> { }).get(0);
            double[] other = new PairScorer(merged, 100, true, Ranks.single()).score(pairs, done -> { }).get(0);
            assertThat(one[0]).isCloseTo(other[0], within(1e-4));
            assertThat(one[1]).isCloseTo(other[1], within(1e-4));
        }
    }

    @Test
    @DisplayName("trl#1379, peft#577: a reward adapter begins with its base's score head, which it saves, and goes on with its own")
    void aScoreHeadBeginsAsItsBasesAndComesBack() throws IOException {
        String[] reward = {"recipe=reward-model", "model.path=" + Fixtures.path("tiny-rm"), "train.epochs=1", "adapter.dropout=0"};
        double whole = run("whole", Arrays.copyOf(reward, 3)).get(0).path("loss").asDouble();
        List<String> adapted = new ArrayList<>(List.of(reward));
        adapted.addAll(List.of("adapter.rank=4", "adapter.merge=true"));
        assertThat(run("first", adapted.toArray(String[]::new)).get(0).path("loss").asDouble()).isCloseTo(whole, within(1e-6));
        Path first = temp.resolve("first/adapter");
        // What it goes on from is what it ended with: the loss of the merged model.
        double merged = run("merged", "recipe=reward-model", "model.path=" + temp.resolve("first/model"), "train.epochs=1").get(0).path("loss").asDouble();
        double again = run("again", "recipe=reward-model", "model.path=" + Fixtures.path("tiny-rm"), "train.epochs=1", "adapter.path=" + first).get(0)
                .path("loss").asDouble();
        assertThat(again).isCloseTo(merged, within(1e-5)).isNotCloseTo(whole, within(1e-4));
        for (String name : List.of("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")) {
            assertThat(first.resolve(name)).hasSameBinaryContentAs(Fixtures.path("tiny-rm").resolve(name));
        }
    }

    @Test
    @DisplayName("peft#2421: over a bf16 model the adapter is f32 from start to file, and moves at a rate that bf16 would not see")
    void anAdapterIsF32OverAModelInBf16() throws IOException {
        String start = "adapter.path=" + Fixtures.path("lora/llama-all");
        run("bf16", start, "dtype=bf16", "train.epochs=2", "optimizer.learning_rate=1e-7", "optimizer.clip=0");
        try (SafetensorsFile before = SafetensorsFile.open(Fixtures.path("lora/llama-all/adapter_model.safetensors"));
                SafetensorsFile after = SafetensorsFile.open(temp.resolve("bf16/adapter/adapter_model.safetensors"))) {
            long moved = 0;
            long all = 0;
            for (String name : before.tensors().keySet()) {
                assertThat(after.tensors().get(name).dtype()).isEqualTo(org.metaapo.checkpoint.Dtype.F32);
                float[] old = floats(before, name);
                float[] now = floats(after, name);
                for (int i = 0; i < old.length; i++) {
                    moved += old[i] != now[i] ? 1 : 0;
                    all++;
                    assertThat(now[i]).isCloseTo(old[i], within(4e-7f));
                }
            }
            assertThat(moved).isGreaterThan(all * 9 / 10);
        }
    }

    @Test
    @DisplayName("An adapter that brings its template is gone on with by it, and hands it on")
    void theTemplateOfTheStartIsTheRunsOwn() throws IOException {
        Path start = Files.createDirectory(temp.resolve("start"));
        for (Path folder : List.of(Fixtures.path("lora/llama-all"), Fixtures.path("tiny-llama"))) {
            try (var files = Files.list(folder)) {
                for (Path file : files.filter(name -> name.getFileName().toString().matches("adapter_.*|tokenizer.*")).toList()) {
                    Files.copy(file, start.resolve(file.getFileName()));
                }
            }
        }
        Files.writeString(start.resolve("chat_template.jinja"), "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}"
                + "{% if add_generation_prompt %}assistant: {% endif %}");
        List<JsonNode> own = run("own", "adapter.path=" + start, "train.epochs=1");
        List<JsonNode> bases = run("bases", "adapter.path=" + Fixtures.path("lora/llama-all"), "train.epochs=1");
        assertThat(own.get(0).path("tokens")).isNotEqualTo(bases.get(0).path("tokens"));
        assertThat(temp.resolve("own/adapter/chat_template.jinja")).hasSameBinaryContentAs(start.resolve("chat_template.jinja"));
    }

    @Test
    @DisplayName("vllm#9280, #2847: a run says what vLLM asks of those who serve its adapter")
    void aRunSaysWhatVllmAsks() throws IOException {
        List<String> notes = new ArrayList<>();
        RunListener listener = new RunListener() {
            @Override
            public void note(String line) {
                notes.add(line);
            }
        };
        Recipes.run(config("wide", "adapter.rank=17", "train.epochs=1"), listener, new StopSignal());
        Recipes.run(config("reward", "recipe=reward-model", "adapter.rank=2", "train.epochs=1"), listener, new StopSignal());
        assertThat(notes).anyMatch(note -> note.contains("--max-lora-rank 17")).anyMatch(note -> note.contains("no adapter with a score head"));
        notes.clear();
        Recipes.run(config("narrow", "adapter.rank=16", "train.epochs=1"), listener, new StopSignal());
        assertThat(notes).noneMatch(note -> note.contains("vLLM"));
    }

    @Test
    @DisplayName("transformers#42489: recomputation gives the gradients of all activations kept, over a frozen embedding")
    void recomputationChangesNoGradient() throws IOException {
        String[] keys = {"adapter.rank=4", "adapter.dropout=0.1", "train.epochs=2"};
        List<JsonNode> kept = run("kept", keys);
        List<String> more = new ArrayList<>(List.of(keys));
        more.add("train.recompute=true");
        List<JsonNode> recomputed = run("recomputed", more.toArray(String[]::new));
        assertThat(kept).allSatisfy(step -> assertThat(step.path("grad_norm").asDouble()).isPositive());
        for (String field : List.of("loss", "grad_norm")) {
            assertThat(recomputed.stream().map(step -> step.path(field)).toList()).isEqualTo(kept.stream().map(step -> step.path(field)).toList());
        }
        assertThat(temp.resolve("recomputed/adapter/adapter_model.safetensors")).hasSameBinaryContentAs(temp.resolve("kept/adapter/adapter_model.safetensors"));
    }

    @Test
    void whatDoesNotGoTogetherIsRefused() throws IOException {
        refused(UsageException.class, "adapter.alpha is set, and no adapter is trained", "adapter.alpha=8");
        refused(UsageException.class, "adapter.rank is set beside adapter.path", "adapter.rank=4", "adapter.path=" + Fixtures.path("lora/llama-all"));
        refused(UsageException.class, "rank 4096", "adapter.rank=4096");
        refused(UsageException.class, "the target lm_head fits no linear map of the model's layers; there are q_proj", "adapter.rank=4", "adapter.targets=[q_proj, lm_head]");
        refused(UsageException.class, "layer 3 is not there; the model has 3", "adapter.rank=4", "adapter.layers=[0, 3]");
        refused(UsageException.class, "the pattern qproj fits no module", "adapter.rank=4", "adapter.rank_pattern={qproj: 2}");
        refused(UsageException.class, "the pattern v_proj fits no module", "adapter.rank=4", "adapter.targets=[q_proj]", "adapter.alpha_pattern={v_proj: 2}");
        refused(UsageException.class, "no other module is trained whole", "adapter.rank=4", "adapter.modules_to_save=[lm_head]");
        refused(UsageException.class, "DoRA is not offered", "adapter.rank=4", "adapter.use_dora=true");
        refused(UsageException.class, "c_attn", "adapter.rank=4", "adapter.targets=[c_attn]");
        refused(DataException.class, "adapter_config.json is missing", "adapter.path=" + Fixtures.path("tiny-llama"));
        refused(DataException.class, "a reward model's", "adapter.path=" + Fixtures.path("lora/llama-reward"));
        refused(DataException.class, "with a base of", "adapter.path=" + Fixtures.path("lora/llama-all"), "model.path=" + Fixtures.path("tiny-qwen2"));
    }

    private void refused(Class<? extends Exception> type, String message, String... overrides) {
        assertThatThrownBy(() -> run("refused", overrides)).isInstanceOf(type).hasMessageContaining(message).hasMessageNotContaining("\n");
    }

    @Test
    void anAdaptersLearningRateIsTenTimesThatOfAllWeights() {
        assertThat(RunConfig.defaults(List.of("adapter.rank=8")).real("optimizer.learning_rate")).isEqualTo(5e-6);
        assertThat(RunConfig.defaults(List.of()).real("optimizer.learning_rate")).isEqualTo(5e-7);
        assertThat(RunConfig.defaults(List.of("adapter.rank=8", "optimizer.learning_rate=1e-4")).real("optimizer.learning_rate")).isEqualTo(1e-4);
    }
}
