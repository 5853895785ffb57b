// The log-prob head, AdamW in f32, and norms.
#include <algorithm>

#include "op_case.h"
#include "split_f32.h"

using namespace apo_test;

TEST(logprob_head_in_chunks) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        const int R = 7, C = 12, V = 101;
        Numbers numbers(13);
        Array x = numbers.array(dtype, R * C), head = numbers.array(dtype, V * C), logp(DType::f32, R), lse(DType::f32, R), entropy(DType::f32, R);
        std::vector<int32_t> target;
        for (int r = 0; r < R; r++) target.push_back(numbers.below(V));
        Ints targets(target), argmax(R);
        const size_t two_rows = size_t(2 * V) * sizeof(float);
        Array scratch(DType::f32, 2 * V);
        ops.logprob_forward(device, {R, C, V, dtype, x.data(), head.data(), targets.data(), logp.floats(), lse.floats(), argmax.data(), entropy.floats(), scratch.data(), two_rows});
        std::vector<double> in = values(x), weights = values(head);
        auto logits = [&](int r) {
            std::vector<double> row(V);
            for (int v = 0; v < V; v++) {
                for (int j = 0; j < C; j++) row[size_t(v)] += in[size_t(r * C + j)] * weights[size_t(v * C + j)];
            }
            return row;
        };
        auto log_prob = [&](int r) {
            const std::vector<double> row = logits(r);
            double sum = 0;
            for (double l : row) sum += std::exp(l);
            return row[size_t(target[size_t(r)])] - std::log(sum);
        };
        Array coef = numbers.array(DType::f32, R), dx(dtype, R * C), dhead(DType::f32, V * C);
        dhead.fill(0.5f);
        ops.logprob_backward(device, {R, C, V, dtype, x.data(), head.data(), targets.data(), lse.floats(), coef.floats(), dx.data(), dhead.floats(), scratch.data(), two_rows});
        Array dx_alone(dtype, R * C);
        ops.logprob_backward(device, {R, C, V, dtype, x.data(), head.data(), targets.data(), lse.floats(), coef.floats(), dx_alone.data(), nullptr, scratch.data(), two_rows});
        CHECK(values(dx) == values(dx_alone));
        for (int r = 0; r < R; r++) {
            CHECK_CLOSE(logp[size_t(r)], log_prob(r), 1e-4);
            const std::vector<double> row = logits(r);
            CHECK(argmax[size_t(r)] == int(std::max_element(row.begin(), row.end()) - row.begin()));
            double h = 0, sum = 0;
            for (double l : row) sum += std::exp(l);
            for (double l : row) h -= std::exp(l) / sum * (l - std::log(sum));
            CHECK_CLOSE(entropy[size_t(r)], h, 1e-4);
            for (int j = 0; j < C; j += 5) {
                const size_t at = size_t(r * C + j);
                CHECK_CLOSE(dx[at], coef[size_t(r)] * slope(in, at, [&] { return log_prob(r); }), tolerance(dtype, 8));
            }
        }
        for (size_t at : {size_t(0), size_t(target[0] * C + 3), size_t(V * C - 1)}) {
            const double want = slope(weights, at, [&] {
                double sum = 0;
                for (int r = 0; r < R; r++) sum += coef[size_t(r)] * log_prob(r);
                return sum;
            });
            // Tensor cores take dlogits rounded to bf16: each term errs by 2^-9 of it at most, and |dlogits| <= |coef|.
            double rounding = 0;
            for (int r = 0; r < R; r++) rounding += std::fabs(coef[size_t(r)] * in[size_t(r * C) + at % C]) * 0x1p-9;
            CHECK_CLOSE(dhead[at], 0.5 + want, 1e-4 + (dtype == DType::bf16 ? rounding : 0));
        }
    });
}

// Several pieces of the vocabulary, and rows enough for several calls' worth: the softmax goes on from piece to piece.
TEST(logprob_head_of_a_large_vocabulary) {
    on_threads({2}, [](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        const int R = 3, C = 8, V = 1003;
        Numbers numbers(21);
        Array x = numbers.array(dtype, R * C), head = numbers.array(dtype, V * C, 0.7f), logp(DType::f32, R), lse(DType::f32, R), entropy(DType::f32, R);
        for (int j = 0; j < C; j++) head.set(size_t(900 * C + j), float(head[size_t(40 * C + j)]));  // equal logits, far apart
        Ints targets({1002, 0, 511}), argmax(R);
        const std::vector<double> in = values(x), weights = values(head);
        // Room for one row's logits on the CPU, for some hundred columns of all rows on a GPU.
        const size_t bytes = size_t(V + 64) * sizeof(float);
        Array scratch(DType::f32, V + 64);
        ops.logprob_forward(device, {R, C, V, dtype, x.data(), head.data(), targets.data(), logp.floats(), lse.floats(), argmax.data(), entropy.floats(), scratch.data(), bytes});
        Array coef = numbers.array(DType::f32, R), dx(dtype, R * C), dhead(DType::f32, V * C);
        dhead.fill(0.25f);
        ops.logprob_backward(device, {R, C, V, dtype, x.data(), head.data(), targets.data(), lse.floats(), coef.floats(), dx.data(), dhead.floats(), scratch.data(), bytes});
        std::vector<double> want_dhead(V * C, 0.25);
        for (int r = 0; r < R; r++) {
            std::vector<double> row(V);
            double sum = 0, h = 0;
            for (int v = 0; v < V; v++) {
                for (int j = 0; j < C; j++) row[size_t(v)] += in[size_t(r * C + j)] * weights[size_t(v * C + j)];
                sum += std::exp(row[size_t(v)]);
            }
            const double all = std::log(sum);
            std::vector<double> want_dx(C);
            for (int v = 0; v < V; v++) {
                const double p = std::exp(row[size_t(v)] - all), d = coef[size_t(r)] * ((v == targets[size_t(r)]) - p);
                h -= p * (row[size_t(v)] - all);
                for (int j = 0; j < C; j++) {
                    want_dx[size_t(j)] += d * weights[size_t(v * C + j)];
                    want_dhead[size_t(v * C + j)] += d * in[size_t(r * C + j)];
                }
            }
            CHECK_CLOSE(lse[size_t(r)], all, 1e-4);
            CHECK_CLOSE(logp[size_t(r)], row[size_t(targets[size_t(r)])] - all, 1e-4);
            CHECK_CLOSE(entropy[size_t(r)], h, 1e-4);
            CHECK(argmax[size_t(r)] == int(std::max_element(row.begin(), row.end()) - row.begin()));
            for (int j = 0; j < C; j++) CHECK_CLOSE(dx[size_t(r * C + j)], want_dx[size_t(j)], tolerance(dtype, 8));
        }
        for (size_t i = 0; i < want_dhead.size(); i++) CHECK_CLOSE(dhead[i], want_dhead[i], 1e-4 + (dtype == DType::bf16 ? 3 * 3 * 0x1p-9 : 0));
    });
}

