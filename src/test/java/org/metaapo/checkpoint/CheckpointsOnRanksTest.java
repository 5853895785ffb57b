package org.metaapo.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.engine.ModelOptions;
import org.metaapo.engine.Quantization;
import org.metaapo.engine.Trainer;
import org.metaapo.engine.TrainerOptions;
import org.metaapo.engine.TrainerOptions.OptimizerState;
import org.metaapo.engine.TrainerOptions.Shard;
import org.metaapo.files.Fixtures;
import org.metaapo.model.ModelFolder;
import org.metaapo.model.ModelLoader;
import org.metaapo.ranks.Ranks;
import org.metaapo.ranks.ThreadRanks;

/** A checkpoint of ranks is written by all of them, in one call. */
class CheckpointsOnRanksTest {
    private static final Set<String> COLLECTIVE = Set.of("gather", "broadcast", "any", "barrier", "agree", "lead");

    @TempDir
    Path temp;

    /** The same ranks, with a list of the calls in which they wait for each other. */
    private static Ranks recorded(Ranks ranks, List<String> calls) {
        return (Ranks) Proxy.newProxyInstance(Ranks.class.getClassLoader(), new Class<?>[] {Ranks.class}, (proxy, method, arguments) -> {
            if (COLLECTIVE.contains(method.getName())) {
                calls.add(method.getName());
            }
            try {
                return method.invoke(ranks, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        });
    }

    private List<String> save(Ranks ranks, Shard shard, OptimizerState state) {
        List<String> calls = new ArrayList<>();
        try (Engine engine = Engine.open(DeviceSpec.CPU, 1)) {
            ranks.join(engine);
            ModelFolder folder = ModelFolder.open(Fixtures.path("tiny-llama"));
            ModelOptions options = new ModelOptions(Dtype.F32, false, Quantization.NONE, shard == Shard.WEIGHTS);
            try (Model model = ModelLoader.load(engine.createModel(ModelLoader.shape(folder.config()), options), folder, Head.LM, 0);
                    Trainer trainer = model.trainer(new TrainerOptions(16, false, state, 0, false, shard))) {
                // The leader alone has what a run's checkpoint keeps beside the weights.
                new CheckpointStore(temp.resolve("checkpoints"), 2, recorded(ranks, calls)).save(1, model, trainer, model, Map.of("step", 1));
            }
        }
        return calls;
    }

    @ParameterizedTest
    @EnumSource(Shard.class)
    @DisplayName("DeepSpeed PR#801, #2993: a save is one call of all ranks, in which each makes the same collectives")
    void aSaveIsOneCollectiveCall(Shard shard) throws IOException {
        for (OptimizerState state : OptimizerState.values()) {
            List<List<String>> calls = ThreadRanks.run(3, ranks -> save(ranks, shard, state));
            assertThat(calls.get(0)).isNotEmpty();
            assertThat(calls).containsOnly(calls.get(0));
            try (Stream<Path> files = Files.list(temp.resolve("checkpoints/step-00000001"))) {
                List<String> names = files.map(file -> file.getFileName().toString()).sorted().toList();
                assertThat(names).containsExactlyElementsOf(shard == Shard.NONE
                        ? List.of("digests.json", "state.json", "trainer.safetensors")
                        : List.of("digests.json", "state.json", "trainer-0-of-3.safetensors", "trainer-1-of-3.safetensors", "trainer-2-of-3.safetensors"));
            }
        }
    }
}
