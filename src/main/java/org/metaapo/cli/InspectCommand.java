package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.jobs.InspectJob;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code metaapo inspect}. */
@Command(name = "inspect", description = "The first rows as the model sees them; what was dropped or cut, and why.", mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
    @Option(names = "--model", required = true, paramLabel = "DIR", description = "folder of the model")
    private Path model;

    @Option(names = "--data", required = true, paramLabel = "FILE", arity = "1..*", description = "JSONL or JSON files")
    private List<Path> data;

    @Option(names = "--rows", paramLabel = "N", description = "rows to show (default: ${DEFAULT-VALUE})", defaultValue = "3")
    private int rows;

    @Option(names = "--max-length", paramLabel = "N", description = "tokens of prompt and answer", defaultValue = "4096")
    private int maxLength;

    @Option(names = "--max-prompt-length", paramLabel = "N", description = "tokens of a prompt", defaultValue = "2048")
    private int maxPromptLength;

    @Option(names = "--ids", description = "show token ids")
    private boolean ids;

    @Override
    public Integer call() {
        System.out.print(InspectJob.run(
                model, data, Math.max(0, rows), maxLength, maxPromptLength, ids, System.console() != null));
        return 0;
    }
}
