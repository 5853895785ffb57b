#include <cmath>
#include <type_traits>

#include "family.h"
#include "parallel.h"

namespace apo {
namespace APO_ISA_NAMESPACE {

namespace {

// out = x rstd w for one row of n; out may be x. Returns rstd.
template <class T>
float norm_row(int64_t n, const T* x, const T* weight, float eps, T* out) {
    vf squares{};
    auto add = [&](vf v) { squares += v * v; };
    for_vectors(n, [&](int64_t j) { add(load(x + j)); }, [&](int64_t j, int c) { add(load_part(x + j, c)); });
    const float rstd = 1.0f / std::sqrt(sum(squares) / float(n) + eps);
    for_vectors(
        n, [&](int64_t j) { store(out + j, load(x + j) * rstd * load(weight + j)); },
        [&](int64_t j, int c) { store_part(out + j, load_part(x + j, c) * rstd * load_part(weight + j, c), c); });
    return rstd;
}

// Gradient of y = x rstd w for one row of n: dx = rstd (w dy - x rstd² mean(w dy x)), as
// `emit(j, dx, count)`; the row's share of dw, where the weight is Trained, goes to dweight.
template <bool Trained, class T, class Emit>
void norm_row_backward(int64_t n, const T* dout, const T* x, const T* weight, float rstd, float* dweight, Emit emit) {
    vf dot{};
    for_vectors(
        n, [&](int64_t j) { dot += load(dout + j) * load(weight + j) * load(x + j); },
        [&](int64_t j, int c) { dot += load_part(dout + j, c) * load_part(weight + j, c) * load_part(x + j, c); });
    const float mean = sum(dot) / float(n) * rstd * rstd;
    auto step = [&](int64_t j, vf dy, vf w, vf value, int c) {
        const vf dx = (dy * w - value * mean) * rstd;
        if (Trained && c == kLanes) {
            store(dweight + j, load(dweight + j) + dy * value * rstd);
        } else if (Trained) {
            store_part(dweight + j, load_part(dweight + j, c) + dy * value * rstd, c);
        }
        emit(j, dx, c);
    };
    for_vectors(
        n, [&](int64_t j) { step(j, load(dout + j), load(weight + j), load(x + j), kLanes); },
        [&](int64_t j, int c) { step(j, load_part(dout + j, c), load_part(weight + j, c), load_part(x + j, c), c); });
}

// row(trained, t, dweight) for each token: `trained`, a constant, says whether there is a weight's gradient. Then dweight, of n, is
// a partial sum of the thread's; they are added in a fixed number of parts and order for a thread count.
template <class Row>
void with_weight_gradient(Device& device, int64_t n, float* dweight, int64_t tokens, Row row) {
    if (dweight == nullptr) {
        parallel_ranges(device, tokens, 8, [&](int64_t begin, int64_t end) {
            for (int64_t t = begin; t < end; t++) row(std::false_type{}, t, static_cast<float*>(nullptr));
        });
        return;
    }
    const int64_t parts = cpu(device).threads;
    cpu(device).reserve_private(size_t(n) * sizeof(float));
    for (int part = 0; part < parts; part++) std::memset(cpu(device).private_floats(part), 0, size_t(n) * sizeof(float));
    parallel_ranges(device, parts, 1, [&](int64_t first, int64_t last) {
        for (int64_t part = first; part < last; part++) {
            float* partial = cpu(device).private_floats(int(part));
            for (int64_t t = tokens * part / parts; t < tokens * (part + 1) / parts; t++) row(std::true_type{}, t, partial);
        }
    });
    for (int part = 0; part < parts; part++) {
        const float* partial = cpu(device).private_floats(part);
        for (int64_t j = 0; j < n; j++) dweight[j] += partial[j];
    }
}

}  // namespace

void rmsnorm_forward(Device& device, const RmsNormForward& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const int64_t n = op.hidden;
        const T* weight = static_cast<const T*>(op.weight);
        parallel_ranges(device, op.tokens, 8, [&](int64_t begin, int64_t end) {
            for (int64_t t = begin; t < end; t++) {
                T* x = static_cast<T*>(op.residual) + t * n;
                T* out = static_cast<T*>(op.out) + t * n;
                if (op.delta != nullptr) {
                    const T* delta = static_cast<const T*>(op.delta) + t * n;
                    for_vectors(
                        n, [&](int64_t j) { store(x + j, load(x + j) + load(delta + j)); },
                        [&](int64_t j, int c) { store_part(x + j, load_part(x + j, c) + load_part(delta + j, c), c); });
                }
                op.rstd[t] = norm_row(n, x, weight, op.eps, out);
            }
        });
    });
}

void rmsnorm_backward(Device& device, const RmsNormBackward& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const int64_t n = op.hidden;
        const T* weight = static_cast<const T*>(op.weight);
        with_weight_gradient(device, n, op.dweight, op.tokens, [&](auto trained, int64_t t, float* dweight) {
            T* dx = static_cast<T*>(op.dresidual) + t * n;
            norm_row_backward<trained>(n, static_cast<const T*>(op.dout) + t * n, static_cast<const T*>(op.residual) + t * n, weight,
                                       op.rstd[t], dweight, [&](int64_t j, vf value, int c) {
                                           if (c == kLanes) {
                                               store(dx + j, load(dx + j) + value);
                                           } else {
                                               store_part(dx + j, load_part(dx + j, c) + value, c);
                                           }
                                       });
        });
    });
}

void head_norm_forward(Device& device, const HeadNormForward& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const int64_t n = op.head_dim;
        const T* weight = static_cast<const T*>(op.weight);
        parallel_ranges(device, op.tokens, 8, [&](int64_t begin, int64_t end) {
            for (int64_t t = begin; t < end; t++) {
                T* row = static_cast<T*>(op.x) + t * op.ld;
                if (op.saved != nullptr) {
                    std::memcpy(static_cast<T*>(op.saved) + t * op.heads * n, row, size_t(op.heads * n) * sizeof(T));
                }
                for (int64_t head = 0; head < op.heads; head++) {
                    T* x = row + head * n;
                    op.rstd[t * op.heads + head] = norm_row(n, x, weight, op.eps, x);
                }
            }
        });
    });
}

void head_norm_backward(Device& device, const HeadNormBackward& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        const int64_t n = op.head_dim;
        const T* weight = static_cast<const T*>(op.weight);
        with_weight_gradient(device, n, op.dweight, op.tokens, [&](auto trained, int64_t t, float* dweight) {
            for (int64_t head = 0; head < op.heads; head++) {
                T* dx = static_cast<T*>(op.dx) + t * op.ld + head * n;
                norm_row_backward<trained>(n, dx, static_cast<const T*>(op.saved) + (t * op.heads + head) * n, weight,
                                           op.rstd[t * op.heads + head], dweight, [&](int64_t j, vf value, int c) {
                                               if (c == kLanes) {
                                                   store(dx + j, value);
                                               } else {
                                                   store_part(dx + j, value, c);
                                               }
                                           });
            }
        });
    });
}

}  // namespace APO_ISA_NAMESPACE
}  // namespace apo
