package org.metaapo.evaluate.alpaca;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.commons.math3.stat.StatUtils;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.evaluate.Coverage;
import org.metaapo.evaluate.CsvFile;
import org.metaapo.evaluate.DoubtfulQuestions;
import org.metaapo.evaluate.EvaluationResult;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.TextTable;
import org.metaapo.files.Json;
import org.metaapo.statistics.LengthControl;

/** AlpacaEval 2's scores from annotations alone. */
public final class AlpacaEvaluation {
    /** Instructions of the official set. */
    private static final int OFFICIAL_SIZE = 805;
    private static final String LEADERBOARD = ",win_rate,standard_error,mode,avg_length,n_wins,n_wins_base,n_draws,n_total,discrete_win_rate,"
            + "length_controlled_winrate,lc_standard_error\n";
    private static final String WEIGHTS = ",np.tanh(std_delta_len),instruction_difficulty,not_gamed_baseline.astype(float)\n";

    private final List<ModelOutput> outputs;
    private final ReferenceOrder reference;
    private final Calibration calibration;
    private final Mode mode;
    private final boolean allowPartial;
    private final List<String> notes = new ArrayList<>();

    /** Where the difficulty of a row's instruction is taken from. */
    public enum Mode {
        /** From the instruction's place in the reference. */
        ALIGNED,
        /** From the row's number in the annotations, as the official program does. */
        COMPATIBLE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * An evaluation.
     *
     * @param reference the baseline's answers in the official order, or null: then instructions are not checked
     * @param calibration or null, for no length-controlled win rate
     * @throws UsageException if the mode needs a reference and there is none
     * @throws DataException if reference and calibration have different sizes
     */
    public AlpacaEvaluation(List<ModelOutput> reference, Calibration calibration, Mode mode, boolean allowPartial) {
        this.outputs = reference;
        this.reference = reference == null ? null : new ReferenceOrder(reference);
        this.calibration = calibration;
        this.mode = mode;
        this.allowPartial = allowPartial;
        if (calibration == null) {
            return;
        }
        if (reference == null && mode == Mode.ALIGNED) {
            throw new UsageException("--calibration without --reference-outputs: the difficulty of an instruction is taken from its place among the official ones;"
                    + " give the file of the baseline's outputs, or --mode compatible to go by row numbers");
        }
        if (calibration.rowsOfModel() != expected()) {
            throw new DataException("--calibration has " + calibration.rowsOfModel() + " instructions; expected " + expected()
                    + (reference == null ? "" : ", as the reference has"));
        }
    }

    private int expected() {
        return reference == null ? OFFICIAL_SIZE : reference.size();
    }

    /** Without those of the benchmark that are left out. */
    private int expected(DoubtfulQuestions leftOut) {
        return reference == null ? OFFICIAL_SIZE - leftOut.ids().size() : (int) outputs.stream().filter(one -> !leftOut.has(one.instruction())).count();
    }

    /** A model's figures. */
    private record Scored(String model, Coverage coverage, WinRate raw, LengthControl controlled, int averageLength, double[] byPosition, Double price, Double time) {
        boolean isFitted() {
            return controlled != null && controlled.selection() != null;
        }
    }

    /**
     * Scores models.
     *
     * @param models the annotations of each, in the order of its file; all by one judge over one baseline
     */
    public EvaluationResult of(List<List<Annotation>> models) {
        return of(models, DoubtfulQuestions.read(null));
    }

    /**
     * Scores models, as {@link #of(List)} does.
     *
     * @param leftOut instructions that no score is made of; difficulties are found as if they were there
     */
    public EvaluationResult of(List<List<Annotation>> models, DoubtfulQuestions leftOut) {
        Annotation first = models.get(0).get(0);
        notes.clear();
        if (calibration != null && !calibration.isOfficial()) {
            notes.add("the calibration's SHA-256 is " + calibration.sha256() + ", that of " + Calibration.REVISION + " is "
                    + Calibration.OFFICIAL_SHA256 + ": length-controlled win rates are not comparable with published ones");
        }
        if (calibration == null) {
            notes.add(isOfRewards(first) ? "length is controlled for by these rows alone: --calibration is not given"
                    : "no length-controlled win rate: --calibration is not given; it takes " + Calibration.REVISION);
        }
        Set<String> names = new HashSet<>();
        List<Scored> scored = new ArrayList<>();
        for (List<Annotation> rows : models) {
            Annotation row = rows.get(0);
            first.judge().same(row.judge(), row.row().where());
            if (!row.baseline().equals(first.baseline())) {
                throw new DataException(row.row().where() + ": baseline " + row.baseline() + ", before " + first.baseline() + "; expected one baseline");
            }
            if (!names.add(row.model())) {
                throw new DataException(row.row().where() + ": model " + row.model() + " is given twice; expected each once, or --repeats N for repeats of its judging");
            }
            scored.add(score(rows, leftOut));
        }
        Map<String, String> files = new LinkedHashMap<>();
        files.put("leaderboard.csv", leaderboard(scored));
        if (calibration != null) {
            files.put("weights/baseline_" + EvaluationResult.fileName(first.baseline()) + ".csv", weights(scored));
        }
        return new EvaluationResult(metrics(first, scored), table(scored), List.copyOf(notes), files);
    }

