package org.metaapo.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.metaapo.engine.Objective.Kind;

/** Gradients of the weighted loss by all log-prob sums against central differences in f64, and the terms that are added to it. */
class ObjectiveSlopesTest {
    private static final double[] SUMS = {-12.3, -11.1, -9.8, -14.2, -10.4, -13.7, -8.9};
    private static final double[] REFERENCE = {-12.0, -11.5, -10.3, -13.1, -10.9, -12.2, -9.4};
    private static final int[] COUNTS = {6, 9, 4, 11, 3, 8, 5};
    private static final double SCALE = 0.5;

    private static Objective objective(Kind kind, double likelihood) {
        return new Objective(kind, 0.4, 0.3, 0.1, 0.25, 0.3, 0.9, 1.3, 0.2, likelihood);
    }

    /** Rows (0, 1) with the online pair (4, 5) and (2, 3) without, or neither where the objective has no online pairs. */
    private static Pairs pairs(Kind kind) {
        boolean online = kind != Kind.SPPO;
        boolean explores = kind == Kind.SELM || kind == Kind.XPO;
        return new Pairs(
                new int[] {0, 2}, new int[] {1, 3}, online ? new int[] {4, -1} : null, online ? new int[] {5, -1} : null,
                REFERENCE, COUNTS, explores ? new int[] {6, -1} : null,
                kind == Kind.SPPO ? new double[] {0.8, 0.25, 1, 0} : null, null);
    }

    private static double total(PairResults r) {
        return SCALE * Arrays.stream(r.loss()).sum();
    }

    private static void slopesAreDifferences(Pairs pairs, Objective objective) {
        Weighting weighting = Weighting.constant(0.3);
        double[] found = PreferenceLoss.evaluate(pairs, SUMS, objective, weighting, SCALE).dsums();
        for (int a = 0; a < SUMS.length; a++) {
            int at = a;
            DoubleUnaryOperator loss = x -> {
                double[] sums = SUMS.clone();
                sums[at] = x;
                return total(PreferenceLoss.evaluate(pairs, sums, objective, weighting, SCALE));
            };
            double h = 1e-4;
            double expected = (loss.applyAsDouble(SUMS[a] + h) - loss.applyAsDouble(SUMS[a] - h)) / (2 * h);
            assertThat(found[a]).as("answer " + a).isCloseTo(expected, within(1e-7 * Math.max(1, Math.abs(expected))));
        }
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, mode = EnumSource.Mode.EXCLUDE, names = "GIVEN")
    void gradientsAreDifferences(Kind kind) {
        slopesAreDifferences(pairs(kind), objective(kind, 0));
        slopesAreDifferences(pairs(kind), objective(kind, 0.7));
    }

    @ParameterizedTest
    @CsvSource({"SELM, 0", "SELM, 1", "SELM, 6", "XPO, 0", "XPO, 1", "XPO, 6"})
    void exploredAnswerMayBeOneOfThePairOrAnother(Kind kind, int explored) {
        Objective objective = objective(kind, 0);
        Pairs pairs = new Pairs(
                new int[] {0}, new int[] {1}, null, null, REFERENCE, null, new int[] {explored}, null, null);
        slopesAreDifferences(pairs, objective);
        double z = 0.4 * ((SUMS[0] - REFERENCE[0]) - (SUMS[1] - REFERENCE[1]));
        double term = kind == Kind.SELM ? 0.25 * 0.4 * (SUMS[explored] - REFERENCE[explored]) : 0.25 * SUMS[explored];
        assertThat(PreferenceLoss.evaluate(pairs, SUMS, objective, Weighting.constant(1), 1).loss()[0])
                .isCloseTo(Math.log1p(Math.exp(-z)) + term, within(1e-12));
    }

    @Test
    void unpairedRowsOfKtoHaveOneTermEach() {
        Objective objective = objective(Kind.KTO, 0);
        Pairs apart = new Pairs(new int[] {0, -1}, new int[] {-1, 1}, null, null, REFERENCE, null);
        slopesAreDifferences(apart, objective);
        Pairs counted = new Pairs(new int[] {0, -1}, new int[] {-1, 1}, null, null, REFERENCE, COUNTS);
        slopesAreDifferences(counted, objective(Kind.KTO, 0.7));
        PairResults r = PreferenceLoss.evaluate(apart, SUMS, objective, Weighting.constant(1), 1);
        PairResults together = PreferenceLoss.evaluate(
                new Pairs(new int[] {0}, new int[] {1}, null, null, REFERENCE, null), SUMS, objective, Weighting.constant(1), 1);
        assertThat(r.loss()[0]).isCloseTo(0.9 / (1 + Math.exp(0.4 * (SUMS[0] - REFERENCE[0] - 0.2))), within(1e-14));
        assertThat(r.loss()[1]).isCloseTo(1.3 / (1 + Math.exp(0.4 * (0.2 - (SUMS[1] - REFERENCE[1])))), within(1e-14));
        assertThat(r.loss()[0] + r.loss()[1]).isCloseTo(together.loss()[0], within(1e-14));
        assertThat(r.dsums()).isEqualTo(together.dsums());
        assertThat(r.deltaOffline()).containsOnly(Double.NaN);
        assertThat(r.scoreOffline()).containsOnly(Double.NaN);
        assertThat(r.weight()).containsOnly(1.0);
    }

