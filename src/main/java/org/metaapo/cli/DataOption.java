package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** The rows that a command reads. */
final class DataOption {
    @Option(names = "--data", required = true, paramLabel = "FILE", arity = "1..*",
            description = "files, patterns or dataset folders, as in data.train; - for standard input")
    private List<Path> data;

    List<Path> paths() {
        return data;
    }
}
