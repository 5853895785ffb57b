#include "preference_loss.h"

#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

void preference_loss(Device& device, const PreferenceLoss& op) {
    parallel_ranges(device, op.answers, 8, [&](int64_t begin, int64_t end) {
        for (int64_t a = begin; a < end; a++) {
            double sum = 0;
            for (int32_t r = op.answer_begin[a]; r < op.answer_begin[a + 1]; r++) sum += double(op.logp[r]);
            op.sums[a] = sum;
        }
    });
    preference_rows(*op.pairs, op.sums, *op.objective, *op.meta, op.scale, op.results);
    if (op.coef == nullptr) return;
    for (int64_t a = 0; a < op.answers; a++) {
        for (int32_t r = op.answer_begin[a]; r < op.answer_begin[a + 1]; r++) op.coef[r] = float(op.results.dsums[a]);
    }
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
