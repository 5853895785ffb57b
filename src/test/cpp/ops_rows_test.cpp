// Embedding, biases, norms, RoPE, SwiGLU, values, gather and scatter, conversion.
#include "op_case.h"

using namespace apo_test;

// Widths come in two kinds: odd ones, and rows of whole 16-byte vectors, for which backends have other code.

TEST(embedding) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        for (int C : {21, 40}) {  // odd rows, and rows of whole vectors
            const int T = 300, V = 6;
            Numbers numbers(1);
            Array table = numbers.array(dtype, size_t(V * C)), out(dtype, size_t(T * C)), dout = numbers.array(dtype, size_t(T * C));
            std::vector<int32_t> id;
            for (int t = 0; t < T; t++) id.push_back(numbers.below(V - 1));
            Ints ids(id);
            ops.embedding_forward(device, {T, C, dtype, ids.data(), table.data(), out.data()});
            Array dtable(DType::f32, size_t(V * C));
            dtable.fill(0.5f);
            const int padding = 2;
            ops.embedding_backward(device, {T, C, V, dtype, ids.data(), padding, dout.data(), dtable.floats()});
            for (int j = 0; j < C; j++) {
                for (int t = 0; t < T; t++) CHECK(out[size_t(t * C + j)] == table[size_t(id[size_t(t)] * C + j)]);
                for (int v = 0; v < V; v++) {
                    double sum = 0.5;
                    for (int t = 0; t < T; t++) sum += id[size_t(t)] == v && v != padding ? dout[size_t(t * C + j)] : 0;
                    CHECK_CLOSE(dtable[size_t(v * C + j)], sum, 3e-5);
                }
            }
        }
    });
}

TEST(bias) {
    const auto check = [](const apo::OpTable& ops, apo::Device& device, DType dtype, int n, int ld) {
        const int T = 70;
        Numbers numbers(2);
        Array x = numbers.array(dtype, size_t(T * ld)), bias = numbers.array(dtype, size_t(n)), dbias(DType::f32, size_t(n));
        std::vector<double> before = values(x);
        ops.bias_forward(device, {T, n, ld, dtype, x.data(), bias.data()});
        dbias.fill(1);
        ops.bias_backward(device, {T, n, ld, dtype, x.data(), dbias.floats()});
        for (int j = 0; j < ld; j++) {
            double sum = 1;
            for (int t = 0; t < T; t++) {
                const size_t at = size_t(t * ld + j);
                CHECK_CLOSE(x[at], before[at] + (j < n ? bias[size_t(j)] : 0), tolerance(dtype, 4));
                sum += x[at];
            }
            if (j < n) CHECK_CLOSE(dbias[size_t(j)], sum, 1e-3);
        }
    };
    on_all([&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        check(ops, device, dtype, 19, 25);
        check(ops, device, dtype, 40, 48);
    });
}

namespace {

// y = x rstd w of rows of n.
std::vector<double> norm(const std::vector<double>& x, const std::vector<double>& w, int n, double eps) {
    std::vector<double> y(x.size());
    for (size_t row = 0; row < x.size() / size_t(n); row++) {
        double squares = 0;
        for (int j = 0; j < n; j++) squares += x[row * n + j] * x[row * n + j];
        const double rstd = 1 / std::sqrt(squares / n + eps);
        for (int j = 0; j < n; j++) y[row * n + j] = x[row * n + j] * rstd * w[size_t(j)];
    }
    return y;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); i++) sum += a[i] * b[i];
    return sum;
}

}  // namespace

