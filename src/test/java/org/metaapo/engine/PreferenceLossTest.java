package org.metaapo.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.meta.MetaLearner;

/** Objectives against their golden values; weights and weighted losses against the authors' own code. */
class PreferenceLossTest {
    private static double[] numbers(JsonNode array) {
        double[] values = new double[array.size()];
        Arrays.setAll(values, i -> array.get(i).asDouble());
        return values;
    }

    /** Pairs 0 … n-1 from answers (chosen …, rejected …). */
    private static double[] join(double[]... parts) {
        return Arrays.stream(parts).flatMapToDouble(Arrays::stream).toArray();
    }

    private static int[] range(int from, int count) {
        int[] values = new int[count];
        Arrays.setAll(values, i -> from + i);
        return values;
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "dpo", "dpo_extreme", "cdpo", "robust_dpo", "ipo_sum", "ipo_mean", "hinge", "simpo", "kto", "sppo", "selm", "adpo"
    })
    void objectivesMeetTheirGoldenValues(String name) {
        JsonNode all = Json.read(Fixtures.path("objectives.golden.json"));
        JsonNode golden = all.path("objectives").path(name);
        Objective objective = goldenObjective(name, golden.path("params"));
        int n = all.path("l_w").size();
        int[] counts = Arrays.stream(join(numbers(all.path("n_w")), numbers(all.path("n_l")))).mapToInt(x -> (int) x).toArray();
        double[] reference = join(numbers(all.path("r_w")), numbers(all.path("r_l")));
        // The golden explored answer is the chosen one.
        int[] explored = objective.kind() == Objective.Kind.SELM ? range(0, n) : null;
        double[] wins = objective.kind() == Objective.Kind.SPPO ? new double[2 * n] : null;
        for (int i = 0; wins != null && i < n; i++) {
            wins[2 * i] = golden.path("params").path("p_w").asDouble();
            wins[2 * i + 1] = golden.path("params").path("p_l").asDouble();
        }
        PairResults r = PreferenceLoss.evaluate(
                new Pairs(range(0, n), range(n, n), null, null, reference, counts, explored, wins, null),
                join(numbers(all.path("l_w")), numbers(all.path("l_l"))), objective, Weighting.constant(1), 1.0 / n);
        for (int i = 0; i < n; i++) {
            close(r.loss()[i], golden.path("loss").get(i).asDouble(), 1e-9);
            close(r.dsums()[i], golden.path("d_l_w").get(i).asDouble(), 1e-9);
            close(r.dsums()[n + i], golden.path("d_l_l").get(i).asDouble(), 1e-9);
        }
    }

    private static Objective goldenObjective(String name, JsonNode p) {
        Objective.Kind kind = Objective.Kind.valueOf(name.replace("_extreme", "").toUpperCase(Locale.ROOT));
        // ADPO's golden numbers come from a beta that was rounded to f32.
        double beta = kind == Objective.Kind.ADPO ? (float) p.path("beta").asDouble() : p.path("beta").asDouble();
        return new Objective(
                kind, beta, p.path("gamma").asDouble(), p.path("label_smoothing").asDouble(), p.path("alpha").asDouble(),
                p.path("threshold").asDouble(), p.path("lambda_d").asDouble(), p.path("lambda_u").asDouble(),
                p.path("kl").asDouble(), 0);
    }

    private static void close(double found, double expected, double relative) {
        assertThat(found).isCloseTo(expected, within(relative * Math.max(Math.abs(expected), 1e-12) + 1e-300));
    }

    private static double[] start(JsonNode node) {
        return join(numbers(node.path("fc1.weight")), numbers(node.path("fc1.bias")), numbers(node.path("fc2.weight")),
                numbers(node.path("fc2.bias")));
    }

    @Test
    void initialWeightsAreTheAuthors() {
        JsonNode golden = Json.read(Fixtures.path("metaapo.golden.json")).path("initial_weight");
        double[] weights = PreferenceLoss.weights(
                Weighting.learned(MetaLearner.referenceStart(new MetaShape(2, 1, 100)), 1), numbers(golden.path("score")));
        for (int i = 0; i < weights.length; i++) {
            // The golden weights were computed in f32: their logit carries a rounding of some units of 2^-24 of its size.
            double expected = golden.path("w").get(i).asDouble();
            double logit = Math.abs(Math.log(expected / (1 - expected)));
            close(weights[i], expected, Math.max(1e-6, 8 * 0x1p-24 * logit));
        }
    }

    @Test
    void weightedLossesAndGradientsAreTheAuthors() {
        for (JsonNode golden : Json.read(Fixtures.path("metaapo.golden.json")).path("weighted_loss")) {
            String name = golden.path("objective").asText();
            Objective.Kind kind = name.equals("ipo") ? Objective.Kind.IPO_SUM : Objective.Kind.valueOf(name.toUpperCase(Locale.ROOT));
            Objective objective = Objective.of(kind, golden.path("beta").asDouble(), golden.path("gamma").asDouble(0), 0);
            int n = golden.path("chosen").size();
            double[] sums = join(numbers(golden.path("chosen")), numbers(golden.path("rejected")),
                    numbers(golden.path("online_chosen")), numbers(golden.path("online_rejected")));
            double[] reference = golden.path("ref_chosen").isArray()
                    ? join(numbers(golden.path("ref_chosen")), numbers(golden.path("ref_rejected")),
                            numbers(golden.path("online_ref_chosen")), numbers(golden.path("online_ref_rejected")))
                    : null;
            int[] counts = new int[4 * n];
            Arrays.fill(counts, 1);
            PairResults r = PreferenceLoss.evaluate(
                    new Pairs(range(0, n), range(n, n), range(2 * n, n), range(3 * n, n), reference, counts), sums, objective,
                    Weighting.learned(MetaLearner.referenceStart(new MetaShape(2, 1, 100)), 1), 1.0 / n);
            close(Arrays.stream(r.loss()).average().orElseThrow(), golden.path("loss").asDouble(), 1e-6);
            String[] names = {"grad_chosen", "grad_rejected", "grad_online_chosen", "grad_online_rejected"};
            for (int i = 0; i < 4 * n; i++) {
                double expected = golden.path(names[i / n]).get(i % n).asDouble();
                assertThat(r.dsums()[i]).as(name + " " + names[i / n]).isCloseTo(expected, within(1e-6 * Math.abs(expected) + 1e-9));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"meta_updates_reference", "meta_updates_random"})
    void twentyMetaUpdatesAreTheAuthors(String name) {
        JsonNode golden = Json.read(Fixtures.path("metaapo.golden.json")).path(name);
        MetaLearner learner = new MetaLearner(
                new MetaShape(2, 1, 100), start(golden.path("start")), 1, golden.path("lr").asDouble(), golden.path("weight_decay").asDouble());
        double beta = golden.path("beta").asDouble();
        for (JsonNode step : golden.path("steps")) {
            double[] offline = numbers(step.path("delta_offline"));
            double[] online = numbers(step.path("delta_online"));
            for (int i = 0; i < offline.length; i++) {
                learner.add(logSigmoid(offline[i]), null, -logSigmoid(beta * offline[i]), -logSigmoid(beta * online[i]));
            }
            MetaLearner.Update update = learner.update();
            close(update.loss(), step.path("loss").asDouble(), 1e-6);
            close(update.weightMean(), step.path("w_mean").asDouble(), 1e-6);
        }
        double[] end = start(golden.path("end"));
        for (int i = 0; i < end.length; i++) {
            assertThat(learner.parameters()[i]).isCloseTo(end[i], within(1e-6 * Math.max(1, Math.abs(end[i]))));
        }
    }

    private static double logSigmoid(double x) {
        return x > 0 ? -Math.log1p(Math.exp(-x)) : x - Math.log1p(Math.exp(x));
    }
}
