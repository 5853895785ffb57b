package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.config.RunConfig;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.RunFailedException;
import org.metaapo.files.Fixtures;

/** The plan of a run's disk, against what runs leave there. */
class RunDiskTest {
    @TempDir
    Path temp;

    private RunConfig config(String... overrides) {
        return RunConfig.parse(String.join("\n",
                "recipe: metaapo", "out: " + temp.resolve("run"), "dtype: bf16", "threads: 1",
                "model: {path: " + Fixtures.path("tiny-llama") + "}", "reward: {path: " + Fixtures.path("tiny-rm") + "}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], max_length: 128}",
                "rollout: {slice: 4, k: 2, max_new_tokens: 4}", "train: {batch: 4, epochs: 3}", "checkpoint: {every: 1, keep: 2}"),
                "test", List.of(overrides));
    }

    private static RunDisk disk(RunConfig config) {
        return Recipes.size(config, RunListener.SILENT).disk();
    }

    @ParameterizedTest
    @ValueSource(strings = {"dtype=bf16", "dtype=f32", "optimizer.state=8bit", "reference.update=slice", "adapter.rank=4", "adapter.rank=4 reference.update=slice",
        "adapter.rank=4 optimizer.state=8bit", "adapter.rank=4 adapter.merge=true"})
    void itIsWhatARunWrites(String overrides) throws IOException {
        RunConfig config = config(overrides.split(" "));
        RunDisk disk = disk(config);
        StopSignal stop = new StopSignal();
        RunListener listener = new RunListener() {
            @Override
            public void metrics(ObjectNode line) {
                if (line.path("step").asInt() == 3 && !line.has("kind")) {
                    stop.request();
                }
            }
        };
        assertThatThrownBy(() -> Recipes.run(config, listener, stop)).isInstanceOf(InterruptedRunException.class);
        RunFolder run = new RunFolder(temp.resolve("run"));
        try (var checkpoints = Files.list(run.checkpoints())) {
            List<Path> all = checkpoints.toList();
            assertThat(all).hasSize(disk.kept());
            for (Path checkpoint : all) {
                // The header's JSON lies before the tensors.
                assertThat(Files.size(checkpoint.resolve("trainer.safetensors")) - disk.checkpoint()).isBetween(0L, 24_000L);
            }
        }
        assertThat(RunDisk.free(run.path())).isGreaterThan(2 * disk.checkpoint());
        Recipes.run(config, RunListener.SILENT, new StopSignal());
        long written = 0;
        for (Path file : List.of(run.model().resolve("model.safetensors"), run.adapter().resolve("adapter_model.safetensors"))) {
            written += Files.exists(file) ? Files.size(file) : 0;
        }
        assertThat(written - disk.result()).isBetween(0L, 16_000L);
    }

    @Test
    void oneCheckpointMoreThanAreKeptIsWrittenWhereThereAreAsMany() {
        RunDisk many = disk(config());
        assertThat(List.of(many.kept(), many.written())).containsExactly(2, 3);
        assertThat(many.total()).isEqualTo(3 * many.checkpoint());
        RunDisk none = disk(config("recipe=dpo", "reward.path=null", "checkpoint.every=50"));
        assertThat(List.of(none.kept(), none.written())).containsExactly(1, 1);
        assertThat(none.total()).isEqualTo(none.checkpoint() + none.result());
    }

    @Test
    void aDiskThatIsTooSmallIsRefusedWithItsNumbers() {
        RunDisk disk = disk(config());
        disk.check(temp, disk.total());
        disk.check(temp, -1);
        assertThatThrownBy(() -> disk.check(temp, disk.total() - 1)).isInstanceOf(RunFailedException.class)
                .hasMessageContaining("the run needs " + disk.total() + " bytes of disk (3 checkpoints of " + disk.checkpoint())
                .hasMessageContaining((disk.total() - 1) + " bytes are free; free some");
    }
}