TEST(rmsnorm) {
    const auto check = [](const apo::OpTable& ops, apo::Device& device, DType dtype, int C) {
        const int T = 5;
        const float eps = 1e-5f;
        Numbers numbers(3);
        Array x = numbers.array(dtype, size_t(T * C)), delta = numbers.array(dtype, size_t(T * C)), w = numbers.array(dtype, size_t(C));
        Array y(dtype, size_t(T * C)), rstd(DType::f32, T);
        std::vector<double> stream = values(x);
        for (size_t i = 0; i < stream.size(); i++) stream[i] = rounded(float(stream[i] + delta[i]), dtype);
        ops.rmsnorm_forward(device, {T, C, dtype, eps, x.data(), delta.data(), w.data(), y.data(), rstd.floats()});
        std::vector<double> weights = values(w), expected = norm(stream, weights, C, eps);
        for (size_t i = 0; i < stream.size(); i++) {
            CHECK_CLOSE(x[i], stream[i], tolerance(dtype, 0.1));
            CHECK_CLOSE(y[i], expected[i], tolerance(dtype, 4));
        }
        Array dy = numbers.array(dtype, size_t(T * C)), dx(dtype, size_t(T * C)), dw(DType::f32, size_t(C));
        dx.fill(0.25f);
        dw.fill(2);
        ops.rmsnorm_backward(device, {T, C, dtype, dy.data(), x.data(), w.data(), rstd.floats(), dx.data(), dw.floats()});
        Array dx_alone(dtype, size_t(T * C));
        dx_alone.fill(0.25f);
        ops.rmsnorm_backward(device, {T, C, dtype, dy.data(), x.data(), w.data(), rstd.floats(), dx_alone.data(), nullptr});
        CHECK(values(dx) == values(dx_alone));
        const std::vector<double> gradient = values(dy);
        auto f = [&] { return dot(norm(stream, weights, C, eps), gradient); };
        for (size_t i = 0; i < stream.size(); i += 3) CHECK_CLOSE(dx[i], 0.25 + slope(stream, i, f), tolerance(dtype, 8));
        for (size_t j = 0; j < weights.size(); j++) CHECK_CLOSE(dw[j], 2 + slope(weights, j, f), 1e-3);
    };
    on_all([&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        check(ops, device, dtype, 37);
        check(ops, device, dtype, 48);
    });
}

TEST(head_norm) {
    const auto check = [](const apo::OpTable& ops, apo::Device& device, DType dtype, int D, int ld) {
        const int T = 4, heads = 3;
        Numbers numbers(4);
        Array x = numbers.array(dtype, size_t(T * ld)), w = numbers.array(dtype, size_t(D)), saved(dtype, size_t(T * heads * D));
        Array rstd(DType::f32, T * heads);
        std::vector<double> before = values(x), heads_only, weights = values(w);
        for (int t = 0; t < T; t++) heads_only.insert(heads_only.end(), before.begin() + t * ld, before.begin() + t * ld + heads * D);
        ops.head_norm_forward(device, {T, heads, D, ld, dtype, 1e-5f, x.data(), w.data(), saved.data(), rstd.floats()});
        const std::vector<double> expected = norm(heads_only, weights, D, 1e-5);
        Array dx = numbers.array(dtype, size_t(T * ld)), dw(DType::f32, size_t(D));
        const std::vector<double> dy_all = values(dx);
        std::vector<double> dy;
        for (int t = 0; t < T; t++) dy.insert(dy.end(), dy_all.begin() + t * ld, dy_all.begin() + t * ld + heads * D);
        dw.fill(0);
        Array dx_alone(dtype, size_t(T * ld));
        for (size_t i = 0; i < dy_all.size(); i++) dx_alone.set(i, float(dy_all[i]));
        ops.head_norm_backward(device, {T, heads, D, ld, dtype, saved.data(), w.data(), rstd.floats(), dx.data(), dw.floats()});
        ops.head_norm_backward(device, {T, heads, D, ld, dtype, saved.data(), w.data(), rstd.floats(), dx_alone.data(), nullptr});
        CHECK(values(dx) == values(dx_alone));
        auto f = [&] { return dot(norm(heads_only, weights, D, 1e-5), dy); };
        for (int t = 0; t < T; t++) {
            for (int j = 0; j < ld; j++) {
                const size_t at = size_t(t * ld + j), head_at = size_t(t * heads * D + j);
                if (j >= heads * D) {
                    CHECK(x[at] == before[at] && dx[at] == dy_all[at]);
                    continue;
                }
                CHECK(saved[head_at] == before[at]);
                CHECK_CLOSE(x[at], expected[head_at], tolerance(dtype, 4));
                CHECK_CLOSE(dx[at], slope(heads_only, head_at, f), tolerance(dtype, 12));
            }
        }
        for (size_t j = 0; j < weights.size(); j++) CHECK_CLOSE(dw[j], slope(weights, j, f), 1e-3);
    };
    on_all([&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        check(ops, device, dtype, 10, 40);
        check(ops, device, dtype, 16, 64);
    });
}

