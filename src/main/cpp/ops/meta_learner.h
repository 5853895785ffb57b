// The meta-learner h of MetaAPO (arXiv 2509.23371), of 1, 2 (the paper's) or 3 layers with n hidden units in each hidden one:
//   sigma(W1 x + b1),  sigma(W2 tanh(W1 x + b1) + b2),  sigma(W3 tanh(W2 tanh(W1 x + b1) + b2) + b3).
// x is the score (the paper's one input), then the row's features. Parameters: W1, b1, W2, b2, W3, b3, each as far as it is there;
// matrices are (outputs, inputs).
#pragma once

#include "metaapo.h"
#include "objective.h"
#include "portable.h"

namespace apo {

// Where parameters begin: b1 of a first hidden layer (its W1 is at 0), W2 and b2 of a second one, and the output layer's.
struct MetaLayout {
    int64_t first_bias, second, second_bias, output, output_bias;
};

APO_HD inline MetaLayout meta_layout(const apo_meta& meta) {
    const int64_t n = meta.layers == 1 ? 0 : meta.hidden, second = meta.layers == 3 ? n : 0;
    MetaLayout at{};
    at.first_bias = n * meta.inputs;
    at.second = at.first_bias + n;
    at.second_bias = at.second + second * n;
    at.output = at.second_bias + second;
    at.output_bias = at.output + (meta.layers == 1 ? meta.inputs : n);
    return at;
}

APO_HD inline int64_t meta_parameter_count(const apo_meta& meta) { return meta_layout(meta).output_bias + 1; }

// Numbers that h needs room for while it works on a row.
APO_HD inline int64_t meta_room(const apo_meta& meta) {
    return meta.mode == APO_WEIGHT_LEARNED && meta.layers == 3 ? meta.hidden : 0;
}

// The features of row b; null where the score is the one input.
APO_HD inline const double* row_features(const apo_meta& meta, int64_t b) {
    return meta.features == nullptr ? nullptr : meta.features + b * (meta.inputs - 1);
}

// w x + b.
APO_HD inline double meta_affine(const apo_meta& meta, const double* w, double b, double score, const double* features) {
    double x = b + w[0] * score;
    for (int32_t j = 1; j < meta.inputs; j++) x += w[j] * features[j - 1];
    return x;
}

// dw += d x, db += d.
APO_HD inline void meta_affine_backward(const apo_meta& meta, double d, double score, const double* features, double* dw, double* db) {
    dw[0] += d * score;
    for (int32_t j = 1; j < meta.inputs; j++) dw[j] += d * features[j - 1];
    *db += d;
}

// tanh of unit i of the first hidden layer.
APO_HD inline double meta_unit(const apo_meta& meta, int32_t i, double score, const double* features) {
    const double bias = meta.parameters[int64_t(meta.hidden) * meta.inputs + i];
    return std::tanh(meta_affine(meta, meta.parameters + int64_t(i) * meta.inputs, bias, score, features));
}

// tanh of unit i of the second one, from the first's units (n).
APO_HD inline double meta_second_unit(const apo_meta& meta, const MetaLayout& at, int32_t i, const double* units) {
    const double* w = meta.parameters + at.second + int64_t(i) * meta.hidden;
    double x = meta.parameters[at.second_bias + i];
    for (int32_t j = 0; j < meta.hidden; j++) x += w[j] * units[j];
    return std::tanh(x);
}

// room: (meta_room).
APO_HD inline double meta_learner(const apo_meta& meta, double score, const double* features, double* room) {
    const MetaLayout at = meta_layout(meta);
    const double* output = meta.parameters + at.output;
    double sum = meta.parameters[at.output_bias];
    if (meta.layers == 1) {
        sum = meta_affine(meta, output, sum, score, features);
    } else if (meta.layers == 2) {
        for (int32_t i = 0; i < meta.hidden; i++) sum += output[i] * meta_unit(meta, i, score, features);
    } else {
        for (int32_t i = 0; i < meta.hidden; i++) room[i] = meta_unit(meta, i, score, features);
        for (int32_t i = 0; i < meta.hidden; i++) sum += output[i] * meta_second_unit(meta, at, i, room);
    }
    return sigmoid(sum);
}

// The part of the backward below the first hidden layer's unit i, whose value is `unit` and d loss/d unit `d`.
APO_HD inline void meta_unit_backward(const apo_meta& meta, int32_t i, double unit, double d, double score, const double* features,
                                      double* gradient) {
    meta_affine_backward(meta, d * (1 - unit * unit), score, features, gradient + int64_t(i) * meta.inputs,
                         gradient + int64_t(meta.hidden) * meta.inputs + i);
}

// gradient(as parameters) += dloss * dh/dparameters at x, where h(x) = w. room: (2 meta_room).
APO_HD inline void meta_learner_backward(const apo_meta& meta, double score, const double* features, double w, double dloss,
                                         double* gradient, double* room) {
    const MetaLayout at = meta_layout(meta);
    const double* output = meta.parameters + at.output;
    double* const doutput = gradient + at.output;
    const double outer = dloss * w * (1 - w);
    if (meta.layers == 1) {
        meta_affine_backward(meta, outer, score, features, doutput, gradient + at.output_bias);
        return;
    }
    gradient[at.output_bias] += outer;
    if (meta.layers == 2) {
        for (int32_t i = 0; i < meta.hidden; i++) {
            const double unit = meta_unit(meta, i, score, features);
            meta_unit_backward(meta, i, unit, outer * output[i], score, features, gradient);
            doutput[i] += outer * unit;
        }
        return;
    }
    double* const units = room;
    double* const dunits = room + meta.hidden;
    for (int32_t j = 0; j < meta.hidden; j++) units[j] = meta_unit(meta, j, score, features), dunits[j] = 0;
    for (int32_t i = 0; i < meta.hidden; i++) {
        const double unit = meta_second_unit(meta, at, i, units);
        const double inner = outer * output[i] * (1 - unit * unit);
        const double* row = meta.parameters + at.second + int64_t(i) * meta.hidden;
        double* const drow = gradient + at.second + int64_t(i) * meta.hidden;
        for (int32_t j = 0; j < meta.hidden; j++) {
            drow[j] += inner * units[j];
            dunits[j] += inner * row[j];
        }
        gradient[at.second_bias + i] += inner;
        doutput[i] += outer * unit;
    }
    for (int32_t j = 0; j < meta.hidden; j++) meta_unit_backward(meta, j, units[j], dunits[j], score, features, gradient);
}

// w of a score, by mode; room: (meta_room).
APO_HD inline double meta_weight(const apo_meta& meta, double score, const double* features, double* room) {
    switch (meta.mode) {
        case APO_WEIGHT_LEARNED: return meta_learner(meta, score, features, room);
        case APO_WEIGHT_SCORE: return std::exp(score);
        default: return meta.constant;
    }
}

}  // namespace apo
