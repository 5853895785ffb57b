package org.metaapo.cli;

import java.util.concurrent.Callable;
import org.metaapo.config.Nearest;
import org.metaapo.error.UsageException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code metaapo help}. */
@Command(name = "help", description = "What a command does, and its options.", mixinStandardHelpOptions = true)
final class HelpCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "COMMAND", arity = "0..1", description = "the command; all commands if none is given")
    private String wanted;

    @Override
    public Integer call() {
        CommandLine all = spec.parent().commandLine();
        CommandLine command = wanted == null ? all : all.getSubcommands().get(wanted);
        if (command == null) {
            throw new UsageException("no command " + wanted + "; " + new Nearest(all.getSubcommands().keySet()).hint(wanted));
        }
        command.usage(command.getOut());
        return 0;
    }
}