TEST(rope_turns_pairs_and_turns_them_back) {
    const auto check = [](const apo::OpTable& ops, apo::Device& device, DType dtype, int D) {
        const int T = 6, H = 2, G = 1, half = D / 2, W = (H + 2 * G) * D, P = 9;
        Numbers numbers(5);
        Array qkv = numbers.array(dtype, size_t(T * W)), cos(DType::f32, size_t(P * half)), sin(DType::f32, size_t(P * half));
        for (int p = 0; p < P; p++) {
            for (int j = 0; j < half; j++) {
                const double angle = p * std::pow(100.0, -2.0 * j / D);
                cos.set(size_t(p * half + j), float(std::cos(angle)));
                sin.set(size_t(p * half + j), float(std::sin(angle)));
            }
        }
        Ints positions{0, 8, 3, 3, 1, 7};
        const std::vector<double> before = values(qkv);
        ops.rope(device, {T, H, G, D, dtype, qkv.data(), positions.data(), cos.floats(), sin.floats(), 1});
        for (int t = 0; t < T; t++) {
            for (int c = 0; c < W; c++) {
                const int head = c / D, j = c % D;
                double expected = before[size_t(t * W + c)];
                if (head < H + G) {
                    const size_t row = size_t(t * W + head * D);
                    const double a = before[row + size_t(j % half)], b = before[row + size_t(j % half + half)];
                    const double co = cos[size_t(positions[size_t(t)] * half + j % half)], si = sin[size_t(positions[size_t(t)] * half + j % half)];
                    expected = j < half ? a * co - b * si : b * co + a * si;
                }
                CHECK_CLOSE(qkv[size_t(t * W + c)], expected, tolerance(dtype, 4));
            }
        }
        ops.rope(device, {T, H, G, D, dtype, qkv.data(), positions.data(), cos.floats(), sin.floats(), -1});
        for (size_t i = 0; i < before.size(); i++) CHECK_CLOSE(qkv[i], before[i], tolerance(dtype, 8));
    };
    on_all([&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        check(ops, device, dtype, 14);
        check(ops, device, dtype, 32);
    });
}

TEST(swiglu) {
    const auto check = [](const apo::OpTable& ops, apo::Device& device, DType dtype, int F) {
        const int T = 3;
        Numbers numbers(6);
        Array x = numbers.array(dtype, size_t(T * 2 * F), 3), out(dtype, size_t(T * F)), dout = numbers.array(dtype, size_t(T * F));
        x.set(0, 90);  // e^-x of large arguments must not make NaN
        x.set(1, -90);
        std::vector<double> in = values(x);
        const std::vector<double> gradient = values(dout);
        auto forward = [&] {
            std::vector<double> y(size_t(T * F));
            for (int t = 0; t < T; t++) {
                for (int j = 0; j < F; j++) {
                    const double g = in[size_t(t * 2 * F + j)];
                    y[size_t(t * F + j)] = g / (1 + std::exp(-g)) * in[size_t(t * 2 * F + F + j)];
                }
            }
            return y;
        };
        ops.swiglu_forward(device, {T, F, dtype, x.data(), out.data()});
        const std::vector<double> expected = forward();
        for (size_t i = 0; i < expected.size(); i++) CHECK_CLOSE(out[i], expected[i], tolerance(dtype, 1 + std::fabs(expected[i])));
        ops.swiglu_backward(device, {T, F, dtype, x.data(), dout.data(), x.data()});
        for (size_t i = 0; i < in.size(); i++) {
            const double want = slope(in, i, [&] { return dot(forward(), gradient); });
            CHECK_CLOSE(x[i], want, tolerance(dtype, 1 + 2 * std::fabs(want)));
        }
    };
    on_all([&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        check(ops, device, dtype, 23);
        check(ops, device, dtype, 32);
    });
}

