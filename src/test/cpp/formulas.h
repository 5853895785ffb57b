// What the tests take for true: formulas in f64. They are compiled without the sanitizers, under which they would take longer than
// what they are to check.
#pragma once

#include <vector>

#include "ops.h"

namespace apo_test {

struct AttentionCase {
    int H, G, D, window;
    std::vector<apo::Segment> segments;
    int tokens() const { return segments.back().end; }
    int width() const { return (H + 2 * G) * D; }
    static int position(const apo::Segment& s, int t) { return s.position + t - s.begin; }

    // body(key's token) for each key that query t of a segment sees.
    template <class Body>
    void for_visible(const apo::Segment& s, int t, Body body) const {
        auto near = [&](int key_position) { return window <= 0 || position(s, t) - key_position < window; };
        for (int k = s.prompt_begin; k < s.prompt_end; k++) {
            if (near(k - s.prompt_begin)) body(k);
        }
        for (int k = s.begin; k <= t; k++) {
            if (near(position(s, k))) body(k);
        }
    }
};

struct AttentionResults {
    std::vector<double> out, lse, dqkv;  // (T, H D), (T, H), (T, W)
};

// Attention over packed segments. dqkv where dout is given; of these queries alone, where any are given.
AttentionResults naive_attention(const AttentionCase& c, const std::vector<double>& qkv, const std::vector<double>& dout,
                                 const std::vector<int>& queries = {});

// c(m, n) += a(m, k) b(k, n), where a is stored as (k, m) and b as (n, k) if they are transposed; rows are ld values apart.
void naive_product(int m, int n, int k, bool transpose_a, bool transpose_b, const std::vector<double>& a, int lda, const std::vector<double>& b,
                   int ldb, std::vector<double>& c, int ldc);

}  // namespace apo_test
