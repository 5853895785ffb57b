// The meta-learner h(x) = sigma(W2 tanh(W1 x + b1) + b2) of MetaAPO (arXiv 2509.23371), n hidden units. x is the score (the
// paper's one input), then the row's features.
// Parameters: W1 (n, inputs), b1 (n), W2 (n), b2 (1).
#pragma once

#include "metaapo.h"
#include "objective.h"
#include "portable.h"

namespace apo {

APO_HD inline int64_t meta_parameter_count(const apo_meta& meta) { return int64_t(meta.hidden) * (meta.inputs + 2) + 1; }

// The features of row b; null where the score is the one input.
APO_HD inline const double* row_features(const apo_meta& meta, int64_t b) {
    return meta.features == nullptr ? nullptr : meta.features + b * (meta.inputs - 1);
}

// tanh of hidden unit i.
APO_HD inline double meta_unit(const apo_meta& meta, int32_t i, double score, const double* features) {
    const double* w1 = meta.parameters + int64_t(i) * meta.inputs;
    double x = meta.parameters[int64_t(meta.hidden) * meta.inputs + i] + w1[0] * score;
    for (int32_t j = 1; j < meta.inputs; j++) x += w1[j] * features[j - 1];
    return std::tanh(x);
}

APO_HD inline double meta_learner(const apo_meta& meta, double score, const double* features) {
    const double* w2 = meta.parameters + int64_t(meta.hidden) * (meta.inputs + 1);
    double sum = w2[meta.hidden];
    for (int32_t i = 0; i < meta.hidden; i++) sum += w2[i] * meta_unit(meta, i, score, features);
    return sigmoid(sum);
}

// gradient(as parameters) += dloss * dh/dparameters at x, where h(x) = w.
APO_HD inline void meta_learner_backward(const apo_meta& meta, double score, const double* features, double w, double dloss,
                                         double* gradient) {
    const int64_t b1 = int64_t(meta.hidden) * meta.inputs, w2 = b1 + meta.hidden;
    const double outer = dloss * w * (1 - w);
    for (int32_t i = 0; i < meta.hidden; i++) {
        const double unit = meta_unit(meta, i, score, features);
        const double inner = outer * meta.parameters[w2 + i] * (1 - unit * unit);
        double* dw1 = gradient + int64_t(i) * meta.inputs;
        dw1[0] += inner * score;
        for (int32_t j = 1; j < meta.inputs; j++) dw1[j] += inner * features[j - 1];
        gradient[b1 + i] += inner;
        gradient[w2 + i] += outer * unit;
    }
    gradient[w2 + meta.hidden] += outer;
}

// w of a score, by mode.
APO_HD inline double meta_weight(const apo_meta& meta, double score, const double* features) {
    switch (meta.mode) {
        case APO_WEIGHT_LEARNED: return meta_learner(meta, score, features);
        case APO_WEIGHT_SCORE: return std::exp(score);
        default: return meta.constant;
    }
}

}  // namespace apo
