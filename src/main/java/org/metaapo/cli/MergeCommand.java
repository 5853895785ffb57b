package org.metaapo.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.metaapo.engine.Engine;
import org.metaapo.error.UsageException;
import org.metaapo.files.FileFailures;
import org.metaapo.jobs.MergeJob;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo merge}. */
@Command(
        name = "merge",
        description = "Works a LoRA adapter into its model: an ordinary model folder, with the tokenizer and template of the adapter where it brings them.",
        mixinStandardHelpOptions = true)
final class MergeCommand implements Callable<Integer> {
    @Mixin
    private CommonOptions common;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "folder of the model that the adapter was trained on")
    private Path model;

    @Option(names = "--adapter", required = true, paramLabel = "DIR", description = "folder of the adapter, in PEFT's format")
    private Path adapter;

    @Mixin
    private QuantizeOption quantize;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "folder to write; must not be there, or be empty")
    private Path out;

    @Override
    public Integer call() {
        if (out.toString().equals("-")) {
            throw new UsageException("--out is -, which is standard output; merge makes a folder");
        }
        if (isTaken(out)) {
            throw new UsageException("--out " + out + ": is there already; give another folder, or delete it");
        }
        try (Engine engine = common.open();
                ProgressView view = common.view()) {
            MergeJob.run(engine, common.dtype(null), quantize.asked(), model, adapter, out, view);
        }
        return 0;
    }

    private static boolean isTaken(Path folder) {
        if (!Files.isDirectory(folder)) {
            return Files.exists(folder);
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.findAny().isPresent();
        } catch (IOException e) {
            throw FileFailures.reading(folder, e);
        }
    }
}