    private Scored score(List<Annotation> whole, DoubtfulQuestions leftOut) {
        String model = whole.get(0).model();
        int[] found = places(whole, model);
        int[] kept = IntStream.range(0, whole.size()).filter(i -> !leftOut.has(whole.get(i).instruction())).toArray();
        List<Annotation> rows = leftOut.others(whole, Annotation::instruction, Annotation::model);
        // Where the difficulty of each row that is kept is found.
        int[] places = calibration == null || mode == Mode.COMPATIBLE ? kept : Arrays.stream(kept).map(i -> found[i]).toArray();
        int judged = (int) rows.stream().filter(Annotation::isJudged).count();
        int unparsed = (int) rows.stream().filter(Annotation::isUnparsed).count();
        Coverage coverage = new Coverage(expected(leftOut), judged, unparsed, rows.size() - judged - unparsed, 0);
        coverage.check(model, allowPartial);
        WinRate raw = WinRate.of(rows.stream().map(Annotation::preference).toList());
        boolean isControlled = calibration != null || isOfRewards(rows.get(0));
        LengthControl controlled = isControlled ? controlled(rows, places) : null;
        if (controlled != null && controlled.isSuspect(raw.winRate())) {
            notes.add(String.format(Locale.ROOT, "%s: the length-controlled win rate, %.2f, is far from the raw one, %.2f: look at the answers before it is used",
                    model, controlled.winRate(), raw.winRate()));
        }
        int length = (int) StatUtils.mean(rows.stream().mapToDouble(row -> codePoints(row.output())).toArray());
        return new Scored(model, coverage, raw, controlled, length, new double[] {atPosition(rows, true), atPosition(rows, false)},
                mean(rows, Annotation.PRICE), mean(rows, Annotation.TIME));
    }

    /** Of the rows that tell it; null where none does. */
    private static Double mean(List<Annotation> rows, String field) {
        return EvaluationResult.finite(StatUtils.mean(rows.stream().map(row -> row.row().node().path(field)).filter(JsonNode::isNumber).mapToDouble(JsonNode::asDouble).toArray()));
    }

    /** Whether a reward model's numbers stand for the judge: its length is then controlled for without the judge's calibration too. */
    private static boolean isOfRewards(Annotation row) {
        return row.judge().setup() != null && row.judge().setup().has("reward");
    }

    private int[] places(List<Annotation> rows, String model) {
        if (reference != null) {
            return reference.places(rows, Annotation::instruction, model);
        }
        Set<String> seen = new HashSet<>();
        ReferenceOrder.refuseRepeated(rows.stream().map(Annotation::instruction).filter(text -> !seen.add(text)).toList(), model);
        if (rows.size() > OFFICIAL_SIZE) {
            throw new DataException(model + ": " + rows.size() + " rows; expected at most " + OFFICIAL_SIZE + ", or --reference-outputs with another set");
        }
        return new int[0];
    }

    /** Null for too few rows. */
    private LengthControl controlled(List<Annotation> rows, int[] places) {
        if (rows.get(0).model().equals(rows.get(0).baseline())) {
            return LengthControl.ofBaseline();
        }
        List<LengthControl.CalibrationRow> calibrated = calibration == null ? List.of() : calibration.rows();
        List<LengthControl.Row> inputs = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            Annotation row = rows.get(i);
            inputs.add(new LengthControl.Row(WinRate.share(row.preference()), codePoints(row.baselineOutput()), codePoints(row.output()),
                    calibration == null ? 0 : calibration.difficulty(places[i])));
        }
        return LengthControl.isPossible(calibrated, inputs) ? LengthControl.of(calibrated, inputs) : null;
    }

    private static int codePoints(String text) {
        return text.codePointCount(0, text.length());
    }

