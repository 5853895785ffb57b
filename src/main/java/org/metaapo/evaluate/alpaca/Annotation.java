package org.metaapo.evaluate.alpaca;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.file.Path;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.Repeats;
import org.metaapo.files.Json;

/**
 * A row of AlpacaEval's {@code annotations.json}.
 *
 * @param instruction what was asked
 * @param baselineOutput the baseline's answer, {@code output_1}
 * @param baseline its name, {@code generator_1}
 * @param output the model's answer, {@code output_2}
 * @param model its name, {@code generator_2}
 * @param judge who judged
 * @param preference from 1 (baseline) to 2 (model); 0 for a draw in old files; null where there is none
 * @param isReplied whether the judge said anything
 * @param isModelFirst whether the judge saw the model's answer first; null where there was no such order, or both
 * @param row as it stands in the file
 */
public record Annotation(
        String instruction, String baselineOutput, String baseline, String output, String model, JudgeSetup judge, Double preference,
        boolean isReplied, Boolean isModelFirst, JsonFields row) {
    /** Whether the model's answer was shown first; in rows of this program. */
    static final String MODEL_FIRST = "model_shown_first";
    /** The preference where the model's answer was shown first, of rows that are judged in both orders. */
    static final String PREFERENCE_MODEL_FIRST = "preference_model_first";
    /** Where the baseline's was. */
    static final String PREFERENCE_BASELINE_FIRST = "preference_baseline_first";
    /** What a row's calls have cost. */
    static final String PRICE = "preference_price_per_example";
    /** How many seconds they took. */
    static final String TIME = "preference_time_per_example";
    private static final int PREFERENCE_DECIMALS = 10;

    /**
     * The annotations of one model by one judge, in the order of the file.
     *
     * @throws DataException for two models, baselines or judges
     */
    public static List<Annotation> read(Path file) {
        List<Annotation> rows = JsonFields.list(file).stream().map(Annotation::of).toList();
        Annotation first = rows.get(0);
        for (Annotation row : rows) {
            one(row.row(), "generator_2", first.model(), row.model(), "the answers of one model");
            one(row.row(), "generator_1", first.baseline(), row.baseline(), "one baseline");
            first.judge().same(row.judge(), row.row().where());
        }
        return rows;
    }

    private static void one(JsonFields row, String field, String first, String found, String expected) {
        if (!first.equals(found)) {
            throw new DataException(row.where() + ": " + field + " " + found + ", row 1 has " + first + "; expected " + expected);
        }
    }

    /** Of a row. */
    public static Annotation of(JsonFields row) {
        Double preference = row.numberOrNull("preference");
        String instruction = row.text("instruction");
        return new Annotation(
                instruction, row.text("output_1"), row.text("generator_1"), row.text("output_2"), row.text("generator_2"),
                JudgeSetup.of(row, row.text("annotator")), preference, !row.isAbsent("raw_completion") || !row.isAbsent("preference_raw_completion"),
                isModelFirst(row, instruction), row);
    }

    /** Rows of other programs have the official order, and rows of rewards none. */
    private static Boolean isModelFirst(JsonFields row, String instruction) {
        if (row.node().has(PREFERENCE_MODEL_FIRST) || row.node().path(MODEL_FIRST).isNull()) {
            return null;
        }
        return (Boolean) (row.isAbsent(MODEL_FIRST) ? OrderSwap.isSwapped(instruction) : row.node().path(MODEL_FIRST).asBoolean());
    }

    /** The preference where the model's answer is shown first, or second; null without one. */
    public Double preferenceAt(boolean isFirst) {
        if (row.node().has(PREFERENCE_MODEL_FIRST)) {
            return row.numberOrNull(isFirst ? PREFERENCE_MODEL_FIRST : PREFERENCE_BASELINE_FIRST);
        }
        return isModelFirst != null && isModelFirst == isFirst ? preference : null;
    }

    /** What its repeats have in common: the same answers by the same judge. */
    public Repeats.Judged judged() {
        return new Repeats.Judged(model, instruction, baselineOutput + "\n" + output, judge, row);
    }

    /** Whether it counts. */
    public boolean isJudged() {
        return preference != null && !Double.isNaN(WinRate.share(preference));
    }

    /** Whether the judge replied, but not with a preference. The official program stores −1 for a failed call. */
    public boolean isUnparsed() {
        return !isJudged() && (preference == null ? isReplied : preference != -1);
    }

    /** The rows as the official file: a list indented by two, preferences with 10 decimals. */
    public static String text(List<Annotation> rows) {
        return Json.writePretty(rows.stream().map(row -> {
            ObjectNode json = row.row().node().deepCopy();
            if (row.preference() != null) {
                json.put("preference", BigDecimal.valueOf(row.preference()).setScale(PREFERENCE_DECIMALS, RoundingMode.HALF_EVEN).stripTrailingZeros());
            }
            return json;
        }).toList());
    }
}
