// The log-prob head, AdamW in f32, norms, and the preference loss.
#include <algorithm>

#include "meta_learner.h"
#include "op_case.h"
#include "preference_loss.h"

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
    }, &apo::OpTable::logprob_forward, &apo::OpTable::logprob_backward);
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
    }, &apo::OpTable::logprob_forward, &apo::OpTable::logprob_backward);
}

// trl#3168, LlamaFactory#10175
TEST(logprob_scratch_keeps_its_bounds) {
    on_threads({1}, [](const apo::OpTable& ops, apo::Device&, DType dtype) {
        // The design's bounds at 8,192 tokens and 151,936 words: 64 MiB forward, 256 MiB backward.
        CHECK(ops.logprob_scratch(8192, 896, 151936, dtype, false) <= (size_t(64) << 20));
        CHECK(ops.logprob_scratch(8192, 896, 151936, dtype, true) <= (size_t(256) << 20));
    }, &apo::OpTable::logprob_scratch);
}

TEST(adamw_and_squared_norm) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        const int n = 40000;
        Numbers numbers(14);
        Array g = numbers.array(DType::f32, n), m = numbers.array(DType::f32, n), v = numbers.array(DType::f32, n), master = numbers.array(DType::f32, n);
        Array weight(dtype, n);
        for (size_t i = 0; i < n; i++) v.set(i, float(std::fabs(v[i])));
        const std::vector<double> g0 = values(g), m0 = values(m), v0 = values(v), w0 = values(master);
        double squares = 0;
        for (double x : g0) squares += x * x;
        CHECK_CLOSE(ops.squared_norm(device, g.floats(), n), squares, 1e-7 * squares);
        void* weights = dtype == DType::f32 ? master.data() : weight.data();
        ops.adamw_step(device, {n, dtype, g.floats(), 0.5f, master.floats(), m.floats(), v.floats(), weights, 0.01, 0.9, 0.95, 1e-8, 0.1, 3});
        for (size_t i = 0; i < n; i += 7) {
            const double grad = 0.5 * g0[i], m1 = 0.9 * m0[i] + 0.1 * grad, v1 = 0.95 * v0[i] + 0.05 * grad * grad;
            const double w = w0[i] * (1 - 0.001) - 0.01 * (m1 / (1 - std::pow(0.9, 3))) / (std::sqrt(v1 / (1 - std::pow(0.95, 3))) + 1e-8);
            CHECK(g[i] == 0);
            CHECK_CLOSE(m[i], m1, 1e-6);
            CHECK_CLOSE(v[i], v1, 1e-6);
            CHECK_CLOSE(master[i], w, 1e-5 * (1 + std::fabs(w)));
            if (dtype == DType::bf16) CHECK(weight[i] == rounded(float(master[i]), DType::bf16));
        }
    }, &apo::OpTable::adamw_step, &apo::OpTable::squared_norm);
}

TEST(gradients_of_all_objectives_and_of_the_meta_learner) {
    for (int kind = APO_DPO; kind <= APO_SIMPO; kind++) {
        const apo_objective objective{kind, 0, 0.7, 0.3, 0.1};
        std::vector<double> sums{-12.3, -11.1};
        auto pair = [&] { return apo::Pair{sums[0], sums[1], -12.0, -11.5, 6, 9}; };
        const apo::LossGradient g = apo::objective_loss(objective, pair());
        auto loss = [&] { return apo::objective_loss(objective, pair()).loss; };
        CHECK_CLOSE(g.d_chosen, slope(sums, 0, loss), 1e-6);
        CHECK_CLOSE(g.d_rejected, slope(sums, 1, loss), 1e-6);
    }
    std::vector<double> parameters{0.3, -0.2, 0.1, 0.5, 0.7, -0.4, 0.2}, gradient(7);
    const double x = -0.8, w = apo::meta_learner(parameters.data(), 2, x);
    apo::meta_learner_backward(parameters.data(), 2, x, w, 1.5, gradient.data());
    for (size_t i = 0; i < 7; i++) {
        CHECK_CLOSE(gradient[i], 1.5 * slope(parameters, i, [&] { return apo::meta_learner(parameters.data(), 2, x); }), 1e-8);
    }
}

// All backends against the pure function: an answer in two pairs, rows without an online pair, and an answer in no row.
TEST(preference_loss_of_a_batch) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        if (dtype != DType::f32) return;
        const int N = 9, B = 3;
        const std::vector<int32_t> begin{0, 1, 5, 45, 46, 50, 53, 60, 61, 70};
        Numbers numbers(17);
        Array logp = numbers.array(DType::f32, 70);
        const int32_t chosen[B] = {0, 2, 6}, rejected[B] = {1, 3, 1}, online_chosen[B] = {4, -1, 0}, online_rejected[B] = {5, -1, 7};
        std::vector<double> reference(N), parameters(3 * 5 + 1);
        for (size_t i = 0; i < reference.size(); i++) reference[i] = -0.3 * double(i);
        for (size_t i = 0; i < parameters.size(); i++) parameters[i] = 0.1 * double(i % 7) - 0.3;
        std::vector<int32_t> counts(N);
        for (size_t a = 0; a < counts.size(); a++) counts[a] = begin[a + 1] - begin[a];
        const apo_pairs pairs{B, N, chosen, rejected, online_chosen, online_rejected, reference.data(), counts.data()};
        const apo_meta meta{APO_WEIGHT_LEARNED, 5, parameters.data(), 0, 0.7};
        std::vector<double> want_sums(N);
        for (size_t a = 0; a < want_sums.size(); a++) {
            for (int32_t r = begin[a]; r < begin[a + 1]; r++) want_sums[a] += logp[size_t(r)];
        }
        Ints answer_begin(begin);
        for (int kind = APO_DPO; kind <= APO_SIMPO; kind++) {
            const apo_objective objective{kind, 0, 0.4, 0.2, 0.1};
            double want[8][B], want_dsums[N];
            apo::preference_rows(pairs, want_sums.data(), objective, meta, 0.25,
                                 {want[0], want[1], want[2], want[3], want[4], want[5], want[6], want[7], want_dsums});
            Plain<double> sums(N), dsums(N), by_row(8 * B);
            Plain<float> coef(70);
            double* rows = by_row.data();
            const apo_pair_results results{rows, rows + B, rows + 2 * B, rows + 3 * B, rows + 4 * B, rows + 5 * B, rows + 6 * B, rows + 7 * B, dsums.data()};
            ops.preference_loss(device, {N, answer_begin.data(), logp.floats(), &pairs, &objective, &meta, 0.25, sums.data(), results, coef.data()});
            for (size_t a = 0; a < N; a++) {
                CHECK_CLOSE(sums[a], want_sums[a], 1e-12);
                CHECK_CLOSE(dsums[a], want_dsums[a], 1e-12);
                for (int32_t r = begin[a]; r < begin[a + 1]; r++) CHECK(coef[size_t(r)] == float(dsums[a]));
            }
            CHECK(dsums[8] == 0);
            for (size_t i = 0; i < 8 * B; i++) {
                const double w = want[i / B][i % B];
                if (std::isnan(w)) {
                    CHECK(std::isnan(by_row[i]));
                } else {
                    CHECK_CLOSE(by_row[i], w, 1e-11);
                }
            }
        }
    }, &apo::OpTable::preference_loss);
}