    /** Mean share of the rows that show the model's answer first, or second; NaN without one. */
    private static double atPosition(List<Annotation> rows, boolean isFirst) {
        return 100 * StatUtils.mean(rows.stream().map(row -> row.preferenceAt(isFirst)).mapToDouble(WinRate::share).filter(share -> !Double.isNaN(share)).toArray());
    }

    private ObjectNode metrics(Annotation first, List<Scored> scored) {
        ObjectNode json = Json.mapper().createObjectNode().put("benchmark", "alpaca_eval").put("annotator", first.judge().judge());
        json.set(JudgeSetup.FIELD, first.judge().setup());
        json.put("baseline", first.baseline());
        if (calibration != null) {
            json.put("mode", mode.toString()).put("solver", "exact").put("calibration_sha256", calibration.sha256())
                    .put("calibration_official", calibration.isOfficial());
        }
        if (calibration == null && isOfRewards(first)) {
            json.put("mode", "uncalibrated").put("solver", "exact");
        }
        scored.forEach(one -> {
            ObjectNode model = json.withArray("models").addObject().put("name", one.model());
            WinRate raw = one.raw();
            model.put("win_rate", raw.winRate()).put("standard_error", EvaluationResult.finite(raw.standardError())).put("n_wins", raw.wins())
                    .put("n_wins_base", raw.baseWins()).put("n_draws", raw.draws()).put("n_total", raw.total())
                    .put("discrete_win_rate", raw.discreteWinRate()).put("avg_length", one.averageLength())
                    .put("win_rate_shown_first", EvaluationResult.finite(one.byPosition()[0]))
                    .put("win_rate_shown_second", EvaluationResult.finite(one.byPosition()[1]))
                    .put("price_per_example", one.price()).put("time_per_example", one.time());
            if (one.controlled() != null) {
                model.put("length_controlled_winrate", one.controlled().winRate()).put("lc_standard_error", one.controlled().standardError());
            }
            if (one.isFitted()) {
                double[] w = one.controlled().selection().coefficients();
                model.put("C", one.controlled().selection().c());
                model.putObject("coefficients").put("np.tanh(std_delta_len)", w[0]).put("instruction_difficulty", w[1])
                        .put("not_gamed_baseline.astype(float)", w[2]);
            }
            one.coverage().put(model);
        });
        return json;
    }

    private String table(List<Scored> scored) {
        TextTable table = new TextTable("model", "LC win rate", "SE", "win rate", "SE", "discrete", "shown first", "second", "length", "judged");
        for (Scored one : scored) {
            table.row(one.model(), one.controlled() == null ? "–" : points(one.controlled().winRate()),
                    one.controlled() == null ? "–" : points(one.controlled().standardError()), points(one.raw().winRate()), points(one.raw().standardError()),
                    points(one.raw().discreteWinRate()), points(one.byPosition()[0]), points(one.byPosition()[1]), Integer.toString(one.averageLength()),
                    one.coverage().judged() + "/" + one.coverage().expected());
            if (one.coverage().isPartial()) {
                notes.add(one.model() + ": partial, " + one.coverage().judged() + " of " + one.coverage().expected() + " judged (" + one.coverage().words() + ")");
            }
        }
        return table.toString();
    }

    private static String points(double value) {
        return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, "%.2f", value);
    }

    private String leaderboard(List<Scored> scored) {
        StringBuilder csv = new StringBuilder(LEADERBOARD);
        scored.forEach(one -> {
            WinRate raw = one.raw();
            LengthControl controlled = one.controlled();
            csv.append(CsvFile.cell(one.model())).append(',').append(raw.winRate()).append(',').append(cell(raw.standardError())).append(",community,")
                    .append(one.averageLength()).append(',').append(raw.wins()).append(',').append(raw.baseWins()).append(',').append(raw.draws())
                    .append(',').append(raw.total()).append(',').append(raw.discreteWinRate()).append(',')
                    .append(controlled == null ? "," : controlled.winRate() + "," + cell(controlled.standardError())).append('\n');
        });
        return csv.toString();
    }

    private static String cell(double value) {
        return Double.isNaN(value) ? "" : Double.toString(value);
    }

    private static String weights(List<Scored> scored) {
        StringBuilder csv = new StringBuilder(WEIGHTS);
        scored.stream().filter(Scored::isFitted).forEach(one -> {
            csv.append(CsvFile.cell(one.model()));
            for (double w : one.controlled().selection().coefficients()) {
                csv.append(String.format(Locale.ROOT, ",%.16f", w));
            }
            csv.append('\n');
        });
        return csv.toString();
    }
}
