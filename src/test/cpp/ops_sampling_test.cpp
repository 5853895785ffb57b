// Sampling: the distribution, and the same tokens on all backends.
#include <algorithm>
#include <limits>

#include "op_case.h"
#include "philox.h"
#include "sampling.h"

using namespace apo_test;

namespace {

std::vector<int32_t> draw(const apo::OpTable& ops, apo::Device& device, Array& logits, int rows, int vocab, bool greedy, double temperature,
                          int top_k, double top_p, uint64_t seed, std::vector<float>* logps = nullptr) {
    std::vector<apo::Draw> all;
    for (int r = 0; r < rows; r++) all.push_back({greedy, top_k, temperature, top_p, seed, 3, 0, r});
    Plain<apo::Draw> draws(all);
    Ints ids(static_cast<size_t>(rows));
    Plain<float> logp(static_cast<size_t>(rows));
    const bool some = !greedy && ((top_k > 0 && top_k < vocab) || top_p < 1);
    ops.sample(device, {rows, vocab, logits.floats(), draws.data(), some, nullptr, nullptr, nullptr, ids.data(), logp.data()});
    if (logps != nullptr) *logps = logp.values();
    return ids.values();
}

}  // namespace

TEST(sampling_draws_the_distribution_and_depends_on_its_key_alone) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        if (dtype != DType::f32) return;
        // The emulation is slow, and below its draws are shown to be the CPU's.
        const int rows = &ops == cuda_backend().ops ? 2000 : 20000, V = 5;
        const double p[V] = {0.4, 0.3, 0.15, 0.1, 0.05};
        Array logits(DType::f32, size_t(rows * V));
        for (size_t i = 0; i < logits.size(); i++) logits.set(i, float(std::log(p[i % V])));
        std::vector<float> logps;
        const std::vector<int32_t> ids = draw(ops, device, logits, rows, V, false, 1, 0, 1, 42, &logps);
        CHECK(ids == draw(ops, device, logits, rows, V, false, 1, 0, 1, 42));
        CHECK(ids != draw(ops, device, logits, rows, V, false, 1, 0, 1, 43));
        auto share = [&](const std::vector<int32_t>& drawn, int id) { return double(std::count(drawn.begin(), drawn.end(), id)) / rows; };
        // Five standard deviations of a share: at most 0.018 at 20,000 draws.
        const double near = 5 * 0.5 / std::sqrt(double(rows));
        for (int v = 0; v < V; v++) CHECK_CLOSE(share(ids, v), p[v], near);
        for (int r = 0; r < 100; r++) CHECK_CLOSE(logps[size_t(r)], std::log(p[ids[size_t(r)]]), 1e-5);
        const std::vector<int32_t> two = draw(ops, device, logits, rows, V, false, 1, 2, 1, 42);
        CHECK_CLOSE(share(two, 0), 0.4 / 0.7, near);
        CHECK(share(two, 2) == 0);
        const std::vector<int32_t> nucleus = draw(ops, device, logits, rows, V, false, 1, 0, 0.65, 42);
        CHECK_CLOSE(share(nucleus, 1), 0.3 / 0.7, near);
        CHECK(share(nucleus, 2) == 0);
        const std::vector<int32_t> cold = draw(ops, device, logits, rows, V, false, 0.5, 0, 1, 42);
        CHECK_CLOSE(share(cold, 0), 0.16 / (0.16 + 0.09 + 0.0225 + 0.01 + 0.0025), near);
        CHECK(share(draw(ops, device, logits, rows, V, false, 1, 0, 1e-6, 42), 0) == 1);
    });
}

TEST(greedy_takes_the_lowest_of_equals) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType) {
        Array logits(DType::f32, 8);
        for (size_t i = 0; i < 8; i++) logits.set(i, i % 4 == 1 || i % 4 == 3 ? 2.0f : 1.0f);
        CHECK((draw(ops, device, logits, 2, 4, true, 1, 0, 1, 0) == std::vector<int32_t>{1, 1}));
    });
}