// trl#3168, LlamaFactory#10175
TEST(logprob_scratch_keeps_its_bounds) {
    on_threads({1}, [](const apo::OpTable& ops, apo::Device&, DType dtype) {
        // The design's bounds at 8,192 tokens and 151,936 words: 64 MiB forward, 256 MiB backward.
        CHECK(ops.logprob_scratch(8192, 896, 151936, dtype, false) <= (size_t(64) << 20));
        CHECK(ops.logprob_scratch(8192, 896, 151936, dtype, true) <= (size_t(256) << 20));
    });
}

TEST(an_f32_number_in_two_halves_comes_back_whole) {
    auto halves = [](uint32_t bits) {
        const float x = apo::float_of_bits(bits);
        const apo::SplitF32 split = apo::split_f32(x);
        const float upper = apo::join_f32(split.upper, 0), back = apo::join_f32(split.upper, split.remainder);
        if (x != x) return upper != upper && back != back;
        const bool nearest = std::isinf(upper) || std::fabs(double(upper) - x) <= std::fabs(double(rounded(x, DType::bf16)) - x);
        return apo::bits_of(back) == bits && nearest;
    };
    int wrong = 0;
    for (uint32_t bits : {0u, 0x80000000u, 1u, 0x7f7fffffu, 0xff7fffffu, 0x7f800000u, 0xff800000u, 0x7f800001u, 0xffffffffu, 0x3f808000u, 0x3f818000u}) wrong += !halves(bits);
    for (uint64_t i = 0; i < (uint64_t(1) << 32); i += 40503) wrong += !halves(uint32_t(i));
    CHECK(wrong == 0);
}

TEST(adamw_and_squared_norm) {
    const auto check = [](const apo::OpTable& ops, apo::Device& device, DType dtype, size_t n) {
        Numbers numbers(14);
        Array g = numbers.array(DType::f32, n), m = numbers.array(DType::f32, n), v = numbers.array(DType::f32, n);
        Array weight(dtype, n);
        std::vector<uint16_t> rest(n);
        const std::vector<double> w0 = values(numbers.array(DType::f32, n));
        for (size_t i = 0; i < n; i++) {
            v.set(i, float(std::fabs(v[i])));
            const apo::SplitF32 split = apo::split_f32(float(w0[i]));
            weight.set(i, dtype == DType::f32 ? float(w0[i]) : apo::join_f32(split.upper, 0));
            rest[i] = split.remainder;
        }
        Plain<uint16_t> remainder(rest);
        const std::vector<double> g0 = values(g), m0 = values(m), v0 = values(v);
        double squares = 0;
        for (double x : g0) squares += x * x;
        CHECK_CLOSE(ops.squared_norm(device, g.floats(), int64_t(n)), squares, 1e-7 * squares);
        ops.adamw_step(device, {int64_t(n), dtype, g.floats(), 0.5f, weight.data(), dtype == DType::f32 ? nullptr : remainder.data(), m.floats(), v.floats(),
                                0.01, 0.9, 0.95, 1e-8, 0.1, 3});
        for (size_t i = 0; i < n; i += 7) {
            const double grad = 0.5 * g0[i], m1 = 0.9 * m0[i] + 0.1 * grad, v1 = 0.95 * v0[i] + 0.05 * grad * grad;
            const double w = w0[i] * (1 - 0.001) - 0.01 * (m1 / (1 - std::pow(0.9, 3))) / (std::sqrt(v1 / (1 - std::pow(0.95, 3))) + 1e-8);
            CHECK(g[i] == 0);
            CHECK_CLOSE(m[i], m1, 1e-6);
            CHECK_CLOSE(v[i], v1, 1e-6);
            const float upper = float(weight[i]);
            const float master = dtype == DType::f32 ? upper : apo::join_f32(uint16_t(apo::bits_of(upper) >> 16), remainder[i]);
            CHECK_CLOSE(master, w, 1e-5 * (1 + std::fabs(w)));
            // The weight is the master to the nearest bf16.
            if (dtype == DType::bf16) CHECK(std::fabs(upper - master) <= std::fabs(rounded(master, DType::bf16) - master));
        }
    };
    on_all([&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        check(ops, device, dtype, 40000);
        check(ops, device, dtype, 997);  // of no whole vectors
    });
}
