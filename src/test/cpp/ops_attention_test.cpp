#include <map>
#include <utility>

#include "decode_step.h"
#include "formulas.h"
#include "op_case.h"

using namespace apo_test;
using apo::Segment;

namespace {

// Two packs: a prompt with two answers, longer than a block of keys, and a short prompt with one answer.
AttentionCase packed(int H, int G, int D, int window) {
    return {H, G, D, window, {{0, 270, 0, 0, 0}, {270, 280, 0, 270, 270}, {280, 411, 0, 270, 270}, {411, 414, 0, 0, 0}, {414, 415, 411, 414, 3}}};
}

// The naive gradients by type and place: the same for all backends, and dear to compute.
using Slopes = std::map<std::pair<DType, size_t>, double>;

void check_forward_and_backward(const apo::OpTable& ops, apo::Device& device, DType dtype, const AttentionCase& c, Slopes& slopes) {
    const int T = c.tokens(), W = c.width(), O = c.H * c.D;
    Numbers numbers(11);
    Array qkv = numbers.array(dtype, size_t(T * W)), out(dtype, size_t(T * O)), lse(DType::f32, size_t(T * c.H));
    ops.attention_forward(device, {T, c.H, c.G, c.D, dtype, c.window, c.segments.data(), int64_t(c.segments.size()), qkv.data(), out.data(), lse.floats()});
    std::vector<double> x = values(qkv);
    const AttentionResults expected = naive_attention(c, x, {});
    for (size_t i = 0; i < expected.out.size(); i++) CHECK_CLOSE(out[i], expected.out[i], tolerance(dtype, 4));
    for (size_t i = 0; i < expected.lse.size(); i++) CHECK_CLOSE(lse[i], expected.lse[i], 1e-4);

    // Gradients at a few places, of sum(out * dout) where dout is zero but in some rows: that keeps the naive side cheap.
    Array dout(dtype, size_t(T * O)), dqkv(dtype, size_t(T * W));
    dout.fill(0);
    for (int t : {5, 269, 275, 300, 410, 413, 414}) {
        for (int j = 0; j < O; j++) dout.set(size_t(t * O + j), float(numbers.below(200) - 100) / 100);
    }
    ops.attention_backward(device, {T, c.H, c.G, c.D, dtype, c.window, c.segments.data(), int64_t(c.segments.size()), qkv.data(), out.data(), dout.data(), lse.floats(), dqkv.data()});
    const std::vector<double> gradient = values(dout);
    auto f = [&] {
        const std::vector<double> y = naive_attention(c, x, {}).out;
        double sum = 0;
        for (size_t i = 0; i < y.size(); i++) sum += y[i] * gradient[i];
        return sum;
    };
    for (int t : {0, 4, 269, 271, 299, 412, 414}) {
        for (int column : {0, c.H * c.D, (c.H + c.G) * c.D + 1}) {
            const size_t at = size_t(t * W + column);
            const auto [entry, fresh] = slopes.try_emplace({dtype, at});
            if (fresh) entry->second = slope(x, at, f);
            CHECK_CLOSE(dqkv[at], entry->second, tolerance(dtype, 8));
        }
    }
    for (size_t i = 0; i < dqkv.size(); i++) CHECK(std::isfinite(dqkv[i]));
}

}  // namespace

TEST(attention_with_shared_prompts_and_grouped_heads) {
    Slopes slopes;
    on_threads({3}, [&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        check_forward_and_backward(ops, device, dtype, packed(2, 1, 6, 0), slopes);
    });
}

TEST(attention_with_a_sliding_window) {
    Slopes slopes;
    on_threads({3}, [&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        check_forward_and_backward(ops, device, dtype, packed(2, 2, 8, 7), slopes);
    });
}

TEST(decoding_equals_attention_over_the_whole_sequence) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        const int H = 4, G = 2, D = 10, page = 16, W = (H + 2 * G) * D, lengths[2] = {37, 5};
        for (int window : {0, 9}) {
            Numbers numbers(12);
            const int T = lengths[0] + lengths[1];
            Array qkv = numbers.array(dtype, size_t(T * W)), whole(dtype, size_t(T * H * D)), lse(DType::f32, size_t(T * H));
            const std::vector<Segment> segments{{0, 37, 0, 0, 0}, {37, 42, 0, 0, 0}};
            ops.attention_forward(device, {T, H, G, D, dtype, window, segments.data(), 2, qkv.data(), whole.data(), lse.floats()});
            Array cache(dtype, size_t(6 * 2 * G * page * D));
            cache.fill(0);
            Ints pages{4, 0, 5, 2}, page_begin{0, 3}, lengths32{37, 5};
            std::vector<int32_t> slots;
            for (int sequence = 0, t = 0; sequence < 2; sequence++) {
                for (int i = 0; i < lengths[sequence]; i++, t++) slots.push_back(pages[size_t(page_begin[size_t(sequence)] + i / page)] * page + i % page);
            }
            ops.kv_append(device, {T, H, G, D, page, dtype, qkv.data(), Ints(slots).data(), cache.data()});
            Array queries(dtype, size_t(2 * W)), out(dtype, size_t(2 * H * D));
            for (int j = 0; j < W; j++) {
                queries.set(size_t(j), float(qkv[size_t(36 * W + j)]));
                queries.set(size_t(W + j), float(qkv[size_t(41 * W + j)]));
            }
            decode(ops, device, {2, H, G, D, page, dtype, window, queries.data(), cache.data(), pages.data(), page_begin.data(), lengths32.data(), nullptr, out.data()});
            for (int j = 0; j < H * D; j++) {
                CHECK_CLOSE(out[size_t(j)], whole[size_t(36 * H * D + j)], tolerance(dtype, 4));
                CHECK_CLOSE(out[size_t(H * D + j)], whole[size_t(41 * H * D + j)], tolerance(dtype, 4));
            }
        }
    });
}
