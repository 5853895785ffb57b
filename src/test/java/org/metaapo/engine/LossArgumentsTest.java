package org.metaapo.engine;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.metaapo.engine.Objective.Kind;
import org.metaapo.error.NumericException;

/** What the loss refuses, each with a line that says what, where and what is expected. */
class LossArgumentsTest {
    private static final double[] SUMS = {-1, -2, -3, -4};
    private static final int[] NONE = null;

    private static Objective of(Kind kind) {
        return Objective.of(kind, 0.1, 0, 0);
    }

    private static Pairs pairs(int[] chosen, int[] rejected, int[] explored, double[] wins, double[] given) {
        return new Pairs(chosen, rejected, null, null, null, null, explored, wins, given);
    }

    private static Pairs onePair(int[] explored, double[] wins, double[] given) {
        return pairs(new int[] {0}, new int[] {1}, explored, wins, given);
    }

    private static Pairs withOnline(int chosen, int rejected, double[] wins, double[] given) {
        return new Pairs(
                new int[] {chosen}, new int[] {rejected}, new int[] {2}, new int[] {3}, null, null, null, wins, given);
    }

    private static void refused(Pairs pairs, Objective objective, Weighting weighting, String message) {
        assertThatThrownBy(() -> PreferenceLoss.evaluate(pairs, SUMS, objective, weighting, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    private static void refused(Pairs pairs, Objective objective, String message) {
        refused(pairs, objective, Weighting.constant(1), message);
    }

    @Test
    void answersOutOfRange() {
        refused(
                pairs(new int[] {0, 4}, new int[] {1, 1}, NONE, null, null), of(Kind.DPO),
                "pairs.chosen[1] is 4; expected an answer, 0 to 3");
        refused(pairs(new int[] {-1}, new int[] {1}, NONE, null, null), of(Kind.DPO), "pairs.chosen[0] is -1");
        refused(pairs(new int[] {0}, new int[] {-1}, NONE, null, null), of(Kind.SPPO), "pairs.rejected[0] is -1");
        refused(pairs(new int[] {-1}, new int[] {-1}, NONE, null, null), of(Kind.KTO), "pairs.chosen[0] is -1");
        refused(pairs(new int[] {-2}, new int[] {1}, NONE, null, null), of(Kind.KTO), "pairs.chosen[0] is -2");
        refused(onePair(new int[] {4}, null, null), of(Kind.SELM), "pairs.explored[0] is 4; expected an answer, 0 to 3");
        refused(withOnline(-1, 1, null, null), of(Kind.KTO), "row 0 has an online pair and lacks an offline answer");
    }

    @Test
    void numbersThatAnObjectiveNeedsOrDoesNotRead() {
        refused(onePair(NONE, null, null), of(Kind.SELM), "pairs.explored is null; the exploration term of SELM and XPO");
        refused(onePair(NONE, null, null), of(Kind.XPO), "pairs.explored is null");
        refused(onePair(NONE, null, null), of(Kind.SPPO), "pairs.wins is null; SPPO needs it");
        refused(onePair(NONE, null, null), of(Kind.GIVEN), "pairs.given is null");
        refused(onePair(new int[] {0}, null, null), of(Kind.DPO), "pairs.explored is given; expected null");
        refused(onePair(NONE, new double[2], null), of(Kind.DPO), "pairs.wins is given; expected null");
        refused(onePair(NONE, null, new double[6]), of(Kind.DPO), "pairs.given is given; expected null");
        refused(withOnline(0, 1, new double[2], null), of(Kind.SPPO), "row 0 has an online pair; expected none, for SPPO");
        refused(onePair(NONE, null, null), of(Kind.SIMPO), "pairs.token_counts is null");
        refused(
                onePair(NONE, null, null), new Objective(Kind.DPO, 0.1, 0, 0, 0, 0, 1, 1, 0, 0.5), "pairs.token_counts is null");
    }

    @Test
    void numbersOutOfRange() {
        refused(
                onePair(NONE, new double[] {0.5, 1.5}, null), of(Kind.SPPO), "pairs.wins[0][1] is 1.5; expected a probability, 0 to 1");
        refused(onePair(NONE, new double[] {Double.NaN, 0}, null), of(Kind.SPPO), "pairs.wins[0][0] is");
        assertThatThrownBy(() -> PreferenceLoss.evaluate(
                        withOnline(0, 1, null, new double[] {0, 0, 0, 0, 0, Double.NaN}), SUMS, of(Kind.GIVEN),
                        Weighting.constant(1), 1))
                .isInstanceOf(NumericException.class)
                .hasMessageContaining("the given dloss/dl_l of row 0's online pair is");
        Pairs pair = onePair(NONE, null, null);
        refused(pair, new Objective(Kind.XPO, 0.1, 0, 0, -1, 0, 1, 1, 0, 0), "objective.alpha is -1; expected a number");
        refused(pair, new Objective(Kind.DPO, 0.1, 0, 0, 0, Double.NaN, 1, 1, 0, 0), "objective.threshold is nan");
        refused(pair, new Objective(Kind.KTO, 0.1, 0, 0, 0, 0, -1, 1, 0, 0), "objective.desirable is -1");
        refused(pair, new Objective(Kind.KTO, 0.1, 0, 0, 0, 0, 1, -1, 0, 0), "objective.undesirable is -1");
        refused(pair, of(Kind.KTO).withKl(-0.1), "objective.kl is -0.1");
        refused(pair, new Objective(Kind.DPO, 0.1, 0, 0, 0, 0, 1, 1, 0, 1 / 0.0), "objective.likelihood is inf");
    }

    @Test
    void arraysOfOtherLengths() {
        refused(onePair(new int[2], null, null), of(Kind.SELM), "explored has 2 entries; expected 1");
        refused(onePair(NONE, new double[3], null), of(Kind.SPPO), "wins has 3 entries; expected 2");
        refused(onePair(NONE, null, new double[3]), of(Kind.GIVEN), "given has 3 entries; expected 6");
    }

    @Test
    void featuresOfTheMetaLearner() {
        Pairs pair = onePair(NONE, null, null);
        Weighting three = Weighting.learned(new double[11], 1, MetaShape.of(2, 3, 11));
        refused(pair, of(Kind.DPO), three, "features has 0 entries; expected 2 for each of 1 rows");
        refused(pair, of(Kind.DPO), three.withFeatures(new double[3]), "features has 3 entries; expected 2 for each of 1 rows");
        refused(pair, of(Kind.DPO), three.withFeatures(new double[] {0, Double.NaN}), "meta.features[0][1] is");
        refused(
                pair, of(Kind.DPO), Weighting.learned(new double[260], 1, MetaShape.of(2, 257, 260)).withFeatures(new double[256]),
                "meta.inputs is 257; expected 1 to 256");
        assertThatThrownBy(() -> MetaShape.of(2, 3, 10)).hasMessageContaining("10 parameters; with 2 layers and 3 inputs expected n·5 + 1");
        assertThatThrownBy(() -> MetaShape.of(2, 0, 4)).hasMessageContaining("0 inputs");
    }

    @Test
    void layersOfTheMetaLearner() {
        MetaShape large = new MetaShape(3, 1, 1025);
        refused(
                onePair(NONE, null, null), of(Kind.DPO), Weighting.learned(new double[(int) large.parameters()], 1, large),
                "meta.hidden is 1025; with 3 layers expected 1 to 1024");
        assertThatThrownBy(() -> new MetaShape(4, 1, 1)).hasMessageContaining("4 layers; expected 1 to 3");
        assertThatThrownBy(() -> new MetaShape(1, 1, 5)).hasMessageContaining("5 hidden units; expected 0");
        assertThatThrownBy(() -> new MetaShape(3, 1, 0)).hasMessageContaining("0 hidden units; expected 1 or more");
        assertThatThrownBy(() -> Weighting.learned(new double[7], 1, new MetaShape(1, 1, 0))).hasMessageContaining("7 parameters; expected 2");
    }
}
