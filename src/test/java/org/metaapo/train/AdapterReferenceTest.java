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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.config.RunConfig;
import org.metaapo.error.UsageException;
import org.metaapo.files.Fixtures;

/** What a run that trains an adapter compares with: it is named, it is the right one, and it takes no second weights. */
class AdapterReferenceTest {
    @TempDir
    Path temp;

    private String model;
    private String adapter;
    private final List<String> notes = new ArrayList<>();
    private final List<JsonNode> steps = new ArrayList<>();

    @BeforeEach
    void paths() {
        model = Fixtures.path("tiny-llama").toString();
        adapter = Fixtures.path("lora/llama-all").toString();
    }

    private RunConfig config(String out, String... overrides) {
        return RunConfig.parse(String.join("\n",
                "recipe: dpo", "out: " + temp.resolve(out), "dtype: f32", "threads: 1", "model: {path: " + model + "}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], shuffle: false, max_length: 256, max_prompt_length: 128}",
                "optimizer: {learning_rate: 1e-3, schedule: constant, warmup: 0}", "train: {epochs: 2, batch: 8}"), "test", List.of(overrides));
    }

    private void run(String out, String... overrides) {
        notes.clear();
        steps.clear();
        Recipes.run(config(out, overrides), new RunListener() {
            @Override
            public void note(String line) {
                notes.add(line);
            }

            @Override
            public void metrics(ObjectNode line) {
                if (!line.has("kind")) {
                    steps.add(line);
                }
            }
        }, new StopSignal());
    }

    private double firstLoss() {
        return steps.get(0).path("loss").asDouble();
    }

    /** The model's folder under another path. */
    private Path copy() throws IOException {
        Path folder = Files.createDirectory(temp.resolve("copy"));
        try (var files = Files.list(Path.of(model))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        return folder;
    }

    @Test
    @DisplayName("LlamaFactory#8459, #8974: the reference is named; the first loss is ln 2, fresh or gone on with, unless another is named")
    void theReferenceIsNamedAndTheFirstLossIsLnTwo() {
        run("fresh", "adapter.rank=4");
        assertThat(notes).contains("reference: " + model + " without the adapter");
        assertThat(firstLoss()).isCloseTo(Math.log(2), within(1e-15));
        run("continued", "adapter.path=" + adapter);
        assertThat(notes).contains("reference: " + model + " with the adapter as it begins, " + adapter);
        assertThat(firstLoss()).isCloseTo(Math.log(2), within(1e-15));
        run("named", "adapter.path=" + adapter, "reference.path=" + model);
        assertThat(notes).contains("reference: " + model + " without the adapter");
        assertThat(firstLoss()).isNotCloseTo(Math.log(2), within(1e-2));
        run("whole");
        assertThat(notes).contains("reference: " + model + " as it is when the run begins");
    }

    @Test
    void aReferenceOfItsOwnWeightsGivesTheSameLosses() throws IOException {
        Path copy = copy();
        run("other", "adapter.path=" + adapter, "reference.path=" + copy);
        assertThat(notes).contains("reference: " + copy);
        List<Double> other = steps.stream().map(step -> step.path("loss").asDouble()).toList();
        run("same", "adapter.path=" + adapter, "reference.path=" + model);
        assertThat(steps.stream().map(step -> step.path("loss").asDouble()).toList()).isEqualTo(other);
    }

    @Test
    void noSecondWeightsAreInMemory() {
        assertThat(memory("adapter.rank=4").reference()).isZero();
        assertThat(memory("adapter.rank=4", "reference.path=" + model).reference()).isZero();
        RunMemory continued = memory("adapter.path=" + adapter);
        assertThat(continued.reference()).isEqualTo(continued.policy().adapter());
        assertThat(memory("reference.path=" + model).reference()).isEqualTo(memory().policy().weights());
    }

    private RunMemory memory(String... overrides) {
        return Recipes.size(config("unused", overrides), RunListener.SILENT).memory();
    }

    @Test
    @DisplayName("A reference that follows is an adapter too, also where the model itself is named; another model cannot follow")
    void aReferenceThatFollows() throws IOException {
        String[] sampled = {"recipe=sppo", "reward.path=" + Fixtures.path("tiny-rm"), "rollout.slice=4", "rollout.k=2", "rollout.max_new_tokens=4", "train.batch=4",
            "reference.update=slice", "adapter.rank=2"};
        run("follows", sampled);
        List<JsonNode> alone = List.copyOf(steps);
        List<String> named = new ArrayList<>(List.of(sampled));
        named.add("reference.path=" + model);
        run("named", named.toArray(String[]::new));
        // Nothing but the times differs.
        assertThat(steps.stream().map(step -> step.path("loss").asDouble()).toList())
                .isEqualTo(alone.stream().map(step -> step.path("loss").asDouble()).toList());
        named.set(named.size() - 1, "reference.path=" + copy());
        assertThatThrownBy(() -> run("other", named.toArray(String[]::new))).isInstanceOf(UsageException.class)
                .hasMessageContaining("reference.update: slice has the reference follow the policy, an adapter over " + model);
    }

    @Test
    void whatIsTrainedIsSaidWithItsNumbers() {
        run("fresh", "adapter.rank=4", "adapter.targets=[q_proj, v_proj]", "adapter.layers=[0, 2]");
        // q_proj 4·(64 + 64), v_proj 4·(64 + 32), two layers.
        assertThat(notes).anySatisfy(note -> assertThat(note).startsWith(
                "trained: a fresh adapter, rank 4 on q_proj, v_proj of 2 layers (4 linear maps): 1,792 weights beside the model's "));
        run("whole");
        assertThat(notes).anySatisfy(note -> assertThat(note).startsWith("trained: all weights: "));
    }
}
