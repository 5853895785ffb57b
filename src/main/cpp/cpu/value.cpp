#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

// body(T{}, W{}) with the types of x and the weight.
template <class Body>
void with_types(DType x, DType weight, Body body) {
    with_type(x, [&](auto x_tag) { with_type(weight, [&](auto weight_tag) { body(x_tag, weight_tag); }); });
}

}  // namespace

void value_forward(Device& device, const ValueForward& op) {
    with_types(op.dtype, op.weight_type, [&](auto tag, auto weight_tag) {
        using T = decltype(tag);
        const auto* weight = static_cast<const decltype(weight_tag)*>(op.weight);
        parallel_ranges(device, op.rows, 16, [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; r++) {
                const T* x = static_cast<const T*>(op.x) + r * op.hidden;
                double score = 0;
                for (int64_t j = 0; j < op.hidden; j++) score += double(to_float(x[j])) * to_float(weight[j]);
                op.score[r] = float(score);
            }
        });
    });
}

void value_backward(Device& device, const ValueBackward& op) {
    with_types(op.dtype, op.weight_type, [&](auto tag, auto weight_tag) {
        using T = decltype(tag);
        const auto* weight = static_cast<const decltype(weight_tag)*>(op.weight);
        const T* x = static_cast<const T*>(op.x);
        T* dx = static_cast<T*>(op.dx);
        parallel_ranges(device, op.hidden, 64, [&](int64_t begin, int64_t end) {
            for (int64_t r = 0; r < op.rows; r++) {
                for (int64_t j = begin; j < end; j++) dx[r * op.hidden + j] = from_float<T>(op.dscore[r] * to_float(weight[j]));
                for (int64_t j = begin; op.dweight != nullptr && j < end; j++) op.dweight[j] += op.dscore[r] * to_float(x[r * op.hidden + j]);
            }
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
