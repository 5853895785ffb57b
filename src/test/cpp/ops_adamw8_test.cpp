// AdamW with 8-bit moments: the codes' errors, the same bits on all backends, and a course close to the f32 form's.
#include <algorithm>

#include "adamw8.h"
#include "op_case.h"

using namespace apo_test;

TEST(codes_of_8_bits_keep_an_eighth_and_the_mean) {
    for (float scale : {1e-12f, 1e-3f, 7.0f}) {
        for (int exponent = 0; exponent > -40; exponent--) {
            for (float mantissa : {1.0f, 1.05f, 1.3f, 1.87f}) {
                const float x = std::ldexp(mantissa, exponent) * scale, s = apo::adamw8_scale(1.875f * scale), inverse = 1 / s;
                double sum1 = 0, sum2 = 0;
                for (uint32_t random = 0; random < 256; random++) {
                    const uint32_t word = random << 24 | random << 16;
                    const double m = apo::adamw8_moment1(apo::adamw8_code1(x, inverse, word), s);
                    const double v = apo::adamw8_moment2(apo::adamw8_code2(x, inverse, word), s);
                    // Neighbouring codes stand an eighth of their binade apart; the smallest are 2^-15 and 2^-31 (1 + 1/8).
                    CHECK_CLOSE(m, x, std::max(x * 0.125, s * 0x1.3p-15));
                    CHECK_CLOSE(v, x, std::max(x * 0.125, s * 0x1.3p-31));
                    CHECK(v > 0);
                    CHECK(m == -double(apo::adamw8_moment1(apo::adamw8_code1(-x, inverse, word), s)));
                    sum1 += m, sum2 += v;
                }
                // 256 equally likely roundings: the mean is x but for half a step of the random bits.
                CHECK_CLOSE(sum1 / 256, x, x * 0.125 / 256 + s * 0x1.3p-15 / 256);
                if (exponent > -31) CHECK_CLOSE(sum2 / 256, x, x * 0.125 / 256);
            }
        }
    }
    // What is on a code stays there, and the largest of a block always is.
    for (uint32_t code = 0; code < 256; code++) {
        for (uint32_t word : {0u, 0xffffffffu}) {
            const float s = 0.37f;
            if (code != 128) CHECK(apo::adamw8_code1(apo::adamw8_moment1(uint8_t(code), 1), 1, word) == code);
            CHECK(apo::adamw8_code2(apo::adamw8_moment2(uint8_t(code), 1), 1, word) == code);
            CHECK(apo::adamw8_code2(1.875f * s, 1 / apo::adamw8_scale(1.875f * s), word) >= 254);
        }
    }
    CHECK(apo::adamw8_scale(0) == 0);
    CHECK(apo::adamw8_moment2(apo::adamw8_code2(1e-44f, 1 / apo::adamw8_scale(1e-44f), 0), apo::adamw8_scale(1e-44f)) > 0);
    int up = 0;
    for (uint32_t word = 0; word < 65536; word++) up += apo::adamw8_bf16(1.0f + 0x1p-9f, word) == 0x3f81;  // a quarter of a step
    CHECK(up == 16384);
    CHECK(apo::adamw8_bf16(3.3895e38f, 0xffff) == 0x7f7f);  // never to infinity
}

namespace {

struct State {
    State(DType dtype, size_t n, Numbers& numbers)
        : gradient(DType::f32, n), weight(numbers.array(dtype, n)), codes1(std::vector<uint8_t>(n)), codes2(std::vector<uint8_t>(n)),
          scales1(std::vector<float>((n + 255) / 256)), scales2(std::vector<float>((n + 255) / 256)) {}
    Array gradient, weight;
    Plain<uint8_t> codes1, codes2;
    Plain<float> scales1, scales2;
};

apo::Adamw8Step step_of(State& s, DType dtype, int64_t n, int64_t step) {
    return {n, dtype, s.gradient.floats(), 0.8f, s.weight.data(), s.codes1.data(), s.scales1.data(), s.codes2.data(), s.scales2.data(),
            0.01, 0.9, 0.95, 1e-8, 0.1, step, 99, 0};
}

}  // namespace

