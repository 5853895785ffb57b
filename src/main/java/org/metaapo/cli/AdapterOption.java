package org.metaapo.cli;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The adapter over the model of a command. */
final class AdapterOption {
    @Option(names = "--adapter", paramLabel = "DIR", description = "folder of a LoRA adapter in PEFT's format, over the model of --model")
    private Path adapter;

    /** Null where none is given. */
    Path path() {
        return adapter;
    }
}
