package org.metaapo.demo;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.config.RunConfig;
import org.metaapo.files.AtomicFiles;
import org.metaapo.train.Recipes;
import org.metaapo.train.RunFolder;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/**
 * A run whose configuration stands beside its folder, for users to read and to change.
 *
 * @param folder where both stand
 * @param name of the run's folder; with {@code .yaml} of its configuration
 * @param device as a configuration has it
 */
record DemoRun(Path folder, String name, long seed, String device, int threads) {
    /** A path as YAML has it. */
    static String quoted(Path path) {
        return "\"" + path.toString().replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    Path config() {
        return folder.resolve(name + ".yaml");
    }

    RunFolder run() {
        return new RunFolder(folder.resolve(name));
    }

    /** Whether it has run to its end. */
    boolean isDone() {
        return run().end() != null;
    }

    /** Writes the configuration. */
    void write(List<String> lines) {
        List<String> all = new ArrayList<>(List.of(
                "# made by metaapo demo; run it again with: metaapo train " + config().getFileName() + " out=another-folder",
                "out: " + quoted(run().path()), "seed: " + seed, "device: " + device, "threads: " + threads));
        all.addAll(lines);
        AtomicFiles.write(config(), String.join("\n", all) + "\n");
    }

    /** Runs it, going on where an earlier call stopped. */
    void train(RunListener listener, StopSignal stop) {
        Recipes.run(RunConfig.load(config(), List.of()), listener, stop);
    }
}
