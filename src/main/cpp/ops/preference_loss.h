// The meta-weighted preference loss of one row (MetaAPO, arXiv 2509.23371):
//   w L(offline) + (1 - w) L(online), w = h(score and features of the offline pair), held constant;
//   L(offline) for a row without an online pair.
#pragma once

#include <vector>

#include "meta_learner.h"
#include "objective.h"

namespace apo {

struct RowLoss {
    double loss, weight, delta_offline, delta_online, score_offline, score_online;
    LossGradient offline, online;  // unweighted; the share of each in the row's loss is:
    double share_offline, share_online;
};

// online is read where the row has an online pair; what needs one is NaN where it has none. room: (meta_room).
APO_HD inline RowLoss row_loss(const apo_objective& objective, const apo_meta& meta, const double* features, double* room,
                               const Pair& offline, bool has_online, const Pair& online) {
    RowLoss row{};
    row.delta_offline = offline.delta();
    row.score_offline = pair_score(objective, offline, meta.score_scale);
    row.weight = meta_weight(meta, row.score_offline, features, room);
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

// Answer `index` of a batch, or none for -1.
APO_HD inline Answer answer_of(const apo_pairs& pairs, const double* sums, int32_t index) {
    if (index < 0) return {double(NAN), double(NAN), double(NAN), false};
    return {sums[index], pairs.reference_sums == nullptr ? 0 : pairs.reference_sums[index],
            pairs.token_counts == nullptr ? 1 : double(pairs.token_counts[index]), true};
}

// given(3) of a pair, or zeros for null.
APO_HD inline LossGradient given_loss(const double* given) {
    if (given == nullptr) return {0, 0, 0};
    return {given[0], given[1], given[2]};
}

APO_HD inline Pair offline_pair(const apo_pairs& pairs, const double* sums, int32_t b) {
    return {answer_of(pairs, sums, pairs.chosen[b]),
            answer_of(pairs, sums, pairs.rejected[b]),
            answer_of(pairs, sums, pairs.explored == nullptr ? -1 : pairs.explored[b]),
            pairs.wins == nullptr ? 0 : pairs.wins[2 * int64_t(b)],
            pairs.wins == nullptr ? 0 : pairs.wins[2 * int64_t(b) + 1],
            given_loss(pairs.given == nullptr ? nullptr : pairs.given + 6 * int64_t(b))};
}

APO_HD inline bool has_online(const apo_pairs& pairs, int32_t b) { return pairs.online_chosen != nullptr && pairs.online_chosen[b] >= 0; }

// Of a row that has one.
APO_HD inline Pair online_pair(const apo_pairs& pairs, const double* sums, int32_t b) {
    return {answer_of(pairs, sums, pairs.online_chosen[b]), answer_of(pairs, sums, pairs.online_rejected[b]),
            answer_of(pairs, sums, -1), 0, 0,
            given_loss(pairs.given == nullptr ? nullptr : pairs.given + 6 * int64_t(b) + 3)};
}

// The roles of a row's answers: chosen, rejected, online chosen, online rejected, explored.
constexpr int32_t kRoles = 5;

// d(scale * loss)/d(log-prob sum) by role; that of a role without an answer is not to be used.
struct RowGradient {
    double dsum[kRoles];
};

// body(answer, role) for each answer of row b in each of its roles. An answer may come several times.
template <class Body>
void each_role(const apo_pairs& pairs, int32_t b, Body body) {
    const int32_t* const roles[kRoles] = {pairs.chosen, pairs.rejected, pairs.online_chosen, pairs.online_rejected, pairs.explored};
    for (int32_t role = 0; role < kRoles; role++) {
        if (roles[role] != nullptr && roles[role][b] >= 0) body(roles[role][b], role);
    }
}

// Row b of a batch; results but dsums are filled where they are not null. room: (meta_room).
APO_HD inline RowGradient preference_row(const apo_pairs& pairs, const double* sums, const apo_objective& objective, const apo_meta& meta,
                                         double scale, int32_t b, double* room, const apo_pair_results& out) {
    const bool two = has_online(pairs, b);
    const RowLoss row = row_loss(objective, meta, row_features(meta, b), room, offline_pair(pairs, sums, b), two,
                                 two ? online_pair(pairs, sums, b) : Pair{});
    if (out.loss != nullptr) out.loss[b] = row.loss;
    if (out.loss_offline != nullptr) out.loss_offline[b] = row.offline.loss;
    if (out.loss_online != nullptr) out.loss_online[b] = row.online.loss;
    if (out.score_offline != nullptr) out.score_offline[b] = row.score_offline;
    if (out.score_online != nullptr) out.score_online[b] = row.score_online;
    if (out.delta_offline != nullptr) out.delta_offline[b] = row.delta_offline;
    if (out.delta_online != nullptr) out.delta_online[b] = row.delta_online;
    if (out.weight != nullptr) out.weight[b] = row.weight;
    return {{scale * row.share_offline * row.offline.d_chosen, scale * row.share_offline * row.offline.d_rejected,
             scale * row.share_online * row.online.d_chosen, scale * row.share_online * row.online.d_rejected,
             scale * row.share_offline * row.offline.d_explored}};
}

// All rows of a batch. out.dsums (answers) must be there.
inline void preference_rows(const apo_pairs& pairs, const double* sums, const apo_objective& objective, const apo_meta& meta,
                            double scale, const apo_pair_results& out) {
    std::vector<double> room(size_t(meta_room(meta)));
    for (int32_t a = 0; a < pairs.answers; a++) out.dsums[a] = 0;
    for (int32_t b = 0; b < pairs.rows; b++) {
        const RowGradient row = preference_row(pairs, sums, objective, meta, scale, b, room.data(), out);
        each_role(pairs, b, [&](int32_t answer, int32_t role) { out.dsums[answer] += row.dsum[role]; });
    }
}

}  // namespace apo
