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

// online is read where the row has an online pair; what needs one is NaN where it has none.
APO_HD inline RowLoss row_loss(const apo_objective& objective, const apo_meta& meta, const Pair& offline, bool has_online, const Pair& online) {
    RowLoss row{};
    row.delta_offline = offline.delta();
    row.score_offline = pair_score(objective, offline, meta.score_scale);
    row.weight = meta_weight(meta, row.score_offline);
    row.offline = objective_loss(objective, offline);
    if (!has_online) {
        const double none = double(NAN);
        row.delta_online = row.score_online = none;
        row.online = {none, 0, 0};
        row.share_offline = 1;
        row.loss = row.offline.loss;
        return row;
    }
    row.delta_online = online.delta();
    row.score_online = pair_score(objective, online, meta.score_scale);
    row.online = objective_loss(objective, online);
    row.share_offline = row.weight;
    row.share_online = 1 - row.weight;
    row.loss = row.share_offline * row.offline.loss + row.share_online * row.online.loss;
    return row;
}

// A pair of the batch from its log-prob sums.
APO_HD inline Pair pair_of(const apo_pairs& pairs, const double* sums, int32_t chosen, int32_t rejected) {
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

// Answers of a row and d(scale * loss)/d(log-prob sum) of each: chosen, rejected, online chosen, online rejected.
struct RowGradient {
    int32_t count;  // 2, or 4 with an online pair
    double dsum[4];
};

APO_HD inline bool has_online(const apo_pairs& pairs, int32_t b) { return pairs.online_chosen != nullptr && pairs.online_chosen[b] >= 0; }

// Row b of a batch; results but dsums are filled where they are not null.
APO_HD inline RowGradient preference_row(const apo_pairs& pairs, const double* sums, const apo_objective& objective, const apo_meta& meta,
                                         double scale, int32_t b, const apo_pair_results& out) {
    const Pair offline = pair_of(pairs, sums, pairs.chosen[b], pairs.rejected[b]);
    const bool two = has_online(pairs, b);
    const Pair online = two ? pair_of(pairs, sums, pairs.online_chosen[b], pairs.online_rejected[b]) : Pair{};
    const RowLoss row = row_loss(objective, meta, offline, two, online);
    if (out.loss != nullptr) out.loss[b] = row.loss;
    if (out.loss_offline != nullptr) out.loss_offline[b] = row.offline.loss;
    if (out.loss_online != nullptr) out.loss_online[b] = row.online.loss;
    if (out.score_offline != nullptr) out.score_offline[b] = row.score_offline;
    if (out.score_online != nullptr) out.score_online[b] = row.score_online;
    if (out.delta_offline != nullptr) out.delta_offline[b] = row.delta_offline;
    if (out.delta_online != nullptr) out.delta_online[b] = row.delta_online;
    if (out.weight != nullptr) out.weight[b] = row.weight;
    return {two ? 4 : 2,
            {scale * row.share_offline * row.offline.d_chosen, scale * row.share_offline * row.offline.d_rejected,
             scale * row.share_online * row.online.d_chosen, scale * row.share_online * row.online.d_rejected}};
}

// All rows of a batch. out.dsums (answers) must be there.
inline void preference_rows(const apo_pairs& pairs, const double* sums, const apo_objective& objective, const apo_meta& meta,
                            double scale, const apo_pair_results& out) {
    for (int32_t a = 0; a < pairs.answers; a++) out.dsums[a] = 0;
    for (int32_t b = 0; b < pairs.rows; b++) {
        const RowGradient row = preference_row(pairs, sums, objective, meta, scale, b, out);
        out.dsums[pairs.chosen[b]] += row.dsum[0];
        out.dsums[pairs.rejected[b]] += row.dsum[1];
        if (row.count == 2) continue;
        out.dsums[pairs.online_chosen[b]] += row.dsum[2];
        out.dsums[pairs.online_rejected[b]] += row.dsum[3];
    }
}

}  // namespace apo
