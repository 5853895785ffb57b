package org.metaapo.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.MemoryPlan;
import org.metaapo.error.RunFailedException;
import org.metaapo.files.FileFailures;
import org.metaapo.model.ModelConfig;

/**
 * Bytes that a run will take on the disk of its folder, known before any weight is read; what is small beside them is left out.
 *
 * @param checkpoint of one: f32 weights of what is trained, its moments, and the reference's weights where it follows the policy late
 * @param kept checkpoints that are there at once, between two
 * @param written checkpoints that are there while one more is written, before an old one goes
 * @param result a model, or an adapter, with the merged model where that is asked for; it is written before the checkpoints go
 */
public record RunDisk(long checkpoint, int kept, int written, long result) {
    static RunDisk of(RunConfig config, Recipe recipe, ModelConfig model, RunData data, MemoryPlan memory) {
        EpochPlan plan = EpochPlan.of(config, recipe, data);
        PolicyAdapter adapter = PolicyAdapter.of(config, model, config.path("model.path"), recipe.head());
        long parameters = Trained.of(adapter, model.withHead(recipe.head())).weights();
        long whole = model.withHead(recipe.head()).parameters() * Dtype.fromName(config.text("dtype")).bytes();
        long weights = adapter == null ? whole : 4 * parameters;
        boolean late = recipe.needsReference(config) && recipe.referenceUpdate(config) == References.Update.SLICE_LATE;
        long epochs = config.integer("train.epochs");
        long slices = recipe.rewards(config) == null ? 0 : plan.slices() * epochs;
        // A stop takes one too, wherever it comes.
        long saves = Math.max(1, plan.steps() * epochs / config.integer("checkpoint.every") + slices);
        long keep = config.integer("checkpoint.keep");
        return new RunDisk(
                4 * parameters + memory.moments() + (late ? weights : 0), (int) Math.min(saves, keep), (int) Math.min(saves, keep + 1),
                weights + (config.flag("adapter.merge") ? whole : 0));
    }

    /** At the worst moment. */
    public long total() {
        return Math.max(written * checkpoint, kept * checkpoint + result);
    }

    /** Bytes that are free for a run in a folder: those of the disk, and of its checkpoints, which newer ones replace; -1 if unknown. */
    public static long free(Path folder) {
        long free = FileFailures.freeBytes(folder);
        return free < 0 ? -1 : free + bytes(new RunFolder(folder).checkpoints());
    }

    private static long bytes(Path folder) {
        if (!Files.isDirectory(folder)) {
            return 0;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            return files.mapToLong(file -> file.toFile().isFile() ? file.toFile().length() : 0).sum();
        } catch (IOException | UncheckedIOException e) {
            return 0;
        }
    }

    /**
     * Throws if {@code free} bytes are too few; a negative number is one that is not known.
     *
     * @throws RunFailedException naming what is needed, for what, and what is free
     */
    void check(Path folder, long free) {
        if (free >= 0 && total() > free) {
            throw new RunFailedException(String.format(Locale.ROOT, "%s: the run needs %d bytes of disk (%d checkpoints of %d, the result of %d), "
                    + "%d bytes are free; free some, choose another out, or lower checkpoint.keep or set optimizer.state=8bit",
                    folder, total(), written, checkpoint, result, free));
        }
    }
}