namespace {

// What sampling.h and the op's comment say, token by token in sorted order, with sums that start anew for each question.
int32_t reference_draw(const std::vector<float>& row, double temperature, int top_k, double top_p, double u) {
    const int V = int(row.size());
    std::vector<int32_t> order(row.size());
    for (int v = 0; v < V; v++) order[size_t(v)] = v;
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return row[size_t(a)] > row[size_t(b)]; });
    const int32_t best = order[0];
    const float top = row[size_t(best)], inverse = float(1 / temperature);
    auto weight = [&](int32_t id) { return apo::sampling_weight(row[size_t(id)], top, inverse); };
    const bool some = (top_k > 0 && top_k < V) || top_p < 1;
    if (!some) std::sort(order.begin(), order.end());
    if (top_k > 0 && top_k < V) order.resize(size_t(top_k));
    auto total = [&] {
        uint64_t sum = 0;
        for (int32_t id : order) sum += weight(id);
        return sum;
    };
    if (total() == 0) return best;
    if (top_p < 1) {
        const uint64_t needed = apo::sampling_mass(top_p, total());
        uint64_t mass = 0;
        size_t kept = 0;
        while (mass < needed) mass += weight(order[kept++]);
        order.resize(kept);
    }
    const uint64_t target = apo::sampling_target(u, total());
    uint64_t passed = 0;
    for (int32_t id : order) {
        passed += weight(id);
        if (passed > target) return id;
    }
    return -1;
}

struct Shape {
    const char* name;
    int rows, vocab;
    std::function<float(std::mt19937&, int v)> logit;
};

float normal(std::mt19937& random, float scale) { return std::normal_distribution<float>(0, scale)(random); }

}  // namespace

// A bin of many tokens, many equal tokens, masked tokens, odd sizes, one row, one token.
TEST(all_backends_draw_the_same_tokens_from_equal_logits) {
    const float none = -std::numeric_limits<float>::infinity();
    const std::vector<Shape> shapes{
        {"normal", 6, 1000, [](std::mt19937& r, int) { return normal(r, 2); }},
        {"odd", 5, 777, [](std::mt19937& r, int) { return normal(r, 4); }},
        {"ties", 5, 600, [](std::mt19937& r, int) { return float(int(r() % 5)); }},
        {"all equal", 2, 5000, [](std::mt19937&, int) { return 1.5f; }},
        {"one bin", 2, 6003, [](std::mt19937& r, int) { return 3 + normal(r, 1e-4f); }},
        {"near and equal", 2, 5001, [](std::mt19937& r, int v) { return v % 2 == 0 ? 1.0f : 1.0f - float(r() % 3) * 1e-3f; }},
        {"masked", 3, 900, [none](std::mt19937& r, int v) { return v % 50 == 7 ? normal(r, 3) : none; }},
        {"one left", 2, 300, [none](std::mt19937&, int v) { return v == 123 ? -4.0f : none; }},
        {"far", 2, 500, [](std::mt19937& r, int v) { return v == 99 ? 500.0f : normal(r, 30); }},
        {"zeros of both signs", 2, 64, [](std::mt19937&, int v) { return v % 2 == 0 ? -0.0f : 0.0f; }},
        {"one token", 1, 1, [](std::mt19937&, int) { return 2.0f; }},
        {"large, one row", 1, 20011, [](std::mt19937& r, int) { return normal(r, 1.5f); }},
    };
    struct Setting { double temperature; int top_k; double top_p; };
    const std::vector<Setting> settings{{1, 0, 1}, {1, 50, 1}, {1, 0, 0.9}, {0.7, 40, 0.95}, {1, 0, 1 - 1e-12}, {1, 3, 1e-9}, {1e-6, 0, 1},
                                        {1e-6, 0, 0.9}, {1000, 0, 1}, {1000, 100, 0.5}, {30, 0, 0.999}, {1, 1, 1}, {1, 1 << 30, 0.5}};
    on_threads({2}, [&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        if (dtype != DType::f32) return;
        for (const Shape& shape : shapes) {
            std::mt19937 random(5);
            Array logits(DType::f32, size_t(shape.rows * shape.vocab));
            std::vector<std::vector<float>> rows;
            for (int r = 0; r < shape.rows; r++) {
                rows.emplace_back();
                for (int v = 0; v < shape.vocab; v++) {
                    rows.back().push_back(shape.logit(random, v));
                    logits.set(size_t(r * shape.vocab + v), rows.back().back());
                }
            }
            for (const Setting& s : settings) {
                const std::vector<int32_t> ids = draw(ops, device, logits, shape.rows, shape.vocab, false, s.temperature, s.top_k, s.top_p, 11);
                for (int r = 0; r < shape.rows; r++) {
                    const apo::Philox4 words = apo::random_words(11, apo::Stream::sample, 3, 0, uint32_t(r));
                    const int32_t want = reference_draw(rows[size_t(r)], s.temperature, s.top_k, s.top_p, apo::uniform(words.word[0], words.word[1]));
                    if (ids[size_t(r)] == want) continue;
                    not_so(__FILE__, __LINE__, std::string(shape.name) + ", temperature " + std::to_string(s.temperature) + ", top_k " +
                           std::to_string(s.top_k) + ", top_p " + std::to_string(s.top_p) + ": id " + std::to_string(ids[size_t(r)]) + ", expected " + std::to_string(want));
                }
            }
        }
    });
}