    @ParameterizedTest
    @EnumSource(value = Kind.class, mode = EnumSource.Mode.EXCLUDE, names = "GIVEN")
    void likelihoodAddsTheChosenAnswersMean(Kind kind) {
        PairResults without = PreferenceLoss.evaluate(pairs(kind), SUMS, objective(kind, 0), Weighting.constant(1), 1);
        PairResults with = PreferenceLoss.evaluate(pairs(kind), SUMS, objective(kind, 0.7), Weighting.constant(1), 1);
        assertThat(with.loss()[0]).isCloseTo(without.loss()[0] - 0.7 * SUMS[0] / COUNTS[0], within(1e-12));
        assertThat(with.loss()[1]).isCloseTo(without.loss()[1] - 0.7 * SUMS[2] / COUNTS[2], within(1e-12));
    }

    @Test
    void aGivenLossPassesThroughWeightedAndScaled() {
        double[] given = {1.5, -0.2, 0.4, -2.5, 0.6, -0.8, 3, 0.1, -0.3, Double.NaN, Double.NaN, Double.NaN};
        Pairs pairs = new Pairs(
                new int[] {0, 2}, new int[] {1, 3}, new int[] {4, -1}, new int[] {5, -1}, REFERENCE, COUNTS, null, null, given);
        PairResults r = PreferenceLoss.evaluate(pairs, SUMS, objective(Kind.GIVEN, 0), Weighting.constant(0.3), SCALE);
        assertThat(r.lossOffline()).containsExactly(1.5, 3);
        assertThat(r.lossOnline()[0]).isEqualTo(-2.5);
        assertThat(r.loss()[0]).isCloseTo(0.3 * 1.5 - 0.7 * 2.5, within(1e-15));
        assertThat(r.loss()[1]).isEqualTo(3);
        double[] expected = {0.3 * -0.2, 0.3 * 0.4, 0.1, -0.3, 0.7 * 0.6, 0.7 * -0.8, 0};
        for (int a = 0; a < expected.length; a++) {
            assertThat(r.dsums()[a]).isCloseTo(SCALE * expected[a], within(1e-15));
        }
        PairResults more = PreferenceLoss.evaluate(pairs, SUMS, objective(Kind.GIVEN, 0.7), Weighting.constant(0.3), SCALE);
        assertThat(more.lossOffline()[0]).isCloseTo(1.5 - 0.7 * SUMS[0] / COUNTS[0], within(1e-14));
        assertThat(more.dsums()[0]).isCloseTo(SCALE * 0.3 * (-0.2 - 0.7 / COUNTS[0]), within(1e-15));
    }

    /** ADPO's pair below the threshold is turned round, above it and between both it is DPO's. */
    @Test
    void adpoTurnsConfidentlyWrongPairsRound() {
        for (double shift : new double[] {-4, -0.5, 4}) {
            double[] sums = {SUMS[0] + shift, SUMS[1]};
            double[] reference = {REFERENCE[0], REFERENCE[1]};
            double[] swapped = {sums[1], sums[0]};
            double[] swappedReference = {reference[1], reference[0]};
            Weighting all = Weighting.constant(1);
            boolean turned = shift == -4;
            Pairs pair = new Pairs(new int[] {0}, new int[] {1}, null, null, turned ? swappedReference : reference, null);
            PairResults adpo = PreferenceLoss.evaluate(
                    new Pairs(new int[] {0}, new int[] {1}, null, null, reference, null), sums,
                    new Objective(Kind.ADPO, 0.4, 0, 0, 0, 0.5, 1, 1, 0, 0), all, 1);
            PairResults dpo = PreferenceLoss.evaluate(pair, turned ? swapped : sums, Objective.dpo(0.4), all, 1);
            assertThat(adpo.loss()[0]).isEqualTo(dpo.loss()[0]);
            assertThat(adpo.dsums()[turned ? 1 : 0]).isEqualTo(dpo.dsums()[0]);
        }
    }
}
