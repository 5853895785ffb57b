#include "loss_arguments.h"

#include <cmath>

#include "boundary.h"

namespace apo {

void check_objective(const apo_objective* objective) {
    const apo_objective& o = required(objective, "objective");
    if (o.kind < APO_DPO || o.kind > APO_SIMPO) fail(APO_E_ARGUMENT, "objective.kind is %d; expected an apo_objective_kind", o.kind);
    if (!(o.beta > 0) || !std::isfinite(o.beta)) fail(APO_E_ARGUMENT, "objective.beta is %g; expected a positive number", o.beta);
    if (!std::isfinite(o.gamma)) fail(APO_E_ARGUMENT, "objective.gamma is %g; expected a number", o.gamma);
    if (!(o.label_smoothing >= 0 && o.label_smoothing < 0.5)) {
        fail(APO_E_ARGUMENT, "objective.label_smoothing is %g; expected 0 or more and less than 0.5", o.label_smoothing);
    }
}

void check_meta(const apo_meta* meta) {
    const apo_meta& m = required(meta, "meta");
    if (m.mode < APO_WEIGHT_CONSTANT || m.mode > APO_WEIGHT_SCORE) fail(APO_E_ARGUMENT, "meta.mode is %d; expected an apo_weight_mode", m.mode);
    if (m.mode == APO_WEIGHT_LEARNED) {
        if (m.hidden < 1 || m.hidden > 65536) fail(APO_E_ARGUMENT, "meta.hidden is %d; expected 1 to 65536", m.hidden);
        required(m.parameters, "meta.parameters");
    }
    if (m.mode == APO_WEIGHT_CONSTANT && !(m.constant >= 0 && m.constant <= 1)) {
        fail(APO_E_ARGUMENT, "meta.constant is %g; expected 0 to 1", m.constant);
    }
    if (!std::isfinite(m.score_scale)) fail(APO_E_ARGUMENT, "meta.score_scale is %g; expected a number", m.score_scale);
}

void check_pairs(const apo_pairs* pairs, int64_t answers, bool counts_needed) {
    const apo_pairs& p = required(pairs, "pairs");
    if (p.rows < 1) fail(APO_E_ARGUMENT, "pairs.rows is %d; expected 1 or more", p.rows);
    if (p.answers < 1 || p.answers != answers) {
        fail(APO_E_ARGUMENT, "pairs.answers is %d; expected %lld", p.answers, (long long)answers);
    }
    required(p.chosen, "pairs.chosen");
    required(p.rejected, "pairs.rejected");
    if ((p.online_chosen == nullptr) != (p.online_rejected == nullptr)) {
        fail(APO_E_ARGUMENT, "pairs.online_chosen and pairs.online_rejected must both be given or both be null");
    }
    auto inside = [&](const char* name, int32_t row, int32_t index) {
        if (index < 0 || index >= p.answers) {
            fail(APO_E_ARGUMENT, "pairs.%s[%d] is %d; expected an answer, 0 to %d", name, row, index, p.answers - 1);
        }
    };
    for (int32_t row = 0; row < p.rows; row++) {
        inside("chosen", row, p.chosen[row]);
        inside("rejected", row, p.rejected[row]);
        if (p.online_chosen == nullptr || (p.online_chosen[row] == -1 && p.online_rejected[row] == -1)) continue;
        inside("online_chosen", row, p.online_chosen[row]);
        inside("online_rejected", row, p.online_rejected[row]);
    }
    if (counts_needed) required(p.token_counts, "pairs.token_counts");
    for (int32_t a = 0; p.token_counts != nullptr && a < p.answers; a++) {
        if (p.token_counts[a] < 1) fail(APO_E_ARGUMENT, "pairs.token_counts[%d] is %d; expected 1 or more", a, p.token_counts[a]);
    }
}

}  // namespace apo