TEST(a_row_without_a_number_draws_its_first_token_and_harms_no_other) {
    on_threads({2}, [](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        if (dtype != DType::f32) return;
        const float infinity = std::numeric_limits<float>::infinity();
        const int V = 40;
        Array logits(DType::f32, 4 * V);
        for (int v = 0; v < V; v++) {
            logits.set(size_t(v), NAN);
            logits.set(size_t(V + v), -infinity);
            logits.set(size_t(2 * V + v), v == 5 ? infinity : 1.0f);
            logits.set(size_t(3 * V + v), v == 6 ? 9.0f : -9.0f);
        }
        for (int top_k : {0, 4}) {
            std::vector<float> logps;
            CHECK((draw(ops, device, logits, 4, V, false, 1, top_k, 1, 3, &logps) == std::vector<int32_t>{0, 0, 5, 6}));
            CHECK(std::isnan(logps[0]) && std::isnan(logps[1]) && std::isnan(logps[2]));
            CHECK_CLOSE(logps[3], 0, 1e-6);
        }
    });
}

TEST(sampling_weights_are_exponentials) {
    CHECK(apo::sampling_weight(3, 3, 1) == uint64_t(1) << 40);
    for (int i = 0; i < 2800; i++) {
        const double d = 0.01 * i;
        const double want = std::exp(double(float(5 - d) - 5.0f)) * 0x1p40;
        CHECK_CLOSE(apo::sampling_weight(float(5 - d), 5, 1), want, 1 + 3e-7 * want);
    }
    uint64_t last = 0;
    for (int i = 2800 * 64; i >= 0; i--) {
        const uint64_t weight = apo::sampling_weight(-float(i) / 6400, 0, 1);
        CHECK(weight >= last);
        last = weight;
    }
}

