// The meta-learner h(x) = sigma(W2 tanh(W1 x + b1) + b2) of MetaAPO (arXiv 2509.23371), one input, n hidden units.
// Parameters: W1 (n), b1 (n), W2 (n), b2 (1).
#pragma once

#include "metaapo.h"
#include "objective.h"
#include "portable.h"

namespace apo {

APO_HD inline double meta_learner(const double* parameters, int32_t hidden, double x) {
    const double *w1 = parameters, *b1 = w1 + hidden, *w2 = b1 + hidden;
    double sum = w2[hidden];
    for (int32_t i = 0; i < hidden; i++) sum += w2[i] * std::tanh(w1[i] * x + b1[i]);
    return sigmoid(sum);
}

// gradient(3n + 1) += dloss * dh/dparameters at x, where h(x) = w.
APO_HD inline void meta_learner_backward(const double* parameters, int32_t hidden, double x, double w, double dloss,
                                         double* gradient) {
    const double *w1 = parameters, *b1 = w1 + hidden, *w2 = b1 + hidden;
    const double outer = dloss * w * (1 - w);
    for (int32_t i = 0; i < hidden; i++) {
        const double unit = std::tanh(w1[i] * x + b1[i]);
        const double inner = outer * w2[i] * (1 - unit * unit);
        gradient[i] += inner * x;
        gradient[hidden + i] += inner;
        gradient[2 * hidden + i] += outer * unit;
    }
    gradient[3 * hidden] += outer;
}

// w of a score, by mode.
APO_HD inline double meta_weight(const apo_meta& meta, double score) {
    switch (meta.mode) {
        case APO_WEIGHT_LEARNED: return meta_learner(meta.parameters, meta.hidden, score);
        case APO_WEIGHT_SCORE: return std::exp(score);
        default: return meta.constant;
    }
}

}  // namespace apo
