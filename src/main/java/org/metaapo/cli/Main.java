package org.metaapo.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.Callable;
import org.metaapo.config.Program;
import org.metaapo.error.MetaapoException;
import org.metaapo.error.UsageException;
import org.metaapo.files.HomeFolder;
import org.metaapo.files.Unfinished;
import org.metaapo.ranks.Launcher;
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
            ChatCommand.class,
            RewardCommand.class,
            MergeCommand.class,
            InspectCommand.class,
            EvaluateCommand.class,
            ServeCommand.class,
            WatchCommand.class,
            ReportCommand.class,
            ExportCommand.class,
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
    /** Commands that only say something. */
    private static final Set<String> SAYING = Set.of("metaapo", "help", "version", "keys", "info");

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
        } catch (MetaapoException | OutOfMemoryError e) {
            return Failures.tell(e, main.debug);
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
                .setExecutionExceptionHandler((failure, command, parsed) -> Failures.tell(failure, debug))
                .setExecutionStrategy(this::execute);
        setVersion(line, line.getCommandSpec().version());
        return line;
    }

    private static void setVersion(CommandLine line, String... version) {
        line.getCommandSpec().version(version);
        line.getSubcommands().values().forEach(command -> setVersion(command, version));
    }

    /** A path as a command line gives it. */
    static Path path(String text) {
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
        Failures.letTheFirstTell();
        System.err.println("metaapo: " + UsageAdvice.of(failure) + " (see "
                + command.getCommandSpec().qualifiedName() + " --help)");
        return WRONG_USAGE;
    }

    /** Commands that are not shared out would be done several times, each in the others' way. */
    private int execute(CommandLine.ParseResult parsed) {
        CommandLine.Model.CommandSpec command = parsed.hasSubcommand() ? parsed.subcommand().commandSpec() : parsed.commandSpec();
        boolean takesRanks = command.mixins().values().stream().anyMatch(mixin -> mixin.userObject() instanceof RanksOption);
        if (!takesRanks && !SAYING.contains(command.name())) {
            try {
                Launcher launcher = Launcher.of(System.getenv());
                if (launcher != null && launcher.size() > 1) {
                    throw new UsageException(command.name() + " is done by one process, and " + launcher.name() + " has started " + launcher.size());
                }
            } catch (UsageException e) {
                Failures.letTheFirstTell();
                return Failures.tell(e, debug);
            }
        }
        return new CommandLine.RunLast().execute(parsed);
    }

    boolean isDebug() {
        return debug;
    }

    /** Without a command: what there is. */
    @Override
    public Integer call() {
        spec.commandLine().usage(spec.commandLine().getErr());
        return WRONG_USAGE;
    }
}
