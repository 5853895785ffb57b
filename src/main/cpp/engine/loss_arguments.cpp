#include "loss_arguments.h"

#include <cmath>

#include "boundary.h"

namespace apo {

namespace {

constexpr int32_t kMostHidden = 65536, kMostInputs = 256;
constexpr int32_t kMostHiddenOfThree = 1024;  // with three layers, whose second has hidden * hidden weights

void check_at_least_0(const char* name, double value) {
    if (!(value >= 0) || !std::isfinite(value)) fail(APO_E_ARGUMENT, "objective.%s is %g; expected a number of 0 or more", name, value);
}

void check_objective(const apo_objective& o) {
    if (o.kind < APO_DPO || o.kind > APO_GIVEN) fail(APO_E_ARGUMENT, "objective.kind is %d; expected an apo_objective_kind", o.kind);
    if (!(o.beta > 0) || !std::isfinite(o.beta)) fail(APO_E_ARGUMENT, "objective.beta is %g; expected a positive number", o.beta);
    if (!std::isfinite(o.gamma)) fail(APO_E_ARGUMENT, "objective.gamma is %g; expected a number", o.gamma);
    if (!(o.label_smoothing >= 0 && o.label_smoothing < 0.5)) {
        fail(APO_E_ARGUMENT, "objective.label_smoothing is %g; expected 0 or more and less than 0.5", o.label_smoothing);
    }
    check_at_least_0("alpha", o.alpha);
    check_at_least_0("threshold", o.threshold);
    check_at_least_0("desirable", o.desirable);
    check_at_least_0("undesirable", o.undesirable);
    check_at_least_0("kl", o.kl);
    check_at_least_0("likelihood", o.likelihood);
}

void check_answer(const apo_pairs& p, const char* role, int32_t row, int32_t index) {
    if (index < 0 || index >= p.answers) {
        fail(APO_E_ARGUMENT, "pairs.%s[%d] is %d; expected an answer, 0 to %d", role, row, index, p.answers - 1);
    }
}

bool has_online_pair(const apo_pairs& p, int32_t row) {
    return p.online_chosen != nullptr && (p.online_chosen[row] != -1 || p.online_rejected[row] != -1);
}

void check_answers(const apo_pairs& p, int32_t kind) {
    for (int32_t row = 0; row < p.rows; row++) {
        const bool unpaired = kind == APO_KTO && (p.chosen[row] == -1) != (p.rejected[row] == -1);
        if (!unpaired || p.chosen[row] != -1) check_answer(p, "chosen", row, p.chosen[row]);
        if (!unpaired || p.rejected[row] != -1) check_answer(p, "rejected", row, p.rejected[row]);
        if (p.explored != nullptr && p.explored[row] != -1) check_answer(p, "explored", row, p.explored[row]);
        if (!has_online_pair(p, row)) continue;
        check_answer(p, "online_chosen", row, p.online_chosen[row]);
        check_answer(p, "online_rejected", row, p.online_rejected[row]);
        if (unpaired) {
            fail(APO_E_ARGUMENT, "row %d has an online pair and lacks an offline answer; expected both answers, or no online pair", row);
        }
        if (kind == APO_SPPO) {
            fail(APO_E_ARGUMENT, "row %d has an online pair; expected none, for SPPO's win probabilities are of offline pairs", row);
        }
    }
}

// An array that belongs to some kinds is there with them and null with the others.
void check_presence(const char* name, const void* array, bool belongs, const char* kinds) {
    if (belongs && array == nullptr) fail(APO_E_ARGUMENT, "pairs.%s is null; %s needs it", name, kinds);
    if (!belongs && array != nullptr) fail(APO_E_ARGUMENT, "pairs.%s is given; expected null, since %s alone reads it", name, kinds);
}

void check_numbers_of_kind(const apo_pairs& p, int32_t kind) {
    check_presence("explored", p.explored, kind == APO_SELM || kind == APO_XPO, "the exploration term of SELM and XPO");
    check_presence("wins", p.wins, kind == APO_SPPO, "SPPO");
    check_presence("given", p.given, kind == APO_GIVEN, "an objective of kind GIVEN");
    for (int64_t i = 0; p.wins != nullptr && i < 2 * int64_t(p.rows); i++) {
        if (!(p.wins[i] >= 0 && p.wins[i] <= 1)) {
            fail(APO_E_ARGUMENT, "pairs.wins[%lld][%lld] is %g; expected a probability, 0 to 1", (long long)(i / 2), (long long)(i % 2),
                 p.wins[i]);
        }
    }
    for (int32_t row = 0; p.given != nullptr && row < p.rows; row++) {
        const int64_t read = has_online_pair(p, row) ? 6 : 3;
        for (int64_t i = 0; i < read; i++) {
            const double value = p.given[6 * int64_t(row) + i];
            if (std::isfinite(value)) continue;
            const char* const names[] = {"loss", "dloss/dl_w", "dloss/dl_l"};
            fail(APO_E_NUMERIC, "the given %s of row %d's %s pair is %g; expected a finite number", names[i % 3], row,
                 i < 3 ? "offline" : "online", value);
        }
    }
}

void check_token_counts(const apo_pairs& p, const apo_objective& objective, bool batch_counts) {
    const bool read = objective.kind == APO_SIMPO || objective.kind == APO_IPO_MEAN || objective.likelihood > 0;
    if (read && !batch_counts) required(p.token_counts, "pairs.token_counts");
    for (int32_t a = 0; p.token_counts != nullptr && a < p.answers; a++) {
        if (p.token_counts[a] < 1) fail(APO_E_ARGUMENT, "pairs.token_counts[%d] is %d; expected 1 or more", a, p.token_counts[a]);
    }
}

}  // namespace

void check_meta(const apo_meta* meta, int64_t rows) {
    const apo_meta& m = required(meta, "meta");
    if (m.mode < APO_WEIGHT_CONSTANT || m.mode > APO_WEIGHT_SCORE) fail(APO_E_ARGUMENT, "meta.mode is %d; expected an apo_weight_mode", m.mode);
    if (!std::isfinite(m.score_scale)) fail(APO_E_ARGUMENT, "meta.score_scale is %g; expected a number", m.score_scale);
    if (m.mode == APO_WEIGHT_CONSTANT && !(m.constant >= 0 && m.constant <= 1)) {
        fail(APO_E_ARGUMENT, "meta.constant is %g; expected 0 to 1", m.constant);
    }
    if (m.mode != APO_WEIGHT_LEARNED) return;
    if (m.layers < 1 || m.layers > 3) fail(APO_E_ARGUMENT, "meta.layers is %d; expected 1 to 3", m.layers);
    const int32_t most = m.layers == 3 ? kMostHiddenOfThree : kMostHidden;
    if (m.layers > 1 && (m.hidden < 1 || m.hidden > most)) {
        fail(APO_E_ARGUMENT, "meta.hidden is %d; with %d layers expected 1 to %d", m.hidden, m.layers, most);
    }
    if (m.inputs < 1 || m.inputs > kMostInputs) fail(APO_E_ARGUMENT, "meta.inputs is %d; expected 1 to %d", m.inputs, kMostInputs);
    required(m.parameters, "meta.parameters");
    if (m.inputs == 1 || rows == 0) return;
    required(m.features, "meta.features");
    const int64_t width = m.inputs - 1;
    for (int64_t i = 0; i < rows * width; i++) {
        if (!std::isfinite(m.features[i])) {
            fail(APO_E_ARGUMENT, "meta.features[%lld][%lld] is %g; expected a finite number", (long long)(i / width),
                 (long long)(i % width), m.features[i]);
        }
    }
}

void check_preference(const apo_pairs* pairs, int64_t answers, const apo_objective* objective, const apo_meta* meta, bool batch_counts) {
    const apo_objective& o = required(objective, "objective");
    check_objective(o);
    const apo_pairs& p = required(pairs, "pairs");
    if (p.rows < 1) fail(APO_E_ARGUMENT, "pairs.rows is %d; expected 1 or more", p.rows);
    check_meta(meta, p.rows);
    if (p.answers < 1 || p.answers != answers) {
        fail(APO_E_ARGUMENT, "pairs.answers is %d; expected %lld", p.answers, (long long)answers);
    }
    required(p.chosen, "pairs.chosen");
    required(p.rejected, "pairs.rejected");
    if ((p.online_chosen == nullptr) != (p.online_rejected == nullptr)) {
        fail(APO_E_ARGUMENT, "pairs.online_chosen and pairs.online_rejected must both be given or both be null");
    }
    check_answers(p, o.kind);
    check_numbers_of_kind(p, o.kind);
    check_token_counts(p, o, batch_counts);
}

}  // namespace apo