TEST(a_bias_is_of_its_row_and_of_the_draw_alone) {
    on_threads({2}, [](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        if (dtype != DType::f32) return;
        const int rows = 6, V = 513;
        Numbers numbers(3);
        Array logits = numbers.array(DType::f32, size_t(rows * V), 2);
        const std::vector<double> before = values(logits);
        std::vector<apo::Draw> all;
        for (int r = 0; r < rows; r++) all.push_back({r % 2, r == 2 ? 5 : 0, 1, r == 4 ? 0.7 : 1, 11, uint64_t(r), 2, r});
        // Rows 1 to 3 have a bias: one token far above, one forbidden, and two that change little.
        const std::vector<int32_t> begin{0, 0, 1, 2, 4, 4, 4}, ids{300, 7, 0, 512};
        const std::vector<float> bias{90, -1000, 0.5f, -0.25f};
        Plain<apo::Draw> draws(all);
        Ints begins(begin), bias_ids(ids), drawn(rows), plain(rows);
        Plain<float> values_of(bias), logps(rows), plain_logps(rows);
        ops.sample(device, {rows, V, logits.floats(), draws.data(), true, begins.data(), bias_ids.data(), values_of.data(), drawn.data(), logps.data()});
        CHECK(values(logits) == before);
        ops.sample(device, {rows, V, logits.floats(), draws.data(), true, nullptr, nullptr, nullptr, plain.data(), plain_logps.data()});
        for (int r = 0; r < rows; r++) {
            std::vector<float> row;
            for (int v = 0; v < V; v++) row.push_back(float(before[size_t(r * V + v)]));
            double sum = 0;
            for (float x : row) sum += std::exp(double(x));
            CHECK_CLOSE(logps[size_t(r)], double(row[size_t(drawn[size_t(r)])]) - std::log(sum), 1e-5);
            if (begin[size_t(r)] == begin[size_t(r + 1)]) CHECK(drawn[size_t(r)] == plain[size_t(r)] && logps[size_t(r)] == plain_logps[size_t(r)]);
            for (int i = begin[size_t(r)]; i < begin[size_t(r + 1)]; i++) row[size_t(ids[size_t(i)])] += bias[size_t(i)];
            const apo::Draw& d = all[size_t(r)];
            const apo::Philox4 words = apo::random_words(11, apo::Stream::sample, d.key, 2, uint32_t(r));
            const int32_t want = d.greedy ? int32_t(std::max_element(row.begin(), row.end()) - row.begin())
                                          : reference_draw(row, 1, d.top_k, d.top_p, apo::uniform(words.word[0], words.word[1]));
            CHECK(drawn[size_t(r)] == want);
        }
        CHECK(drawn[1] == 300);
    });
}

TEST(the_most_probable_tokens_stand_in_order_with_the_log_probs_of_sampling) {
    on_threads({2}, [](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        if (dtype != DType::f32) return;
        for (int V : {1, 20, 777, 4096}) {
            const int rows = 4, count = std::min(V, 20);
            std::mt19937 random(5);
            Array logits(DType::f32, size_t(rows * V));
            std::normal_distribution<float> normal(0, 3);
            for (int i = 0; i < rows * V; i++) logits.set(size_t(i), i / V == 1 ? float(int(random() % 3)) : normal(random));
            std::vector<int32_t> target;
            for (int r = 0; r < rows; r++) target.push_back(int32_t(random() % uint32_t(V)));
            Ints ids(size_t(rows * count)), targets(target);
            Plain<float> logps(size_t(rows * count)), target_logps(rows);
            ops.top_logprobs(device, {rows, V, logits.floats(), count, ids.data(), logps.data(), targets.data(), target_logps.data()});
            std::vector<float> drawn_logps;
            const std::vector<int32_t> drawn = draw(ops, device, logits, rows, V, true, 1, 0, 1, 1, &drawn_logps);
            for (int r = 0; r < rows; r++) {
                std::vector<int32_t> order;
                double sum = 0;
                for (int v = 0; v < V; v++) order.push_back(v), sum += std::exp(logits[size_t(r * V + v)]);
                std::stable_sort(order.begin(), order.end(), [&](int x, int y) { return logits[size_t(r * V + x)] > logits[size_t(r * V + y)]; });
                for (int i = 0; i < count; i++) {
                    CHECK(ids[size_t(r * count + i)] == order[size_t(i)]);
                    CHECK_CLOSE(logps[size_t(r * count + i)], logits[size_t(r * V + order[size_t(i)])] - std::log(sum), 1e-5);
                    if (order[size_t(i)] == target[size_t(r)]) CHECK(logps[size_t(r * count + i)] == target_logps[size_t(r)]);
                }
                CHECK_CLOSE(target_logps[size_t(r)], logits[size_t(r * V + target[size_t(r)])] - std::log(sum), 1e-5);
                CHECK(drawn[size_t(r)] == order[0] && drawn_logps[size_t(r)] == logps[size_t(r * count)]);
            }
            // The targets alone.
            Plain<float> again(rows);
            ops.top_logprobs(device, {rows, V, logits.floats(), 0, ids.data(), logps.data(), targets.data(), again.data()});
            CHECK(again.values() == target_logps.values());
        }
    });
}
