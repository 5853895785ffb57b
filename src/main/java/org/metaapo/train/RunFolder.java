package org.metaapo.train;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.checkpoint.CheckpointStore;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;

/**
 * Names in a run's folder.
 *
 * @param path the folder
 */
public record RunFolder(Path path) {
    /** The resolved configuration. */
    public Path config() {
        return path.resolve("config.yaml");
    }

    /** One line a step, slice and meta update. */
    public Path metrics() {
        return path.resolve("metrics.jsonl");
    }

    /** The result. */
    public Path model() {
        return path.resolve("model");
    }

    /** The result of a run that trains an adapter, in PEFT's format. */
    public Path adapter() {
        return path.resolve("adapter");
    }

    /**
     * Opens the result: the trained adapter over its base, or the trained model.
     *
     * @param base folder of the model that the run began with
     */
    public AdaptedFolder result(Path base) {
        return Files.isDirectory(adapter()) ? AdaptedFolder.open(base, adapter()) : AdaptedFolder.open(model());
    }

    /** What the run was begun with. */
    public Path fingerprint() {
        return path.resolve("fingerprint.json");
    }

    /** Whether there is a checkpoint, good or damaged. */
    boolean hasCheckpoints() {
        return CheckpointStore.isIn(checkpoints());
    }

    /** Checkpoints. */
    public Path checkpoints() {
        return path.resolve("checkpoints");
    }

    /** Prepared rows, while the run lasts. */
    public Path cache() {
        return path.resolve("cache");
    }

    /** File, row and cause of bad rows that were skipped. */
    public Path skipped() {
        return path.resolve("skipped-rows.txt");
    }

    /** What the meta-learner learned from, a line an update: its inputs and the losses of both pairs. */
    public Path metaBuffer() {
        return path.resolve("meta-buffer.jsonl");
    }

    /** Losses by which recipe selective-dpo orders the pairs. */
    public Path difficulty() {
        return path.resolve("difficulty");
    }

    /** The meta-learner at the end. */
    public Path metaLearner() {
        return path.resolve("meta-learner.json");
    }

    /** What metaapo bound found. */
    public Path bound() {
        return path.resolve("bound.json");
    }

    /** The report. */
    public Path report() {
        return path.resolve("report.html");
    }

    /** Scores that were paid for, of sources that are called. */
    public Path rewards() {
        return path.resolve("rewards.jsonl");
    }

    /** TensorBoard's event files. */
    public Path tensorboard() {
        return path.resolve("tensorboard");
    }

    /** Under which names trackers know the run. */
    public Path trackers() {
        return path.resolve("trackers");
    }

    /** Folder of the sampled answers. */
    public Path samples() {
        return path.resolve("samples");
    }

    /** Sampled answers of a slice. */
    public Path samples(long epoch, int slice) {
        return samples().resolve(String.format(Locale.ROOT, "epoch-%03d-slice-%04d.jsonl", epoch, slice));
    }

    /** All that a run writes, replaces or deletes. */
    List<Path> written() {
        return List.of(
                config(), metrics(), model(), adapter(), fingerprint(), checkpoints(), cache(), skipped(), metaBuffer(), difficulty(),
                metaLearner(), report(), rewards(), samples(), tensorboard(), trackers());
    }

    /** The end line of a finished run: its totals. Null where there is none. */
    public JsonNode end() {
        if (!Files.isRegularFile(metrics()) || !Files.isDirectory(model()) && !Files.isDirectory(adapter())) {
            return null;
        }
        String text = StrictText.read(metrics());
        String[] lines = text.split("\n");
        String last = lines[lines.length - 1];
        // A process that was killed may have left half a line.
        return text.endsWith("\n") && last.contains("\"kind\":\"end\"") ? Json.parse(last, metrics().toString(), lines.length) : null;
    }

    void write(Path file, String text) {
        AtomicFiles.write(file, text);
    }
}
