// The log-prob head, the fused loss, the optimizer.
#include <algorithm>

#include "bench.h"

namespace op_bench {

namespace {

void add_logprob(Cases& cases, const Target& t, const Sizes& s, DType dtype) {
    const int64_t R = s.tokens, C = s.hidden, V = s.vocab, b = int64_t(bytes_of(dtype));
    const double product = 2.0 * double(R) * double(C) * double(V);
    const std::string shape = shape_text({{"R", R}, {"C", C}, {"V", V}});
    const bool present = t.ops.logprob_forward != nullptr && t.ops.logprob_scratch != nullptr;
    cases.push_back({"logprob_forward", shape, dtype, 0, product, present, [=] {
        const size_t bytes = t.ops.logprob_scratch(R, C, V, dtype, false);
        Memory x = normal(t, dtype, R * C), head = normal(t, dtype, V * C, 0.02f), targets = upload(t, counting(R, V, 97));
        Memory logp = zeros(t, R * 4), lse = zeros(t, R * 4), scratch = zeros(t, int64_t(bytes));
        return [=] {
            t.ops.logprob_forward(t.device, {R, C, V, dtype, x.get(), head.get(), ints(targets), floats(logp), floats(lse), nullptr, nullptr, scratch.get(), bytes});
        };
    }});
    // Logits again, dx, dhead.
    cases.push_back({"logprob_backward", shape, dtype, 0, 3 * product, present && t.ops.logprob_backward != nullptr, [=] {
        const size_t bytes = t.ops.logprob_scratch(R, C, V, dtype, true);
        Memory x = normal(t, dtype, R * C), head = normal(t, dtype, V * C, 0.02f), targets = upload(t, counting(R, V, 97));
        Memory logp = zeros(t, R * 4), lse = zeros(t, R * 4), coef = normal(t, DType::f32, R), dx = zeros(t, R * C * b), dhead = zeros(t, V * C * 4);
        Memory scratch = zeros(t, int64_t(bytes));
        t.ops.logprob_forward(t.device, {R, C, V, dtype, x.get(), head.get(), ints(targets), floats(logp), floats(lse), nullptr, nullptr, scratch.get(), bytes});
        return [=] {
            t.ops.logprob_backward(t.device, {R, C, V, dtype, x.get(), head.get(), ints(targets), floats(lse), floats(coef), dx.get(), floats(dhead), scratch.get(), bytes});
        };
    }});
}

// Pairs of answers of 64 tokens. The sums are read back, as in a training step.
void add_loss(Cases& cases, const Target& t, const Sizes& s, DType dtype) {
    const int64_t length = 64, answers = std::max<int64_t>(2, s.tokens / length / 2 * 2), rows = answers / 2;
    cases.push_back({"preference_loss", shape_text({{"N", answers}, {"T", answers * length}}), dtype, double(answers * length * 8), 0,
                     t.ops.preference_loss != nullptr, [=] {
        struct Arguments {
            std::vector<int32_t> chosen, rejected, counts;
            std::vector<double> references, sums, parameters;
        };
        auto a = std::make_shared<Arguments>();
        a->chosen = counting(rows, answers, 2), a->rejected = a->chosen;
        for (int32_t& i : a->rejected) i++;
        a->counts.assign(size_t(answers), int32_t(length));
        a->references.assign(size_t(answers), -60), a->sums.resize(size_t(answers)), a->parameters.assign(301, 0.1);
        Memory begin = upload(t, counting(answers + 1, int64_t(1) << 31, length)), logp = normal(t, DType::f32, answers * length);
        Memory coef = zeros(t, answers * length * 4), sums = zeros(t, answers * 8), dsums = zeros(t, answers * 8);
        return [=] {
            const apo_pairs pairs{int32_t(rows), int32_t(answers), a->chosen.data(), a->rejected.data(), nullptr, nullptr, a->references.data(), a->counts.data(), nullptr, nullptr, nullptr};
            const apo_objective objective{APO_DPO, 0, 0.1, 0, 0, 0, 0, 1, 1, 0, 0};
            const apo_meta meta{APO_WEIGHT_LEARNED, 100, 1, 2, a->parameters.data(), nullptr, 1, 1};
            apo_pair_results results{};
            results.dsums = reinterpret_cast<double*>(dsums.get());
            t.ops.preference_loss(t.device, {answers, ints(begin), floats(logp), &pairs, &objective, &meta, 1, reinterpret_cast<double*>(sums.get()), results, floats(coef)});
            t.ops.copy_to_host(t.device, a->sums.data(), sums.get(), size_t(answers) * sizeof(double));
        };
    }});
}

void add_optimizer(Cases& cases, const Target& t, const Sizes& s, DType dtype) {
    const int64_t n = 2 * s.ffn * s.hidden;  // the largest tensor of a layer
    const std::string shape = shape_text({{"n", n}});
    const int64_t bytes = n * 32;  // gradient, weight (of bf16 with its remainder) and moments read and written
    cases.push_back({"adamw_step", shape, dtype, double(bytes), 0, t.ops.adamw_step != nullptr, [=] {
        Memory gradient = normal(t, DType::f32, n), weight = normal(t, dtype, n), m = zeros(t, n * 4), v = zeros(t, n * 4);
        Memory remainder = dtype == DType::f32 ? Memory() : zeros(t, n * 2);
        return [=] {
            t.ops.adamw_step(t.device, {n, dtype, floats(gradient), 1, weight.get(), reinterpret_cast<uint16_t*>(remainder.get()), floats(m), floats(v), 1e-6, 0.9, 0.95, 1e-8, 0.01, 1});
        };
    }});
    // Gradient read and zeroed, weight and two codes read and written; two scales for 256 elements.
    cases.push_back({"adamw8_step", shape, dtype, double(n) * (12 + 2 * double(bytes_of(dtype)) + 16.0 / 256), 0, t.ops.adamw8_step != nullptr, [=] {
        const int64_t blocks = (n + 255) / 256;
        Memory gradient = normal(t, DType::f32, n), weight = normal(t, dtype, n), m = zeros(t, n), v = zeros(t, n), ms = zeros(t, blocks * 4), vs = zeros(t, blocks * 4);
        return [=] {
            t.ops.adamw8_step(t.device, {n, dtype, floats(gradient), 1, weight.get(), reinterpret_cast<uint8_t*>(m.get()), floats(ms), reinterpret_cast<uint8_t*>(v.get()), floats(vs), 1e-6, 0.9, 0.95, 1e-8, 0.01, 1, 7, 0});
        };
    }});
    cases.push_back({"squared_norm", shape, DType::f32, double(n * 4), 0, t.ops.squared_norm != nullptr, [=] {
        Memory x = normal(t, DType::f32, n);
        return [=] { t.ops.squared_norm(t.device, floats(x), n); };
    }});
}

}  // namespace

void add_head_cases(Cases& cases, const Target& target, const Sizes& sizes, DType dtype) {
    add_logprob(cases, target, sizes, dtype);
    add_loss(cases, target, sizes, dtype);
    add_optimizer(cases, target, sizes, dtype);
}

}  // namespace op_bench
