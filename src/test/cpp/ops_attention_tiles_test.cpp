// Attention's cases for tiles: each kernel of the CUDA backend, all rows and all gradients, against the formulas in f64.
#include "emulated_gpu.h"

#include "formulas.h"
#include "op_case.h"

using namespace apo_test;
using apo::Segment;

namespace {

// A prompt longer than a tile with three answers, one of a token, one that ends a tile; an empty prompt and its answer; a
// prompt of one token.
AttentionCase tiles(int H, int G, int D, int window) {
    return {H, G, D, window, {{0, 150, 0, 0, 0}, {150, 151, 0, 150, 150}, {151, 279, 0, 150, 150}, {279, 299, 0, 150, 150},
                              {299, 299, 0, 0, 0}, {299, 334, 299, 299, 0}, {334, 335, 0, 0, 0}, {335, 338, 334, 335, 1}}};
}

double largest(const std::vector<double>& x) {
    double most = 1;
    for (double value : x) most = std::max(most, std::fabs(value));
    return most;
}

void check_close_to(const Array& found, const std::vector<double>& expected, double tolerance) {
    for (size_t i = 0; i < expected.size(); i++) CHECK_CLOSE(found[i], expected[i], tolerance);
}

struct Results {
    Array out, lse, dqkv;
};

Results run(const apo::OpTable& ops, apo::Device& device, DType dtype, const AttentionCase& c, Array& qkv, Array& dout) {
    const int T = c.tokens(), O = c.H * c.D;
    const int64_t count = int64_t(c.segments.size());
    Results r{Array(dtype, size_t(T * O)), Array(DType::f32, size_t(T * c.H)), Array(dtype, size_t(T * c.width()))};
    ops.attention_forward(device, {T, c.H, c.G, c.D, dtype, c.window, c.segments.data(), count, qkv.data(), r.out.data(), r.lse.floats()});
    ops.attention_backward(device, {T, c.H, c.G, c.D, dtype, c.window, c.segments.data(), count, qkv.data(), r.out.data(), dout.data(),
                                    r.lse.floats(), r.dqkv.data()});
    return r;
}

void check(const AttentionCase& c) {
    on_threads({3}, [&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        const int T = c.tokens();
        Numbers numbers(21);
        Array qkv = numbers.array(dtype, size_t(T * c.width())), dout = numbers.array(dtype, size_t(T * c.H * c.D), 0.5f);
        const Results found = run(ops, device, dtype, c, qkv, dout);
        const AttentionResults expected = naive_attention(c, values(qkv), values(dout));
        check_close_to(found.out, expected.out, tolerance(dtype, 4));
        check_close_to(found.lse, expected.lse, 1e-4);
        // bf16 rounds p, ds and out once each besides the result.
        check_close_to(found.dqkv, expected.dqkv, tolerance(dtype, 4 * largest(expected.dqkv)));
    });
}

}  // namespace

TEST(attention_tiles_of_heads_of_64) { check(tiles(4, 1, 64, 0)); }
TEST(attention_tiles_of_heads_of_80_with_a_window) { check(tiles(2, 2, 80, 60)); }
TEST(attention_tiles_of_heads_of_128_in_a_group_of_7) { check(tiles(7, 1, 128, 0)); }
TEST(attention_tiles_of_heads_of_136_with_a_window) { check(tiles(2, 1, 136, 40)); }
TEST(attention_of_one_token) { check({4, 2, 64, 0, {{0, 1, 0, 0, 0}}}); }

TEST(attention_tiles_repeat_bit_for_bit) {
    const AttentionCase c = tiles(2, 1, 64, 100);
    on_threads({3}, [&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        const int T = c.tokens();
        Numbers numbers(22);
        Array qkv = numbers.array(dtype, size_t(T * c.width())), dout = numbers.array(dtype, size_t(T * c.H * c.D));
        const Results first = run(ops, device, dtype, c, qkv, dout), second = run(ops, device, dtype, c, qkv, dout);
        CHECK(values(first.out) == values(second.out));
        CHECK(values(first.lse) == values(second.lse));
        CHECK(values(first.dqkv) == values(second.dqkv));
    });
}

