package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.config.RunConfig;
import org.metaapo.files.Fixtures;
import org.metaapo.model.ModelFolder;

/** A checkpoint in f32, trained in bf16. */
class F32CheckpointTest {
    private static final double RATE = 1e-5;

    @TempDir
    private Path temp;

    private Path train(String dtype) {
        RunConfig config = RunConfig.load(Path.of("examples/recipes/dpo.yaml"), List.of(
                "out=" + temp.resolve(dtype), "dtype=" + dtype, "threads=1", "model.path=" + Fixtures.path("tiny-llama"),
                "data.train=[" + Fixtures.path("pairs.jsonl") + "]", "data.max_length=256", "data.max_prompt_length=128", "train.batch=8",
                "train.epochs=1", "optimizer.learning_rate=" + RATE, "optimizer.warmup=0", "optimizer.schedule=constant"));
        Recipes.run(config, RunListener.SILENT, new StopSignal());
        return temp.resolve(dtype).resolve("model");
    }

    private static FloatBuffer floats(ModelFolder folder, String tensor) {
        return folder.map(tensor).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    }

    /** Of an f32 number in bf16, as torch rounds it but for ties. */
    private static short nearest(float x) {
        return (short) ((Float.floatToRawIntBits(x) + 0x8000) >> 16);
    }

    /**
     * A step of this rate is far below what bf16 tells apart, so that a weight changes where the file's number was near the border.
     * From masters that are the file's numbers the result is the rounded f32 result, as far as gradients agree; from masters that
     * are rounded first, no weight but a small one would change.
     */
    @Test
    void isTrainedFromItsF32Values() {
        int changed = 0;
        int wrong = 0;
        int count = 0;
        try (ModelFolder start = ModelFolder.open(Fixtures.path("tiny-llama"));
                ModelFolder f32 = ModelFolder.open(train("f32"));
                ModelFolder bf16 = ModelFolder.open(train("bf16"))) {
            for (String tensor : start.expectedTensors().keySet()) {
                FloatBuffer before = floats(start, tensor);
                FloatBuffer after = floats(f32, tensor);
                ShortBuffer found = bf16.map(tensor).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer();
                for (int i = 0; i < after.capacity(); i++, count++) {
                    // Weights that are not near 0: a step moves them by less than half of bf16's distance.
                    if (Math.abs(before.get(i)) < 0.01) {
                        continue;
                    }
                    changed += nearest(before.get(i)) != found.get(i) ? 1 : 0;
                    wrong += nearest(after.get(i)) != found.get(i) ? 1 : 0;
                }
            }
        }
        System.out.println("CH " + changed + " " + wrong + " " + count);
        assertThat(changed).isGreaterThan(count / 50);
        // Gradients near 0 have another sign in bf16.
        assertThat(wrong).isLessThan(changed / 5);
    }
}
