package org.metaapo.cli;

import org.metaapo.error.MetaapoException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The command {@code metaapo}. */
@Command(
        name = "metaapo",
        version = "metaapo 0.1.0",
        mixinStandardHelpOptions = true,
        description = "Aligns language models with preferences by MetaAPO.",
        subcommands = {
            DemoCommand.class,
            TrainCommand.class,
            CompareCommand.class,
            PlanCommand.class,
            ScoreCommand.class,
            GenerateCommand.class,
            RewardCommand.class,
            InspectCommand.class,
            ReportCommand.class,
            BoundCommand.class,
            InfoCommand.class
        },
        footer = {"", "In a checkout, ./metaapo test builds and runs every test.", "Exit status: 0 done, 2 wrong usage or config,"
                + " 3 bad data, 4 device or memory, 5 interrupted but resumable, 1 other."})
public final class Main implements Runnable {
    @Option(names = "--debug", scope = ScopeType.INHERIT, description = "print stack traces of failures")
    private boolean debug;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    private Main() {}

    /** Runs a command and ends the process with its exit status. */
    public static void main(String[] arguments) {
        System.exit(run(arguments));
    }

    /** Runs a command and returns its exit status. */
    static int run(String... arguments) {
        Main main = new Main();
        CommandLine line = new CommandLine(main).setCaseInsensitiveEnumValuesAllowed(true);
        line.setParameterExceptionHandler((failure, given) -> {
            String first = String.valueOf(failure.getMessage()).lines().findFirst().orElse("wrong usage");
            System.err.println("metaapo: " + first + hint(failure) + " (see metaapo "
                    + (failure.getCommandLine().getParent() == null ? "" : failure.getCommandLine().getCommandName() + " ") + "--help)");
            return 2;
        });
        line.setExecutionExceptionHandler((failure, command, parsed) -> main.failed(failure));
        try {
            return line.execute(arguments);
        } catch (OutOfMemoryError e) {
            System.err.println("metaapo: the Java heap is full; give it more with JAVA_TOOL_OPTIONS=-Xmx8g");
            return 4;
        }
    }

    private static String hint(CommandLine.ParameterException failure) {
        if (failure instanceof CommandLine.UnmatchedArgumentException unmatched && !unmatched.getSuggestions().isEmpty()) {
            return "; did you mean " + String.join(" or ", unmatched.getSuggestions()) + "?";
        }
        return "";
    }

    private int failed(Exception failure) {
        if (debug) {
            failure.printStackTrace();
        }
        if (failure instanceof MetaapoException known) {
            System.err.println("metaapo: " + known.getMessage());
            return known.exitStatus();
        }
        if (failure instanceof IllegalArgumentException) {
            System.err.println("metaapo: " + failure.getMessage());
            return 2;
        }
        System.err.println("metaapo: unexpected " + failure + (debug ? "" : "; --debug shows where"));
        return 1;
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "expected a command: demo, train, compare, plan, score, generate, "
                + "reward, inspect, report or info");
    }

}