// Layers of a batch share their lists, and another batch, or another window, has its own.
TEST(lists_of_attention_are_made_once_a_batch) {
    if (options().cuda_index >= 0) return;
    const AttentionCase one = tiles(2, 1, 64, 0), windowed = tiles(2, 1, 64, 60), other{2, 1, 64, 0, {{0, 140, 0, 0, 0}, {140, 338, 0, 140, 140}}};
    const Backend backend = cuda_backend();
    auto gradient = [&](const std::vector<AttentionCase>& cases) {
        apo::Device& device = *backend.ops->open(backend.open);
        place() = {backend.ops, &device};
        std::vector<std::vector<double>> all;
        std::vector<int64_t> uploads;
        {
            Numbers numbers(25);
            Array qkv = numbers.array(DType::bf16, size_t(one.tokens() * one.width())), dout = numbers.array(DType::bf16, size_t(one.tokens() * one.H * one.D));
            qkv.data(), dout.data();
            for (const AttentionCase& c : cases) {
                const int64_t before = emulation::uploads();
                const Results r = run(*backend.ops, device, DType::bf16, c, qkv, dout);
                uploads.push_back(emulation::uploads() - before);
                all.push_back(values(r.dqkv));
            }
        }
        backend.ops->close(&device);
        place() = {};
        return std::make_pair(all, uploads);
    };
    const auto [found, uploads] = gradient({one, one, windowed, one, windowed, other, one});
    const int64_t outputs = uploads[1];  // the test's own arrays
    CHECK(uploads == std::vector<int64_t>({outputs + 2, outputs, outputs + 3, outputs, outputs, outputs + 2, outputs + 2}));
    const std::vector<AttentionCase> cases{one, windowed, other};
    std::vector<std::vector<double>> alone;
    for (const AttentionCase& c : cases) alone.push_back(gradient({c}).first[0]);
    const size_t of[] = {0, 0, 1, 0, 1, 2, 0};
    for (size_t i = 0; i < found.size(); i++) CHECK(found[i] == alone[of[i]]);
}

// Where a block has less shared memory (8.6, 8.9, 12.x), steps are shorter and the sums the same.
TEST(attention_does_not_depend_on_shared_memory) {
    if (options().cuda_index >= 0 || options().launches) return;
    const MachineGuard guard;
    const AttentionCase c = tiles(2, 1, 128, 60);
    std::vector<std::vector<double>> gradients;
    for (int capability : {86, 90}) {
        emulation::machine().limits.shared_block = emulation::limits_of(capability).shared_block;
        const Backend backend = cuda_backend();
        apo::Device& device = *backend.ops->open(backend.open);
        place() = {backend.ops, &device};
        {
            Numbers numbers(24);
            Array qkv = numbers.array(DType::bf16, size_t(c.tokens() * c.width())), dout = numbers.array(DType::bf16, size_t(c.tokens() * c.H * c.D));
            gradients.push_back(values(run(*backend.ops, device, DType::bf16, c, qkv, dout).dqkv));
        }
        backend.ops->close(&device);
        place() = {};
    }
    CHECK(gradients[0] == gradients[1]);
}

TEST(attention_formulas_agree_with_differences) {
    const AttentionCase c{4, 2, 3, 5, {{0, 6, 0, 0, 0}, {6, 9, 0, 6, 6}, {9, 14, 0, 6, 6}}};
    Numbers numbers(23);
    auto random = [&](int count) {
        std::vector<double> x(static_cast<size_t>(count));
        for (double& value : x) value = (numbers.below(2001) - 1000) / 1000.0;
        return x;
    };
    std::vector<double> qkv = random(c.tokens() * c.width());
    const std::vector<double> dout = random(c.tokens() * c.H * c.D);
    const std::vector<double> gradient = naive_attention(c, qkv, dout).dqkv;
    for (size_t i = 0; i < qkv.size(); i++) {
        CHECK_CLOSE(gradient[i], slope(qkv, i, [&] {
                        const std::vector<double> out = naive_attention(c, qkv, {}).out;
                        double sum = 0;
                        for (size_t j = 0; j < out.size(); j++) sum += out[j] * dout[j];
                        return sum;
                    }), 1e-7);
    }
}
