// Preference objectives: pure functions of a pair's log-prob sums, written once for all backends.
//
// l(y) is the answer's log-prob sum under the policy, r(y) that under the reference, n(y) its token count;
// delta = (l(y_w) - r(y_w)) - (l(y_l) - r(y_l)).
#pragma once

#include <cmath>
#include <cstdint>

#include "metaapo.h"
#include "portable.h"

namespace apo {

// One preference pair.
struct Pair {
    double chosen, rejected;                      // l(y_w), l(y_l)
    double reference_chosen, reference_rejected;  // r(y_w), r(y_l)
    double count_chosen, count_rejected;          // n(y_w), n(y_l)

    APO_HD double delta() const { return (chosen - reference_chosen) - (rejected - reference_rejected); }
};

struct LossGradient {
    double loss, d_chosen, d_rejected;  // dL/dl(y_w), dL/dl(y_l)
};

APO_HD inline double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

APO_HD inline double log_sigmoid(double x) { return x >= 0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x)); }

// SimPO's logit (arXiv 2405.14734, eq. 6): beta (l_w/n_w - l_l/n_l) - gamma, gamma being the margin itself.
APO_HD inline double simpo_logit(const Pair& p, double beta, double gamma) {
    return beta * (p.chosen / p.count_chosen - p.rejected / p.count_rejected) - gamma;
}

APO_HD inline LossGradient objective_loss(const apo_objective& objective, const Pair& p) {
    const double beta = objective.beta, smoothing = objective.label_smoothing;
    const double z = beta * p.delta();
    double loss = 0, dz = 0;  // of a loss that is a function of z alone
    switch (objective.kind) {
        case APO_DPO:  // arXiv 2305.18290, eq. 7: -log sigma(z)
            loss = -log_sigmoid(z);
            dz = -sigmoid(-z);
            break;
        case APO_CDPO:  // conservative DPO (Mitchell 2023): -(1-e) log sigma(z) - e log sigma(-z)
            loss = -(1 - smoothing) * log_sigmoid(z) - smoothing * log_sigmoid(-z);
            dz = -(1 - smoothing) * sigmoid(-z) + smoothing * sigmoid(z);
            break;
        case APO_ROBUST_DPO:  // arXiv 2403.00409, eq. 9: (-(1-e) log sigma(z) + e log sigma(-z)) / (1 - 2e)
            loss = (-(1 - smoothing) * log_sigmoid(z) + smoothing * log_sigmoid(-z)) / (1 - 2 * smoothing);
            dz = (-(1 - smoothing) * sigmoid(-z) - smoothing * sigmoid(z)) / (1 - 2 * smoothing);
            break;
        case APO_HINGE:  // SLiC (arXiv 2305.10425) on DPO's margin: max(0, 1 - z)
            loss = z < 1 ? 1 - z : 0;
            dz = z < 1 ? -1 : 0;
            break;
        case APO_IPO_SUM: {  // arXiv 2310.12036, eq. 17: (delta - 1/(2 beta))^2
            const double gap = p.delta() - 1 / (2 * beta);
            return {gap * gap, 2 * gap, -2 * gap};
        }
        case APO_IPO_MEAN: {  // the same on log-probs averaged over tokens, as TRL does
            const double gap = (p.chosen - p.reference_chosen) / p.count_chosen -
                               (p.rejected - p.reference_rejected) / p.count_rejected - 1 / (2 * beta);
            return {gap * gap, 2 * gap / p.count_chosen, -2 * gap / p.count_rejected};
        }
        case APO_SIMPO: {  // arXiv 2405.14734: -log sigma(logit)
            const double logit = simpo_logit(p, beta, objective.gamma), slope = -sigmoid(-logit) * beta;
            return {-log_sigmoid(logit), slope / p.count_chosen, -slope / p.count_rejected};
        }
        default:
            break;
    }
    return {loss, dz * beta, -dz * beta};
}

// Score of a pair, the meta-learner's input (MetaAPO, arXiv 2509.23371): log sigma(s delta); for SimPO, which has no delta,
// log sigma(s (l_w/n_w - l_l/n_l - gamma/beta)). s = 1 is the authors' code, s = beta the paper's notation, in which the
// score is the logarithm of the loss's own sigmoid.
APO_HD inline double pair_score(const apo_objective& objective, const Pair& p, double score_scale) {
    const double margin =
        objective.kind == APO_SIMPO ? simpo_logit(p, objective.beta, objective.gamma) / objective.beta : p.delta();
    return log_sigmoid(score_scale * margin);
}

}  // namespace apo
