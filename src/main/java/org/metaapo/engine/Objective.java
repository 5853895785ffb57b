package org.metaapo.engine;

import org.metaapo.engine.internal.apo_objective;

/**
 * A preference objective; formulas with their sources stand in {@code ops/objective.h}.
 *
 * @param kind which
 * @param beta strength of the preference, positive
 * @param gamma SimPO's margin
 * @param labelSmoothing assumed share of wrong labels of cDPO and robust DPO, in [0, 0.5)
 */
public record Objective(Kind kind, double beta, double gamma, double labelSmoothing) {
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
        SIMPO
    }

    /** DPO with a {@code beta}. */
    public static Objective dpo(double beta) {
        return new Objective(Kind.DPO, beta, 0, 0);
    }

    /** Whether the loss depends on a reference policy. */
    public boolean needsReference() {
        return kind != Kind.SIMPO;
    }

    apo_objective toNative() {
        return new apo_objective()
                .kind(kind.ordinal())
                .reserved(0)
                .beta(beta)
                .gamma(gamma)
                .label_smoothing(labelSmoothing);
    }
}
