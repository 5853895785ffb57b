package org.metaapo.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** {@code metaapo evaluate}. */
@Command(
        name = "evaluate",
        description = "Scores of AlpacaEval 2, Arena-Hard and MT-Bench.",
        mixinStandardHelpOptions = true,
        subcommands = {AlpacaEvalCommand.class, ArenaHardCommand.class, MtBenchCommand.class, CompareEvaluationsCommand.class})
final class EvaluateCommand implements Callable<Integer> {
    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    /** Without a benchmark: which there are. */
    @Override
    public Integer call() {
        throw new CommandLine.ParameterException(spec.commandLine(), "no benchmark is given; expected " + String.join(", ", spec.subcommands().keySet()));
    }
}
