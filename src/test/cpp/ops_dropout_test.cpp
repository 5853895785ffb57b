// The ops of the low-rank path beside its products: dropout and scale.
#include "op_case.h"

using namespace apo_test;
using apo::DropoutKey;

namespace {

bool kept(const DropoutKey& key, int64_t row, int64_t column) {
    const apo::Philox4 words = apo::dropout_words(key.seed, key.step, key.site, key.first_row + row, column / 4);
    return words.word[column % 4] >= apo::dropout_threshold(key.probability);
}

// Which of 64 x 64 elements a key keeps.
std::vector<bool> mask(const DropoutKey& key) {
    std::vector<bool> all;
    for (int row = 0; row < 64; row++) {
        for (int column = 0; column < 64; column++) all.push_back(kept(key, row, column));
    }
    return all;
}

}  // namespace

TEST(dropout_has_the_same_bits_everywhere) {
    const DropoutKey key{0.3, 0x123456789abcdefu, 5, 11, 7000000000};
    on_all([&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        for (int n : {1, 21, 40, 600}) {
            const int T = 9;
            Numbers numbers(21);
            Array x = numbers.array(dtype, size_t(T * n)), y(dtype, size_t(T * n)), sum = numbers.array(dtype, size_t(T * n));
            const std::vector<double> in = values(x), before = values(sum);
            ops.dropout(device, {T, n, dtype, key, false, x.data(), y.data()});
            ops.dropout(device, {T, n, dtype, key, true, x.data(), sum.data()});
            ops.dropout(device, {T, n, dtype, key, false, x.data(), x.data()});
            const float factor = apo::dropout_factor(key.probability);
            int wrong = 0;
            for (int t = 0; t < T; t++) {
                for (int j = 0; j < n; j++) {
                    const size_t at = size_t(t * n + j);
                    const float value = kept(key, t, j) ? float(in[at]) * factor : 0.0f, total = float(before[at]) + value;
                    wrong += y[at] != rounded(value, dtype);
                    wrong += x[at] != y[at];
                    wrong += sum[at] != rounded(total, dtype);
                }
            }
            CHECK(wrong == 0);
        }
    });
}

TEST(dropout_keeps_its_share_and_each_key_has_a_mask_of_its_own) {
    for (double p : {0.0, 0.05, 0.5, 0.999999999999}) {
        const DropoutKey key{p, 3, 1, 0, 0};
        int64_t count = 0;
        for (int row = 0; row < 400; row++) {
            for (int column = 0; column < 1000; column++) count += kept(key, row, column);
        }
        // Five standard deviations of a binomial.
        CHECK_CLOSE(double(count) / 4e5, 1 - p, 5 * std::sqrt(p * (1 - p) / 4e5));
    }
    const DropoutKey key{0.5, 3, 1, 2, 0};
    const std::vector<bool> one = mask(key);
    for (const DropoutKey& other : {DropoutKey{0.5, 4, 1, 2, 0}, DropoutKey{0.5, 3, 2, 2, 0}, DropoutKey{0.5, 3, 1, 3, 0}, DropoutKey{0.5, 3, 1, 2, 64},
                                    DropoutKey{0.5, 3 + (uint64_t(1) << 40), 1, 2, 0}}) {
        const std::vector<bool> two = mask(other);
        int same = 0;
        for (size_t i = 0; i < one.size(); i++) same += one[i] == two[i];
        CHECK_CLOSE(same, 2048, 160);
    }
    // A batch in parts has the masks of the whole.
    for (int column = 0; column < 64; column++) CHECK(kept({0.5, 3, 1, 2, 10}, 3, column) == kept(key, 13, column));
}

TEST(scale_of_columns) {
    const auto check = [](const apo::OpTable& ops, apo::Device& device, DType dtype, int first, int n, int ld) {
        const int T = 70;
        Numbers numbers(22);
        Array x = numbers.array(dtype, size_t(T * ld));
        const std::vector<double> before = values(x);
        ops.scale(device, {T, n, ld, dtype, static_cast<char*>(x.data()) + size_t(first) * bytes_of(dtype), 0.75f});
        for (int t = 0; t < T; t++) {
            for (int j = 0; j < ld; j++) {
                const size_t at = size_t(t * ld + j);
                CHECK(x[at] == (j >= first && j < first + n ? rounded(float(before[at]) * 0.75f, dtype) : before[at]));
            }
        }
    };
    on_all([&](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        check(ops, device, dtype, 0, 48, 48);
        check(ops, device, dtype, 16, 8, 48);
        check(ops, device, dtype, 3, 5, 11);
    });
}