TEST(adamw8_gives_the_same_bits_everywhere) {
    for (int64_t n : {1, 255, 1024, 2500}) {
        std::vector<std::vector<double>> first(2);
        on_all([&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
            Numbers numbers(31);
            State s(dtype, size_t(n), numbers);
            for (int64_t step = 1; step <= 3; step++) {
                for (size_t i = 0; i < size_t(n); i++) {
                    const float wide = std::ldexp(1.0f, -numbers.below(30));
                    s.gradient.set(i, i % 9 == 4 ? 0.0f : (numbers.below(2) == 0 ? wide : -wide) * float(numbers.below(1000)) * 1e-3f);
                }
                ops.adamw8_step(device, step_of(s, dtype, n, step));
            }
            std::vector<double> all = values(s.weight);
            for (size_t i = 0; i < size_t(n); i++) {
                CHECK(s.gradient[i] == 0);
                all.push_back(s.codes1[i]);
                all.push_back(s.codes2[i]);
            }
            for (size_t b = 0; b < s.scales1.size(); b++) all.push_back(s.scales1[b]), all.push_back(s.scales2[b]);
            std::vector<double>& expected = first[size_t(dtype)];
            if (expected.empty()) expected = all;
            CHECK(all == expected);
        });
    }
}

// One step against f64, then many: in a quadratic bowl 8 bits come as near the goal as f32 does.
TEST(adamw8_steps_as_adamw_and_arrives_where_it_does) {
    on_threads({2}, [](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        const int n = 512;
        Numbers numbers(32);
        State s(dtype, n, numbers);
        const std::vector<double> start = values(s.weight), goal = values(numbers.array(DType::f32, n));
        std::vector<double> curve(n), wide = start, m(n), v(n);
        for (double& c : curve) c = std::exp2(numbers.below(8) - 4.0);
        const int steps = &ops == cuda_backend().ops ? 40 : 400;
        double start_error = 0, error = 0, wide_error = 0;
        for (int64_t step = 1; step <= steps; step++) {
            const std::vector<double> before = values(s.weight);
            for (size_t i = 0; i < n; i++) s.gradient.set(i, float(curve[i] * (before[i] - goal[i])));
            const std::vector<double> g = values(s.gradient);
            apo::Adamw8Step op = step_of(s, dtype, n, step);
            op.weight_decay = step == 1 ? 0.1 : 0, op.learning_rate = 0.05 * (1 - double(step - 1) / steps);
            ops.adamw8_step(device, op);
            for (size_t i = 0; i < n; i++) {
                const double w = wide[i] * (1 - op.learning_rate * op.weight_decay), grad = 0.8 * curve[i] * (wide[i] - goal[i]);
                m[i] = 0.9 * m[i] + 0.1 * grad, v[i] = 0.95 * v[i] + 0.05 * grad * grad;
                wide[i] = w - op.learning_rate * m[i] / (1 - std::pow(0.9, step)) / (std::sqrt(v[i] / (1 - std::pow(0.95, step))) + 1e-8);
                // The first step has exact moments; a bf16 weight errs by its step.
                if (step == 1) CHECK_CLOSE(s.weight[i], wide[i], 1e-5 * (1 + std::fabs(w)) + (dtype == DType::bf16 ? 0x1p-7 * std::fabs(wide[i]) : 0));
            }
        }
        for (size_t i = 0; i < n; i++) {
            start_error += std::fabs(start[i] - goal[i]) / n;
            error += std::fabs(s.weight[i] - goal[i]) / n;
            wide_error += std::fabs(wide[i] - goal[i]) / n;
        }
        CHECK(wide_error < (steps == 40 ? 0.5 : 0.01) * start_error);
        // bf16 weights of size 1 stand 2^-7 apart, and stochastic rounding leaves them half of that away on average.
        CHECK_CLOSE(error, wide_error, 0.01 * start_error + (dtype == DType::bf16 ? 0x1p-7 : 0));
    });
}
