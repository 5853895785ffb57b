// Preference objectives: pure functions of a pair's log-prob sums, written once for all backends.
//
// l(y) is the answer's log-prob sum under the policy, r(y) that under the reference, n(y) its token count;
// delta = (l(y_w) - r(y_w)) - (l(y_l) - r(y_l)), z = beta delta.
#pragma once

#include <cmath>
#include <cstdint>

#include "metaapo.h"
#include "portable.h"

namespace apo {

// An answer's numbers. `there` is false, and the numbers are NaN, where the row has none in this role.
struct Answer {
    double sum, reference, count;  // l(y), r(y), n(y)
    bool there;

    APO_HD double log_ratio() const { return sum - reference; }
    APO_HD double mean() const { return sum / count; }
};

struct LossGradient {
    double loss, d_chosen, d_rejected;  // dL/dl(y_w), dL/dl(y_l)
    double d_explored = 0;              // dL/dl(y_e)
};

// One preference pair, with what some objectives read beside its two answers.
struct Pair {
    Answer chosen, rejected;
    Answer explored;                  // y_e of SELM and XPO
    double win_chosen, win_rejected;  // SPPO: P(y_w wins), P(y_l wins) against the policy's answers
    LossGradient given;               // GIVEN

    APO_HD double delta() const { return chosen.log_ratio() - rejected.log_ratio(); }
};

APO_HD inline double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

APO_HD inline double log_sigmoid(double x) { return x >= 0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x)); }

// SimPO's logit (arXiv 2405.14734, eq. 6): beta (l_w/n_w - l_l/n_l) - gamma, gamma being the margin itself.
APO_HD inline double simpo_logit(const Pair& p, double beta, double gamma) {
    return beta * (p.chosen.mean() - p.rejected.mean()) - gamma;
}

// KTO (arXiv 2402.01306) of one answer: lambda (1 - sigma(x)) and its slope by x. x = beta ((l_w - r_w) - kl) for a
// desirable answer and beta (kl - (l_l - r_l)) for an undesirable one.
struct KtoTerm {
    double loss, dx;
};

APO_HD inline KtoTerm kto_term(double lambda, double x) {
    const double miss = sigmoid(-x);
    return {lambda * miss, -lambda * miss * sigmoid(x)};
}

// The loss that compares the pair's answers.
APO_HD inline LossGradient comparison_loss(const apo_objective& objective, const Pair& p) {
    const double beta = objective.beta, smoothing = objective.label_smoothing;
    const double z = beta * p.delta();
    double loss = 0, dz = 0;  // of a loss that is a function of z alone
    switch (objective.kind) {
        case APO_DPO:  // arXiv 2305.18290, eq. 7: -log sigma(z)
        case APO_SELM:  // DPO with an exploration term
        case APO_XPO:   // the same
            loss = -log_sigmoid(z);
            dz = -sigmoid(-z);
            break;
        case APO_ADPO: {  // active DPO (arXiv 2402.09401): -log sigma(s z); s = 1, the label, where |z| <= threshold, else sign(z)
            const double label = z < -objective.threshold ? -1 : 1;
            loss = -log_sigmoid(label * z);
            dz = -label * sigmoid(-label * z);
            break;
        }
        case APO_CDPO:  // conservative DPO (Mitchell 2023): -(1-e) log sigma(z) - e log sigma(-z)
            loss = -(1 - smoothing) * log_sigmoid(z) - smoothing * log_sigmoid(-z);
            dz = -(1 - smoothing) * sigmoid(-z) + smoothing * sigmoid(z);
            break;
        case APO_ROBUST_DPO:  // arXiv 2403.00409, eq. 9: (-(1-e) log sigma(z) + e log sigma(-z)) / (1 - 2e)
            loss = (-(1 - smoothing) * log_sigmoid(z) + smoothing * log_sigmoid(-z)) / (1 - 2 * smoothing);
            dz = (-(1 - smoothing) * sigmoid(-z) - smoothing * sigmoid(z)) / (1 - 2 * smoothing);
            break;
        case APO_HINGE: {  // SLiC (arXiv 2305.10425) on DPO's margin: max(0, 1 - z); a z that is NaN stays so
            const bool met = z >= 1;
            loss = met ? 0 : 1 - z;
            dz = met ? 0 : -1;
            break;
        }
        case APO_IPO_SUM: {  // arXiv 2310.12036, eq. 17: (delta - 1/(2 beta))^2
            const double gap = p.delta() - 1 / (2 * beta);
            return {gap * gap, 2 * gap, -2 * gap};
        }
        case APO_IPO_MEAN: {  // the same on log-probs averaged over tokens, as TRL does
            const double gap = p.chosen.log_ratio() / p.chosen.count - p.rejected.log_ratio() / p.rejected.count - 1 / (2 * beta);
            return {gap * gap, 2 * gap / p.chosen.count, -2 * gap / p.rejected.count};
        }
        case APO_SIMPO: {  // arXiv 2405.14734: -log sigma(logit)
            const double logit = simpo_logit(p, beta, objective.gamma), slope = -sigmoid(-logit) * beta;
            return {-log_sigmoid(logit), slope / p.chosen.count, -slope / p.rejected.count};
        }
        case APO_KTO: {  // the sum over the answers that the row has; kl is held constant
            const KtoTerm none{0, 0};
            const KtoTerm w = p.chosen.there ? kto_term(objective.desirable, beta * (p.chosen.log_ratio() - objective.kl)) : none;
            const KtoTerm l = p.rejected.there ? kto_term(objective.undesirable, beta * (objective.kl - p.rejected.log_ratio())) : none;
            return {w.loss + l.loss, w.dx * beta, -l.dx * beta};
        }
        case APO_SPPO: {  // arXiv 2405.00675, eta = 1/beta: 1/2 sum over both of ((l - r) - (P(y wins) - 1/2) / beta)^2
            const double w = p.chosen.log_ratio() - (p.win_chosen - 0.5) / beta;
            const double l = p.rejected.log_ratio() - (p.win_rejected - 0.5) / beta;
            return {0.5 * (w * w + l * l), w, l};
        }
        case APO_GIVEN:  // the caller's own
            return p.given;
        default:
            break;
    }
    return {loss, dz * beta, -dz * beta};
}

// The exploration term of answer y_e and its slope by l(y_e):
//   SELM (arXiv 2405.19332): alpha beta (l_e - r_e);  XPO (arXiv 2405.21046), y_e being the reference's own sample: alpha l_e.
struct ExplorationTerm {
    double loss, slope;
};

APO_HD inline ExplorationTerm exploration_term(const apo_objective& objective, const Answer& explored) {
    if (objective.kind == APO_SELM) {
        const double slope = objective.alpha * objective.beta;
        return {slope * explored.log_ratio(), slope};
    }
    return {objective.alpha * explored.sum, objective.alpha};
}

// A pair's loss: the comparison, the exploration term where there is an explored answer, and -l_w/n_w times its weight (the
// negative log-likelihood of supervised fine-tuning, averaged over the answer's tokens).
APO_HD inline LossGradient objective_loss(const apo_objective& objective, const Pair& p) {
    LossGradient g = comparison_loss(objective, p);
    if (p.explored.there) {
        const ExplorationTerm term = exploration_term(objective, p.explored);
        g.loss += term.loss;
        g.d_explored = term.slope;
    }
    if (objective.likelihood > 0 && p.chosen.there) {
        g.loss -= objective.likelihood * p.chosen.mean();
        g.d_chosen -= objective.likelihood / p.chosen.count;
    }
    return g;
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
