package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Quantization;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Destination;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.jobs.MergeJob;
import org.metaapo.jobs.ScoreJob;
import org.metaapo.model.ModelFolder;
import org.metaapo.ranks.Ranks;
import org.metaapo.text.ChatOptions;

/** Runs that train an adapter over packed weights: those of a folder that bitsandbytes has written, and those that are packed at load. */
class QuantizedRunTest {
    @TempDir
    Path temp;

    /** tiny-llama as bitsandbytes packs it, with its tokenizer. */
    private Path packed;

    @BeforeEach
    void folder() throws IOException {
        packed = Files.createDirectories(temp.resolve("tiny-llama-nf4"));
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(Fixtures.path("lora/tiny-llama-nf4").resolve(file), packed.resolve(file));
        }
        for (String file : List.of("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json")) {
            Files.copy(Fixtures.path("tiny-llama").resolve(file), packed.resolve(file));
        }
    }

    private RunConfig config(String out, String... overrides) throws IOException {
        Path yaml = temp.resolve("run.yaml");
        Files.writeString(yaml, String.join("\n",
                "recipe: dpo",
                "dtype: f32",
                "threads: 1",
                "model: {path: " + packed + "}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], shuffle: false, max_length: 512, max_prompt_length: 256}",
                "optimizer: {learning_rate: 1e-3, schedule: constant, warmup: 0}",
                "train: {epochs: 3, batch: 8}"));
        List<String> all = new ArrayList<>(List.of(overrides));
        all.add("out=" + temp.resolve(out));
        return RunConfig.load(yaml, all);
    }

    private List<JsonNode> run(String out, RunListener listener, StopSignal stop, String... overrides) throws IOException {
        Recipes.run(config(out, overrides), listener, stop);
        return Files.readAllLines(temp.resolve(out).resolve("metrics.jsonl")).stream()
                .map(line -> Json.parse(line, "metrics")).filter(line -> !line.has("kind")).toList();
    }

    private List<JsonNode> run(String out, String... overrides) throws IOException {
        return run(out, RunListener.SILENT, new StopSignal(), overrides);
    }

    private List<JsonNode> scores(Path model, Path adapter, Quantization quantization) throws IOException {
        Path file = temp.resolve("scores.jsonl");
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1)) {
            ScoreJob.run(engine, Dtype.F32, model, adapter, quantization, null, List.of(Fixtures.path("pairs.jsonl")), new ScoreJob.Lengths(512, 256),
                    ChatOptions.DEFAULT, java.util.Map.of(), null, RunListener.SILENT, Ranks.single()).write(Destination.of(file));
        }
        return Files.readAllLines(file).stream().map(line -> Json.parse(line, "scores")).toList();
    }

    @Test
    void aFolderOfBitsandbytesScoresAsItsGoldenNumbersSay() throws IOException {
        JsonNode golden = Json.read(Fixtures.path("lora/tiny-llama-nf4.golden.json"));
        for (boolean on : new boolean[] {true, false}) {
            List<JsonNode> scores = scores(packed, on ? Fixtures.path("lora/llama-all") : null, null);
            JsonNode sums = golden.path(on ? "logp_sums_adapter_on" : "logp_sums_adapter_off");
            for (int i = 0; i < scores.size(); i++) {
                assertThat(scores.get(i).path("chosen_logp").asDouble()).isCloseTo(sums.path("chosen").get(i).asDouble(), within(2e-4));
                assertThat(scores.get(i).path("rejected_logp").asDouble()).isCloseTo(sums.path("rejected").get(i).asDouble(), within(2e-4));
            }
        }
    }

    @Test
    void aPackedBaseTrainsAsTheGoldenLossAndGradientSay() throws IOException {
        JsonNode golden = Json.read(Fixtures.path("lora/tiny-llama-nf4.golden.json"));
        JsonNode first = run("run", "adapter.path=" + Fixtures.path("lora/llama-all"), "reference.path=" + packed, "train.epochs=1").get(0);
        assertThat(first.path("loss").asDouble()).isCloseTo(golden.path("loss").asDouble(), within(1e-4));
        assertThat(first.path("grad_norm").asDouble()).isCloseTo(golden.path("grad_norm").asDouble(), within(2e-4 * golden.path("grad_norm").asDouble()));
    }

    @ParameterizedTest
    @CsvSource({"true, none", "false, nf4", "false, int8"})
    @DisplayName("The reference of a fresh adapter is the packed base without it: the first loss is ln 2; a reference.path of its own is packed alike")
    void aFreshAdapterBeginsAtTheReference(boolean stored, String quantize) throws IOException {
        List<String> overrides = new ArrayList<>(List.of("adapter.rank=4", "train.epochs=1"));
        if (!stored) {
            overrides.addAll(List.of("model.path=" + Fixtures.path("tiny-llama"), "model.quantize=" + quantize));
        }
        assertThat(run("own", overrides.toArray(String[]::new)).get(0).path("loss").asDouble()).isEqualTo(Math.log(2), within(2e-16));
        Path copy = Files.createDirectories(temp.resolve("copy"));
        Path model = stored ? packed : Fixtures.path("tiny-llama");
        try (var files = Files.list(model)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        overrides.add("reference.path=" + copy);
        assertThat(run("given", overrides.toArray(String[]::new)).get(0).path("loss").asDouble()).isEqualTo(Math.log(2), within(2e-16));
    }

    @ParameterizedTest
    @ValueSource(strings = {"sft", "reward-model", "dpo", "selective-dpo", "adpo", "online-dpo", "iterative-dpo", "sppo", "selm", "xpo", "metaapo"})
    void everyRecipeTrainsAnAdapterOverPackedWeights(String recipe) throws IOException {
        List<String> overrides = new ArrayList<>(List.of(
                "recipe=" + recipe, "model.path=" + Fixtures.path("tiny-llama"), "model.quantize=nf4", "adapter.rank=2", "train.epochs=1", "train.batch=4",
                "selective.runs=1", "rollout.slice=4", "rollout.max_new_tokens=6", "meta.every=1", "rollout.merge=false"));
        if (!List.of("sft", "reward-model", "dpo", "selective-dpo", "adpo").contains(recipe)) {
            overrides.add("reward.path=" + Fixtures.path("tiny-rm"));
        }
        assertThat(run(recipe, overrides.toArray(String[]::new))).isNotEmpty().allSatisfy(step -> assertThat(step.path("loss").asDouble()).isFinite());
        assertThat(temp.resolve(recipe).resolve("adapter/adapter_model.safetensors")).exists();
    }

    @Test
    void aRunThatGoesOnEndsWithTheSameBits() throws IOException {
        String[] overrides = {"adapter.rank=4", "adapter.dropout=0.1", "train.batch=2", "checkpoint.every=2", "train.epochs=2"};
        run("whole", overrides);
        for (int after : new int[] {1, 3}) {
            StopSignal stop = new StopSignal();
            AtomicInteger steps = new AtomicInteger();
            RunListener stopping = new RunListener() {
                @Override
                public void metrics(ObjectNode line) {
                    if (!line.has("kind") && steps.incrementAndGet() == after) {
                        stop.request();
                    }
                }
            };
            assertThatThrownBy(() -> run("parts", stopping, stop, overrides)).isInstanceOf(InterruptedRunException.class);
        }
        run("parts", overrides);
        assertThat(Files.readAllBytes(temp.resolve("parts/adapter/adapter_model.safetensors")))
                .isEqualTo(Files.readAllBytes(temp.resolve("whole/adapter/adapter_model.safetensors")));
        assertThatThrownBy(() -> run("whole", "adapter.rank=4", "adapter.dropout=0.1", "train.batch=2", "checkpoint.every=2", "train.epochs=2",
                        "model.path=" + Fixtures.path("tiny-llama"), "model.quantize=int8"))
                .isInstanceOf(UsageException.class).hasMessageContaining("model.quantize: was \"none\", is \"int8\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "nf4", "int8"})
    @DisplayName("transformers#31293: merging unpacks the base, never packs it again, and gives the scores of the adapter over it")
    void aMergedModelIsWholeAndScoresAsTheAdapter(String quantize) throws IOException {
        Path base = quantize.equals("none") ? packed : Fixtures.path("tiny-llama");
        Quantization asked = quantize.equals("none") ? null : Quantization.fromName(quantize);
        List<String> overrides = new ArrayList<>(List.of("model.path=" + base, "adapter.path=" + Fixtures.path("lora/llama-all"), "adapter.merge=true"));
        if (asked != null) {
            overrides.add("model.quantize=" + quantize);
        }
        run("run", overrides.toArray(String[]::new));
        Path adapter = temp.resolve("run/adapter");
        List<JsonNode> expected = scores(base, adapter, asked);
        Path merged = temp.resolve("merged");
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1)) {
            MergeJob.run(engine, Dtype.F32, asked, base, adapter, merged, RunListener.SILENT);
            Path narrow = temp.resolve("narrow");
            MergeJob.run(engine, null, Quantization.NF4, packed, adapter, narrow, RunListener.SILENT);
            try (ModelFolder folder = ModelFolder.open(narrow)) {
                assertThat(folder.tensors().values()).allSatisfy(tensor -> assertThat(tensor.dtype()).isEqualTo(org.metaapo.checkpoint.Dtype.BF16));
            }
        }
        for (Path whole : List.of(merged, temp.resolve("run/model"))) {
            try (ModelFolder folder = ModelFolder.open(whole)) {
                assertThat(folder.config().quantization()).isEqualTo(Quantization.NONE);
                assertThat(folder.configJson().has("quantization_config")).isFalse();
            }
            List<JsonNode> found = scores(whole, null, null);
            for (int i = 0; i < expected.size(); i++) {
                for (String field : List.of("chosen_logp", "rejected_logp")) {
                    assertThat(found.get(i).path(field).asDouble()).isCloseTo(expected.get(i).path(field).asDouble(), within(2e-3));
                }
            }
        }
    }

    @Test
    void whatPackedWeightsCannotDoIsSaidBeforeAnyIsRead() throws IOException {
        for (RunConfig full : List.of(config("full"), config("full", "recipe=sft"), config("full", "recipe=reward-model"))) {
            assertThatThrownBy(() -> Recipes.run(full, RunListener.SILENT, new StopSignal()))
                    .isInstanceOf(UsageException.class).hasMessageContaining(packed + ": its weights are packed as nf4").hasMessageContaining("adapter.rank=16");
        }
        assertThatThrownBy(() -> config("full", "model.path=" + Fixtures.path("tiny-llama"), "model.quantize=nf4"))
                .isInstanceOf(UsageException.class).hasMessageContaining("model.quantize is nf4").hasMessageContaining("adapter.rank");
        RunConfig other = config("other", "adapter.rank=2", "model.quantize=int8");
        assertThatThrownBy(() -> Recipes.run(other, RunListener.SILENT, new StopSignal()))
                .isInstanceOf(UsageException.class).hasMessageContaining("packed as nf4, and int8 is asked for");
        RunConfig offloaded = config("offloaded", "adapter.rank=2", "reference.path=" + copyOf(packed), "reference.offload=true");
        assertThatThrownBy(() -> Recipes.run(offloaded, RunListener.SILENT, new StopSignal()))
                .isInstanceOf(UsageException.class).hasMessageContaining("reference.offload is true").hasMessageContaining("packed as nf4");
        assertThat(temp.resolve("full")).doesNotExist();
    }

    private Path copyOf(Path folder) throws IOException {
        Path copy = Files.createDirectories(temp.resolve("another"));
        try (var files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        return copy;
    }

    /** The same weights packed in 4 bits, 8 bits and not: what a run plans and what a folder says. */
    @Test
    void theWeightsOfARunArePlannedAsTheyAreKept() throws IOException {
        List<Long> bytes = new ArrayList<>();
        for (String quantize : List.of("nf4", "int8", "none")) {
            RunConfig config = config("plan", "model.path=" + Fixtures.path("tiny-llama"), "adapter.rank=2", "model.quantize=" + quantize);
            bytes.add(Recipes.size(config, RunListener.SILENT).memory().policy().weights());
        }
        assertThat(bytes).isSorted().doesNotHaveDuplicates();
        try (AdaptedFolder folder = AdaptedFolder.open(packed)) {
            assertThat(folder.quantization()).isEqualTo(Quantization.NF4);
        }
        ObjectNode json = (ObjectNode) Json.read(packed.resolve("config.json"));
        assertThat(json.path("quantization_config").path("bnb_4bit_use_double_quant").asBoolean()).isTrue();
    }
}
