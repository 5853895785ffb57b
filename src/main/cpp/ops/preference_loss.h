// The meta-weighted preference loss of one row (MetaAPO, arXiv 2509.23371):
//   w L(offline) + (1 - w) L(online), w = h(score of the offline pair), held constant;
//   L(offline) for a row without an online pair.
#pragma once

#include "meta_learner.h"
#include "objective.h"

namespace apo {

struct RowLoss {
    double loss, weight, delta_offline, delta_online, score_offline, score_online;
    LossGradient offline, online;  // unweighted; the share of each in the row's loss is:
    double share_offline, share_online;
};

// online is null for a row without an online pair; what needs one is then NaN.
APO_HD inline RowLoss row_loss(const apo_objective& objective, const apo_meta& meta, const Pair& offline, const Pair* online) {
    RowLoss row{};
    row.delta_offline = offline.delta();
    row.score_offline = pair_score(objective, offline, meta.score_scale);
    row.weight = meta_weight(meta, row.score_offline);
    row.offline = objective_loss(objective, offline);
    if (online == nullptr) {
        const double none = std::nan("");
        row.delta_online = row.score_online = none;
        row.online = {none, 0, 0};
        row.share_offline = 1;
        row.loss = row.offline.loss;
        return row;
    }
    row.delta_online = online->delta();
    row.score_online = pair_score(objective, *online, meta.score_scale);
    row.online = objective_loss(objective, *online);
    row.share_offline = row.weight;
    row.share_online = 1 - row.weight;
    row.loss = row.share_offline * row.offline.loss + row.share_online * row.online.loss;
    return row;
}

// A pair of the batch from its log-prob sums.
inline Pair pair_of(const apo_pairs& pairs, const double* sums, int32_t chosen, int32_t rejected) {
    Pair p{sums[chosen], sums[rejected], 0, 0, 1, 1};
    if (pairs.reference_sums != nullptr) {
        p.reference_chosen = pairs.reference_sums[chosen];
        p.reference_rejected = pairs.reference_sums[rejected];
    }
    if (pairs.token_counts != nullptr) {
        p.count_chosen = pairs.token_counts[chosen];
        p.count_rejected = pairs.token_counts[rejected];
    }
    return p;
}

// All rows of a batch. out.dsums (answers) must be there; the other results are filled where they are not null.
inline void preference_rows(const apo_pairs& pairs, const double* sums, const apo_objective& objective, const apo_meta& meta,
                            double scale, const apo_pair_results& out) {
    for (int32_t a = 0; a < pairs.answers; a++) out.dsums[a] = 0;
    for (int32_t b = 0; b < pairs.rows; b++) {
        const Pair offline = pair_of(pairs, sums, pairs.chosen[b], pairs.rejected[b]);
        const bool has_online = pairs.online_chosen != nullptr && pairs.online_chosen[b] >= 0;
        const Pair online = has_online ? pair_of(pairs, sums, pairs.online_chosen[b], pairs.online_rejected[b]) : Pair{};
        const RowLoss row = row_loss(objective, meta, offline, has_online ? &online : nullptr);
        auto put = [&](double* array, double value) {
            if (array != nullptr) array[b] = value;
        };
        put(out.loss, row.loss);
        put(out.loss_offline, row.offline.loss);
        put(out.loss_online, row.online.loss);
        put(out.score_offline, row.score_offline);
        put(out.score_online, row.score_online);
        put(out.delta_offline, row.delta_offline);
        put(out.delta_online, row.delta_online);
        put(out.weight, row.weight);
        out.dsums[pairs.chosen[b]] += scale * row.share_offline * row.offline.d_chosen;
        out.dsums[pairs.rejected[b]] += scale * row.share_offline * row.offline.d_rejected;
        if (!has_online) continue;
        out.dsums[pairs.online_chosen[b]] += scale * row.share_online * row.online.d_chosen;
        out.dsums[pairs.online_rejected[b]] += scale * row.share_online * row.online.d_rejected;
    }
}

}  // namespace apo
