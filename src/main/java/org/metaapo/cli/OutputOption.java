package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import org.metaapo.files.Destination;
import picocli.CommandLine.Option;

/** Where a command writes its lines. */
final class OutputOption {
    @Option(names = "--out", paramLabel = "FILE", description = "where to write; - or nothing: standard output")
    private Path out;

    /**
     * The place.
     *
     * @param inputs what the command reads, and must not write to
     */
    Destination apartFrom(List<Path> inputs) {
        Destination destination = Destination.of(out);
        destination.check(inputs);
        return destination;
    }
}
