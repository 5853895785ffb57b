package org.metaapo.evaluate.arena;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.function.BiFunction;
import org.metaapo.evaluate.style.AnswerStyle;
import org.metaapo.evaluate.style.StyleDifferences;
import org.metaapo.evaluate.style.StyleFeature;

/**
 * Battles as rows of a logistic regression: a column a model, by name, then the features of style. A strong verdict is three rows.
 *
 * @param models their names, sorted, the baseline among them
 * @param features the features
 * @param x the rows
 * @param y outcomes, as the rows' signs have it
 * @param owners the model of each row that is not the baseline
 */
record BattleDesign(List<String> models, List<StyleFeature> features, double[][] x, double[] y, List<String> owners) {
    /** Which way round the rows are, and how styles are compared. */
    enum Form {
        /** +1 for the model, −1 for the baseline. */
        MODEL_FIRST(1, 1),
        /** + ln 10 for the baseline, − ln 10 for the model. */
        BASELINE_FIRST(-Math.log(10), 0);

        private final double modelSign;
        private final int ddof;

        Form(double modelSign, int ddof) {
            this.modelSign = modelSign;
            this.ddof = ddof;
        }
    }

    /**
     * Makes it.
     *
     * @param styles of a question's answer by a model; not called without features
     */
    static BattleDesign of(
            List<Battle> battles, String baseline, List<StyleFeature> features, BiFunction<String, String, AnswerStyle> styles, Form form) {
        TreeSet<String> names = new TreeSet<>(BattleDesign::byCodePoint);
        names.add(baseline);
        battles.forEach(battle -> names.add(battle.model()));
        List<String> models = List.copyOf(names);
        List<Battle> rows = new ArrayList<>();
        List<double[]> differences = new ArrayList<>();
        for (Battle battle : battles) {
            double[] difference = features.isEmpty() ? new double[0] : difference(battle, baseline, styles, form);
            for (int i = 0; i < battle.weight(); i++) {
                rows.add(battle);
                differences.add(difference);
            }
        }
        double[][] style = StyleDifferences.standardised(differences, features, form.ddof);
        double[][] x = new double[rows.size()][models.size() + features.size()];
        double[] y = new double[rows.size()];
        for (int i = 0; i < x.length; i++) {
            Battle battle = rows.get(i);
            x[i][models.indexOf(battle.model())] = form.modelSign;
            x[i][models.indexOf(baseline)] = -form.modelSign;
            System.arraycopy(style[i], 0, x[i], models.size(), style[i].length);
            y[i] = form == Form.MODEL_FIRST ? battle.outcome() : 1 - battle.outcome();
        }
        return new BattleDesign(models, features, x, y, rows.stream().map(Battle::model).toList());
    }

    private static double[] difference(Battle battle, String baseline, BiFunction<String, String, AnswerStyle> styles, Form form) {
        AnswerStyle model = styles.apply(battle.question(), battle.model());
        AnswerStyle base = styles.apply(battle.question(), baseline);
        return form == Form.MODEL_FIRST ? StyleDifferences.densities(model, base) : StyleDifferences.counts(base, model);
    }

    /** As Python sorts texts. */
    private static int byCodePoint(String a, String b) {
        int[] left = a.codePoints().toArray();
        int[] right = b.codePoints().toArray();
        return Arrays.compare(left, right);
    }

    int columns() {
        return models.size() + features.size();
    }

    int battlesOf(String model) {
        return (int) owners.stream().filter(model::equals).count();
    }
}