TEST(value_head) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        for (DType weight_type : {DType::bf16, DType::f32}) {
            const int R = 4, C = 33;
            Numbers numbers(8);
            Array x = numbers.array(dtype, R * C), w = numbers.array(weight_type, C), score(DType::f32, R), dscore = numbers.array(DType::f32, R);
            Array dx(dtype, R * C), dx_alone(dtype, R * C), dw(DType::f32, C);
            dw.fill(1);
            ops.value_forward(device, {R, C, dtype, x.data(), weight_type, w.data(), score.floats()});
            ops.value_backward(device, {R, C, dtype, x.data(), weight_type, w.data(), dscore.floats(), dx.data(), dw.floats()});
            ops.value_backward(device, {R, C, dtype, x.data(), weight_type, w.data(), dscore.floats(), dx_alone.data(), nullptr});
            CHECK(values(dx) == values(dx_alone));
            for (int r = 0; r < R; r++) {
                double sum = 0;
                for (int j = 0; j < C; j++) {
                    sum += x[size_t(r * C + j)] * w[size_t(j)];
                    CHECK_CLOSE(dx[size_t(r * C + j)], dscore[size_t(r)] * w[size_t(j)], tolerance(dtype, 4));
                }
                CHECK_CLOSE(score[size_t(r)], sum, 1e-4);
            }
            for (int j = 0; j < C; j++) {
                double sum = 1;
                for (int r = 0; r < R; r++) sum += dscore[size_t(r)] * x[size_t(r * C + j)];
                CHECK_CLOSE(dw[size_t(j)], sum, 1e-4);
            }
        }
    });
}

TEST(gather_and_scatter_of_one_row_many_times) {
    const auto check = [](const apo::OpTable& ops, apo::Device& device, DType dtype, int C) {
        const int T = 4, R = 5;
        Numbers numbers(9);
        Array x = numbers.array(dtype, size_t(T * C)), picked(dtype, size_t(R * C)), out(dtype, size_t(T * C));
        Ints index{2, 2, 0, 3, 2};
        ops.gather_rows(device, {R, C, dtype, index.data(), x.data(), picked.data()});
        out.fill(0.5f);
        ops.scatter_add_rows(device, {R, C, dtype, index.data(), picked.data(), out.data()});
        const int times[T] = {1, 0, 3, 1};
        for (int t = 0; t < T; t++) {
            for (int j = 0; j < C; j++) {
                const size_t at = size_t(t * C + j);
                CHECK_CLOSE(out[at], 0.5 + times[t] * x[at], tolerance(dtype, 8));
            }
        }
    };
    on_all([&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        check(ops, device, dtype, 13);
        check(ops, device, dtype, 24);
    });
}

TEST(convert_rounds_to_nearest_even_and_add_adds) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        const int n = 37;
        Numbers numbers(10);
        Array x = numbers.array(DType::f32, n), y(DType::bf16, n), z(DType::f32, n);
        x.set(0, 1.00390625f);  // half way between two bf16: to the even one, 1
        x.set(1, 1.01171875f);  // half way: up to 1.015625
        ops.convert(device, {n, DType::f32, x.data(), DType::bf16, y.data()});
        ops.convert(device, {n, DType::bf16, y.data(), DType::f32, z.data()});
        CHECK(y[0] == 1 && y[1] == 1.015625);
        for (size_t i = 0; i < n; i++) CHECK(z[i] == rounded(float(x[i]), DType::bf16));
        // At the arrays' beginning, and an element on, where no vectors are.
        for (size_t skip : {0, 1}) {
            auto at = [skip](Array& array, DType type) { return static_cast<char*>(static_cast<void*>(array.data())) + skip * apo::bytes_of(type); };
            Array a = numbers.array(dtype, n), b = numbers.array(dtype, n);
            const std::vector<double> before = values(b);
            ops.add(device, {n - 1, dtype, at(a, dtype), at(b, dtype)});
            for (size_t i = 0; i < n; i++) {
                const bool added = i >= skip && i < skip + n - 1;
                CHECK_CLOSE(b[i], before[i] + (added ? double(a[i]) : 0), tolerance(dtype, 4));
            }
            for (DType type : {DType::f32, DType::bf16}) {
                Array c(type, n);
                c.fill(7);
                ops.convert(device, {n - 1, dtype, at(a, dtype), type, at(c, type)});
                for (size_t i = 0; i < n; i++) CHECK(c[i] == (i >= skip && i < skip + n - 1 ? rounded(float(a[i]), type) : 7.0f));
            }
        }
    });
}
