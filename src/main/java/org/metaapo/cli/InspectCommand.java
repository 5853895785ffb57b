package org.metaapo.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.config.RunConfig;
import org.metaapo.data.RowFilter;
import org.metaapo.engine.Engine;
import org.metaapo.error.UsageException;
import org.metaapo.files.Destination;
import org.metaapo.inspect.InspectOptions;
import org.metaapo.inspect.InspectPage;
import org.metaapo.inspect.InspectText;
import org.metaapo.inspect.Inspection;
import org.metaapo.inspect.TextOptions;
import org.metaapo.model.ModelFolder;
import org.metaapo.text.ChatOptions;
import org.metaapo.train.BaseWeights;
import org.metaapo.train.Trained;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo inspect}. */
@Command(
        name = "inspect",
        description =
                "Rows as the model sees them, lengths, what was cut or dropped and why, and what would silently hurt a"
                        + " run.",
        mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
    private static final int ROWS_IN_TEXT = 3;
    private static final int ROWS_IN_PAGE = 100;
    private static final int FAILED_CHECK = 3;
    private static final List<String> FILTERS = List.of(
            "overlong", "min_answer_tokens", "max_length_ratio", "min_score", "min_score_margin", "repeated_prompts");

    @Mixin
    private CommonOptions common;

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "folder of the model; its weights are read for --step0 only")
    private Path model;

    @Mixin
    private AdapterOption adapter;

    @Mixin
    private QuantizeOption quantize;

    @Option(
            names = "--data",
            paramLabel = "FILE",
            arity = "1..*",
            description = "files, patterns or dataset folders, as in data.train; - for standard input")
    private List<Path> data;

    @Option(
            names = "--config",
            paramLabel = "CONFIG.yaml",
            description = "take model, adapter, data, lengths, template, loss, filters and seed from a run's configuration; other"
                    + " options win")
    private Path config;

    @Option(
            names = "--filter",
            paramLabel = "KEY=VALUE",
            description = "a filter of the configuration's group data, such as min_answer_tokens=5; may be given several"
                    + " times")
    private List<String> filters = List.of();

    @Option(
            names = "--rows",
            paramLabel = "N",
            description = "rows to show (default: " + ROWS_IN_TEXT + ", and " + ROWS_IN_PAGE + " in the page)")
    private Integer rows;

    @Option(names = "--ids", description = "show the token ids after each token")
    private boolean ids;

    @Option(names = "--full", description = "show all lines of long texts")
    private boolean full;

    @Mixin
    private LengthOptions lengths;

    @Mixin
    private AnswerOptions answers;

    /** What an answer's loss counts. */
    enum Loss {
        ANSWER,
        GENERATION
    }

    @Option(
            names = "--loss",
            paramLabel = "WHAT",
            description = "data.loss: answer (default), or generation for what the template's generation blocks mark")
    private Loss loss;

    @Option(
            names = "--tools",
            paramLabel = "FILE",
            description = "JSON list handed to the template as tools, for rows without their own")
    private Path tools;

    @Option(
            names = "--documents",
            paramLabel = "FILE",
            description = "JSON list handed to the template as documents, likewise")
    private Path documents;

    @Option(
            names = "--step0",
            paramLabel = "N",
            arity = "0..1",
            fallbackValue = "64",
            defaultValue = "0",
            description =
                    "read the weights and score the first N rows (64 if no number is given): log-probs, and the loss"
                            + " before any step")
    private int stepZero;

    @Option(
            names = "--out",
            paramLabel = "FILE",
            description = "write a JSON line for each answer of each row; - for standard output")
    private Path out;

    @Option(
            names = "--html",
            paramLabel = "FILE",
            description = "write everything as one page that needs no other file; - for standard output")
    private Path html;

    @Option(names = "--check", description = "exit with status 3 when something would silently hurt a run")
    private boolean check;

    @Option(
            names = "--color",
            paramLabel = "WHEN",
            defaultValue = "auto",
            description = "auto (a terminal, and NO_COLOR not set), always or never")
    private TerminalOutput.Colour colour;

    private Destination lines;
    private Destination page;

    @Override
    public Integer call() {
        int shown = rows != null ? rows : html == null ? ROWS_IN_TEXT : ROWS_IN_PAGE;
        RunConfig run = run();
        List<Path> rowsOf = data != null ? data : run.paths("data.train");
        Path folder = model != null ? model : run.path("model.path");
        Path over = adapter.path() != null ? adapter.path() : run.path("adapter.path");
        List<Path> inputs = Inputs.of(rowsOf, folder, over, config, tools, documents);
        lines = checked(out, inputs);
        page = checked(html, inputs);
        if (lines != null && lines.isSameAs(page)) {
            throw new UsageException("--out and --html are the same, " + out + "; expected a file for each");
        }
        InspectOptions options = new InspectOptions(
                folder,
                over,
                quantize.asked() != null ? quantize.asked() : BaseWeights.asked(run),
                rowsOf,
                common.seed(run.integer("seed")),
                shown,
                run.count("data.max_length"),
                run.count("data.max_prompt_length"),
                RowFilter.of(run),
                run.text("data.repeated_prompts").equals("drop"),
                chat(run),
                answers.variables(run),
                tools,
                documents,
                stepZero,
                config == null ? null : Trained.of(run, ModelFolder.readConfig(folder)),
                lines);
        Inspection.Result result;
        try (Engine engine = stepZero > 0 ? common.open() : null;
                ProgressView view = common.view()) {
            result = Inspection.run(options, engine, common.dtype(), view);
        }
        if (page != null) {
            InspectPage.write(page, result);
        }
        print(InspectText.of(result, textOptions()));
        if (!check || result.errors().isEmpty()) {
            return 0;
        }
        System.err.println("metaapo: the check failed: " + String.join(", ", result.errors()));
        return FAILED_CHECK;
    }

    /** Null for nowhere. */
    private static Destination checked(Path path, List<Path> inputs) {
        if (path == null) {
            return null;
        }
        Destination destination = Destination.of(path);
        destination.check(inputs);
        return destination;
    }

    /** The run's configuration, or the defaults, with the filters given. */
    private RunConfig run() {
        if (config == null && (model == null || data == null)) {
            throw new UsageException("no " + (model == null ? "model" : "data") + " is given; expected --model DIR and"
                    + " --data FILE, or --config CONFIG.yaml");
        }
        for (String given : filters) {
            String key = given.substring(0, Math.max(0, given.indexOf('=')));
            if (!FILTERS.contains(key)) {
                throw new UsageException("--filter " + given + "; expected KEY=VALUE with a key of "
                        + String.join(", ", FILTERS));
            }
        }
        List<String> overrides = new ArrayList<>(lengths.overrides());
        filters.forEach(given -> overrides.add("data." + given));
        return config == null ? RunConfig.defaults(overrides) : RunConfig.load(config, overrides);
    }

    private ChatOptions chat(RunConfig run) {
        ChatOptions chat = answers.chat(run);
        boolean markedOnly = loss != null ? loss == Loss.GENERATION : chat.markedOnly();
        return new ChatOptions(chat.keepTemplateTail(), chat.template(), markedOnly, chat.boundary());
    }

    private TextOptions textOptions() {
        int descriptor = isOutputTaken() ? TerminalOutput.ERR : TerminalOutput.OUT;
        boolean terminal = TerminalOutput.isTerminal(descriptor);
        return new TextOptions(
                rows != null ? rows : ROWS_IN_TEXT,
                TerminalOutput.colour(colour, terminal, System.getenv()),
                terminal ? TerminalOutput.width(descriptor, System.getenv()) : 0,
                ids,
                full);
    }

    /** Whether standard output is that of the lines or the page. */
    private boolean isOutputTaken() {
        return lines != null && lines.isStandardOutput() || page != null && page.isStandardOutput();
    }

    private void print(String text) {
        (isOutputTaken() ? System.err : System.out).print(text);
    }
}
