package org.metaapo.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.metaapo.config.Program;
import org.metaapo.error.MetaapoException;
import org.metaapo.error.OutputClosedException;
import org.metaapo.files.HomeFolder;
import org.metaapo.files.Unfinished;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine;

/** The command {@code metaapo}. */
@Command(
        name = "metaapo",
        version = Program.VERSION,
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
            MergeCommand.class,
            InspectCommand.class,
            EvaluateCommand.class,
            ReportCommand.class,
            BoundCommand.class,
            KeysCommand.class,
            InfoCommand.class,
            VersionCommand.class,
            HelpCommand.class
        },
        footer = {"", "In a checkout, ./metaapo test builds and runs every test.", "Exit status: 0 done, 2 wrong usage or config,"
                + " 3 bad data, 4 device or memory, 5 interrupted but resumable, 1 other; 130 after Ctrl-C, 143 after SIGTERM where there is"
                + " nothing to resume."})
public final class Main implements Callable<Integer> {
    private static final int WRONG_USAGE = 2;
    /** The narrowest and widest help that is still read well. */
    private static final int NARROWEST = 55;
    private static final int WIDEST = 200;

    @Option(names = "--debug", scope = ScopeType.INHERIT, description = "print stack traces of failures")
    private boolean debug;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    private Main() {}

    /** Runs a command and ends the process with its exit status. */
    public static void main(String[] arguments) {
        StandardStreams.install();
        Signals.endAtOnce();
        int status = run(arguments);
        Unfinished.end(() -> System.exit(status));
    }

    /** Runs a command and returns its exit status. */
    static int run(String... arguments) {
        Main main = new Main();
        // Held back, for picocli has its own way with a write that fails.
        StringWriter help = new StringWriter();
        try {
            int status = main.line(help).execute(arguments);
            System.out.print(help);
            System.out.flush();
            return status;
        } catch (MetaapoException e) {
            return main.failed(e);
        } catch (OutOfMemoryError e) {
            System.err.println("metaapo: the Java heap is full; give it more with JAVA_TOOL_OPTIONS=-Xmx8g");
            return 4;
        }
    }

    private CommandLine line(StringWriter help) {
        CommandLine line = new CommandLine(this);
        boolean coloured = TerminalOutput.colour(
                TerminalOutput.Colour.AUTO, TerminalOutput.isTerminal(TerminalOutput.OUT), System.getenv());
        int width = TerminalOutput.width(TerminalOutput.OUT, System.getenv());
        line.setCaseInsensitiveEnumValuesAllowed(true)
                // A file's name may begin with @.
                .setExpandAtFiles(false)
                // A misspelt option after --data is no file.
                .setUnmatchedOptionsAllowedAsOptionParameters(false)
                .setOut(new PrintWriter(help))
                .setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8))
                .setColorScheme(CommandLine.Help.defaultColorScheme(coloured ? CommandLine.Help.Ansi.ON : CommandLine.Help.Ansi.OFF))
                .setUsageHelpWidth(Math.max(NARROWEST, Math.min(WIDEST, width)))
                .registerConverter(Path.class, Main::path)
                .setParameterExceptionHandler((failure, given) -> wrongUsage(failure))
                .setExecutionExceptionHandler((failure, command, parsed) -> failed(failure));
        setVersion(line, line.getCommandSpec().version());
        return line;
    }

    private static void setVersion(CommandLine line, String... version) {
        line.getCommandSpec().version(version);
        line.getSubcommands().values().forEach(command -> setVersion(command, version));
    }

    private static Path path(String text) {
        if (text.isBlank()) {
            throw new CommandLine.TypeConversionException("is empty; expected a path");
        }
        try {
            return Path.of(HomeFolder.expanded(text));
        } catch (InvalidPathException e) {
            throw new CommandLine.TypeConversionException("cannot name a file"
                    + (System.getProperty("sun.jnu.encoding").equals("UTF-8") ? "" : " in this locale; set LC_ALL=C.UTF-8"));
        }
    }

    private static int wrongUsage(CommandLine.ParameterException failure) {
        CommandLine command = failure.getCommandLine();
        System.err.println("metaapo: " + UsageAdvice.of(failure) + " (see "
                + command.getCommandSpec().qualifiedName() + " --help)");
        return WRONG_USAGE;
    }

    private int failed(Exception failure) {
        if (debug) {
            failure.printStackTrace();
        }
        if (failure instanceof OutputClosedException closed) {
            return closed.exitStatus();
        }
        if (failure instanceof MetaapoException known) {
            System.err.println("metaapo: " + known.getMessage());
            return known.exitStatus();
        }
        if (failure instanceof IllegalArgumentException) {
            System.err.println("metaapo: " + failure.getMessage());
            return WRONG_USAGE;
        }
        System.err.println("metaapo: unexpected " + failure + (debug ? "" : "; --debug shows where"));
        return 1;
    }

    /** Without a command: what there is. */
    @Override
    public Integer call() {
        spec.commandLine().usage(spec.commandLine().getErr());
        return WRONG_USAGE;
    }
}
