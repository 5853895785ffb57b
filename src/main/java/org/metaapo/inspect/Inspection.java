package org.metaapo.inspect;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Writer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.metaapo.data.DataFiles;
import org.metaapo.data.RepeatedPrompts;
import org.metaapo.data.Schema;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Quantization;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;
import org.metaapo.jobs.Policy;
import org.metaapo.model.ModelConfig;
import org.metaapo.text.StopTokens;
import org.metaapo.train.RunListener;
import org.metaapo.train.Trained;

/** Reads rows as training would, one at a time, and gathers what is to be told of them. */
public final class Inspection {
    /** Rows that were cut or dropped are shown although they are not among the first. */
    private static final int MOST_NOTABLE = 20;

    private final InspectOptions options;
    private final Policy policy;
    private final RowViewer viewer;
    private final Statistics statistics;
    private final List<SeenRow> first = new ArrayList<>();
    private final List<SeenRow> notable = new ArrayList<>();
    private final List<SeenRow> toScore = new ArrayList<>();
    private final RepeatedPrompts prompts = new RepeatedPrompts();
    private TemplateProbe probe;

    private Inspection(InspectOptions options, Policy policy) {
        this.options = options;
        this.policy = policy;
        this.viewer = new RowViewer(
                policy.format(),
                options.maxLength(),
                options.maxPromptLength(),
                options.filter(),
                options.chat().markedOnly(),
                json(options.tools()),
                json(options.documents()));
        this.statistics =
                new Statistics(policy.format(), policy.config().maxPositions());
    }

    /**
     * What was found.
     *
     * @param model shape of the model
     * @param quantization how its linear maps are kept
     * @param adapter over it, with its weights; null where there is none
     * @param schemas the layout of each file
     * @param stepZero null where no weights were read
     * @param rows those to show, in the order of the data
     */
    public record Result(
            InspectOptions options,
            ModelConfig model,
            Quantization quantization,
            Trained adapter,
            Map<Path, Schema> schemas,
            Statistics statistics,
            List<Finding> findings,
            StepZero stepZero,
            List<ShownRow> rows) {
        /** Names of the findings for which {@code --check} fails. */
        public List<String> errors() {
            return findings.stream().filter(Finding::error).map(Finding::name).toList();
        }
    }

    /**
     * Inspects.
     *
     * @param engine for {@code stepZero}; null where that is 0
     * @throws DataException if no row can be read
     */
    public static Result run(InspectOptions options, Engine engine, Dtype dtype, RunListener listener) {
        try (Policy policy = Policy.open(options.model(), options.adapter(), options.quantization(), options.chat())) {
            if (options.stepZero() > 0 && policy.config().head() != Head.LM) {
                throw new UsageException("--step0 needs a language model; " + policy.folder().name() + " is "
                        + policy.config().architecture());
            }
            Inspection inspection = new Inspection(options, policy);
            DataFiles.Summary summary = inspection.read(listener);
            inspection.statistics.add(summary);
            StepZero stepZero = inspection.toScore.isEmpty()
                    ? null
                    : StepZero.of(engine, dtype, policy, inspection.toScore, listener);
            List<Finding> findings =
                    Findings.of(
                            inspection.statistics, options, policy.format(), inspection.probe,
                            StopTokens.difference(policy.folder().base().stopSources(), policy.format()), stepZero);
            return new Result(
                    options,
                    policy.config(),
                    policy.folder().quantization(),
                    Trained.adapter(policy.folder()),
                    summary.schemas(),
                    inspection.statistics,
                    findings,
                    stepZero,
                    inspection.shown(stepZero));
        }
    }

    private DataFiles.Summary read(RunListener listener) {
        listener.begin("reading rows", -1);
        DataFiles.Summary[] summary = new DataFiles.Summary[1];
        if (options.lines() == null) {
            summary[0] = read(Writer.nullWriter(), listener);
        } else {
            options.lines().write(writer -> summary[0] = read(writer, listener));
        }
        listener.end();
        return summary[0];
    }

    private DataFiles.Summary read(Writer writer, RunListener listener) {
        AnswerLines lines = options.lines() == null ? null : new AnswerLines(writer, viewer);
        return DataFiles.read(options.data(), new DataFiles.Options("train", true, options.seed(), options.variables()), row -> {
            try {
                add(viewer.see(row), lines);
            } catch (DataException e) {
                statistics.addBad(RowViewer.message(row, e));
            }
            if (statistics.rows() % 256 == 0) {
                listener.progress(statistics.rows(), "");
            }
        });
    }

    private void add(SeenRow given, AnswerLines lines) {
        boolean repeats = options.dropRepeatedPrompts()
                && given.dropped() == null
                && prompts.seen(given.row().prompt());
        SeenRow seen = repeats ? given.filtered(RepeatedPrompts.REASON) : given;
        if (lines != null) {
            lines.add(seen);
        }
        statistics.add(seen);
        if (probe == null && seen.row().prompt().isConversation()) {
            probe = TemplateProbe.of(policy.format(), seen.row().prompt().conversation());
        }
        if (first.size() < options.rows()) {
            first.add(seen);
        } else if (notable.size() < MOST_NOTABLE && (seen.isCut() || seen.dropped() != null)) {
            notable.add(seen);
        }
        boolean fits = seen.longest() <= policy.config().maxPositions();
        if (toScore.size() < options.stepZero()
                && seen.dropped() == null
                && !seen.answers().isEmpty()
                && fits) {
            toScore.add(seen);
        }
    }

    private List<ShownRow> shown(StepZero stepZero) {
        List<SeenRow> all = new ArrayList<>(first);
        all.addAll(notable);
        return all.stream()
                .map(seen -> viewer.show(
                        seen,
                        stepZero == null
                                ? null
                                : stepZero.tokenLogps().get(seen.row().id())))
                .toList();
    }

    private static Object json(Path file) {
        if (file == null) {
            return null;
        }
        JsonNode json = Json.read(file);
        if (!json.isArray()) {
            throw new DataException(file + ": expected a list, found " + Json.describe(json));
        }
        return Json.plain(json);
    }
}
