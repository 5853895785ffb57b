package org.metaapo.engine;

import org.metaapo.engine.internal.apo_objective;

/**
 * A preference objective; formulas with their sources stand in {@code ops/objective.h}. All numbers are checked, those of other
 * kinds are not read.
 *
 * @param kind which
 * @param beta strength of the preference, positive; SPPO's 1/η
 * @param gamma SimPO's margin
 * @param labelSmoothing assumed share of wrong labels of cDPO and robust DPO, in [0, 0.5)
 * @param alpha weight of the exploration term of SELM and XPO, 0 or more
 * @param threshold of ADPO: |β·delta| above which a pair gets the policy's own label, 0 or more
 * @param desirable KTO's weight of chosen answers, 0 or more
 * @param undesirable KTO's weight of rejected answers, 0 or more
 * @param kl KTO's estimate of KL(policy ‖ reference) over the whole batch, 0 or more
 * @param likelihood weight of the added term −l(y_w)/n(y_w), 0 or more; for any kind
 */
public record Objective(
        Kind kind,
        double beta,
        double gamma,
        double labelSmoothing,
        double alpha,
        double threshold,
        double desirable,
        double undesirable,
        double kl,
        double likelihood) {
    /** The objectives, in the order of {@code apo_objective_kind}. */
    public enum Kind {
        /** Direct preference optimisation, arXiv 2305.18290. */
        DPO,
        /** Conservative DPO: label smoothing. */
        CDPO,
        /** Robust DPO, arXiv 2403.00409. */
        ROBUST_DPO,
        /** IPO, arXiv 2310.12036, on log-prob sums. */
        IPO_SUM,
        /** IPO on log-probs averaged over tokens. */
        IPO_MEAN,
        /** Hinge loss on DPO's margin. */
        HINGE,
        /** SimPO, arXiv 2405.14734; no reference. */
        SIMPO,
        /** KTO, arXiv 2402.01306; a row may lack one of its answers. */
        KTO,
        /** SPPO, arXiv 2405.00675; needs {@link Pairs#wins}. */
        SPPO,
        /** SELM, arXiv 2405.19332; needs {@link Pairs#explored}. */
        SELM,
        /** Active DPO, arXiv 2402.09401. */
        ADPO,
        /** XPO, arXiv 2405.21046; needs {@link Pairs#explored}. */
        XPO,
        /** The caller's own: loss and slopes are {@link Pairs#given}. */
        GIVEN
    }

    /** DPO with a {@code beta}. */
    public static Objective dpo(double beta) {
        return of(Kind.DPO, beta, 0, 0);
    }

    /** An objective without exploration, threshold, KL estimate and added likelihood; KTO's weights are 1. */
    public static Objective of(Kind kind, double beta, double gamma, double labelSmoothing) {
        return new Objective(kind, beta, gamma, labelSmoothing, 0, 0, 1, 1, 0, 0);
    }

    /** The same with KTO's estimate for a batch. */
    public Objective withKl(double estimate) {
        return new Objective(
                kind, beta, gamma, labelSmoothing, alpha, threshold, desirable, undesirable, estimate, likelihood);
    }

    /** Whether the loss depends on a reference policy. */
    public boolean needsReference() {
        return kind != Kind.SIMPO;
    }

    /**
     * The log-prob of an answer as the loss reads it and as TRL logs it: a mean over tokens for SimPO, else the sum (for IPO too, whose
     * loss averages log-ratios).
     */
    public double logp(double sum, int tokens) {
        return kind == Kind.SIMPO ? sum / tokens : sum;
    }

    /**
     * The implicit reward of an answer, as TRL logs it: β·l/n for SimPO, which has no reference, else β·(l − r).
     *
     * @param sum l, the log-prob sum under the policy
     * @param reference r, the same under the reference; 0 where there is none
     * @param tokens n
     */
    public double reward(double sum, double reference, int tokens) {
        return beta * (logp(sum, tokens) - reference);
    }

    /**
     * What is taken of pairs that stand in a file, with nothing made for them: DPO's loss where this one needs win probabilities or
     * an explored answer, else this one.
     */
    public Objective ofGivenPairs() {
        return kind == Kind.SPPO || kind == Kind.SELM || kind == Kind.XPO ? dpo(beta) : this;
    }

    apo_objective toNative() {
        return new apo_objective()
                .kind(kind.ordinal())
                .reserved(0)
                .beta(beta)
                .gamma(gamma)
                .label_smoothing(labelSmoothing)
                .alpha(alpha)
                .threshold(threshold)
                .desirable(desirable)
                .undesirable(undesirable)
                .kl(kl)
                .likelihood(likelihood);
    }
}
