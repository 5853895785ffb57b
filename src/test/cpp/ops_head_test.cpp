// The log-prob head, sampling, AdamW, norms, and the preference loss.
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
            CHECK_CLOSE(dhead[at], 0.5 + want, 1e-4);
        }
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

namespace {

std::vector<int32_t> draw(const apo::OpTable& ops, apo::Device& device, Array& logits, int rows, int vocab, bool greedy, double temperature,
                          int top_k, double top_p, uint64_t seed, std::vector<float>* logps = nullptr) {
    std::vector<int32_t> position(static_cast<size_t>(rows));
    for (int r = 0; r < rows; r++) position[size_t(r)] = r;
    Plain<uint64_t> keys(std::vector<uint64_t>(size_t(rows), 3));
    Ints answers(std::vector<int32_t>(size_t(rows), 0)), positions(position), ids(static_cast<size_t>(rows));
    Plain<float> logp(static_cast<size_t>(rows));
    ops.sample(device, {rows, vocab, logits.floats(), greedy, temperature, top_k, top_p, seed, keys.data(), answers.data(), positions.data(), ids.data(), logp.data()});
    if (logps != nullptr) *logps = logp.values();
    return ids.values();
}

}  // namespace

TEST(sampling_draws_the_distribution_and_depends_on_its_key_alone) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        if (dtype != DType::f32) return;
        const int rows = 20000, V = 5;
        const double p[V] = {0.4, 0.3, 0.15, 0.1, 0.05};
        Array logits(DType::f32, size_t(rows * V));
        for (size_t i = 0; i < logits.size(); i++) logits.set(i, float(std::log(p[i % V])));
        std::vector<float> logps;
        const std::vector<int32_t> ids = draw(ops, device, logits, rows, V, false, 1, 0, 1, 42, &logps);
        CHECK(ids == draw(ops, device, logits, rows, V, false, 1, 0, 1, 42));
        CHECK(ids != draw(ops, device, logits, rows, V, false, 1, 0, 1, 43));
        auto share = [&](const std::vector<int32_t>& drawn, int id) { return double(std::count(drawn.begin(), drawn.end(), id)) / rows; };
        // Five standard deviations of a share at 20,000 draws are at most 0.018.
        for (int v = 0; v < V; v++) CHECK_CLOSE(share(ids, v), p[v], 0.018);
        for (int r = 0; r < 100; r++) CHECK_CLOSE(logps[size_t(r)], std::log(p[ids[size_t(r)]]), 1e-5);
        const std::vector<int32_t> two = draw(ops, device, logits, rows, V, false, 1, 2, 1, 42);
        CHECK_CLOSE(share(two, 0), 0.4 / 0.7, 0.018);
        CHECK(share(two, 2) == 0);
        const std::vector<int32_t> nucleus = draw(ops, device, logits, rows, V, false, 1, 0, 0.65, 42);
        CHECK_CLOSE(share(nucleus, 1), 0.3 / 0.7, 0.018);
        CHECK(share(nucleus, 2) == 0);
        const std::vector<int32_t> cold = draw(ops, device, logits, rows, V, false, 0.5, 0, 1, 42);
        CHECK_CLOSE(share(cold, 0), 0.16 / (0.16 + 0.09 + 0.0225 + 0.01 + 0.0025), 0.018);
        CHECK(share(draw(ops, device, logits, rows, V, false, 1, 0, 1e-6, 42), 0) == 1);
    }, &apo::OpTable::sample);
}

TEST(greedy_takes_the_lowest_of_equals) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType) {
        Array logits(DType::f32, 8);
        for (size_t i = 0; i < 8; i++) logits.set(i, i % 4 == 1 || i % 4 == 3 ? 2.0f : 1.0f);
        CHECK((draw(ops, device, logits, 2, 4, true, 1, 0, 1, 0) == std::vector<int32_t>{1, 1}));
    }, &apo::OpTable::sample);
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
