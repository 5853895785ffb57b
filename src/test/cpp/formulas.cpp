#include "formulas.h"

#include <algorithm>
#include <cmath>

namespace apo_test {

AttentionResults naive_attention(const AttentionCase& c, const std::vector<double>& qkv, const std::vector<double>& dout,
                                 const std::vector<int>& queries) {
    const int W = c.width(), D = c.D;
    const double scale = 1 / std::sqrt(double(D));
    AttentionResults r{std::vector<double>(size_t(c.tokens() * c.H * D)), std::vector<double>(size_t(c.tokens() * c.H)),
                       std::vector<double>(dout.empty() ? 0 : qkv.size())};
    auto dot = [D](const double* a, const double* b) {
        double sum = 0;
        for (int d = 0; d < D; d++) sum += a[d] * b[d];
        return sum;
    };
    auto add = [D](double* to, double factor, const double* x) {
        for (int d = 0; d < D; d++) to[d] += factor * x[d];
    };
    std::vector<std::pair<int, double>> weights;  // a key and its score, then its share
    for (const apo::Segment& s : c.segments) {
        for (int t = s.begin; t < s.end; t++) {
            if (!queries.empty() && std::find(queries.begin(), queries.end(), t) == queries.end()) continue;
            for (int h = 0; h < c.H; h++) {
                const int kv = h / (c.H / c.G);
                const size_t q = size_t(t * W + h * D), k = size_t((c.H + kv) * D), v = size_t((c.H + c.G + kv) * D), o = size_t((t * c.H + h) * D);
                weights.clear();
                c.for_visible(s, t, [&](int key) { weights.emplace_back(key, scale * dot(&qkv[q], &qkv[size_t(key * W) + k])); });
                double top = -1e300, sum = 0;
                for (auto& [key, x] : weights) top = std::max(top, x);
                for (auto& [key, x] : weights) sum += std::exp(x - top);
                r.lse[size_t(t * c.H + h)] = top + std::log(sum);
                for (auto& [key, x] : weights) {
                    x = std::exp(x - top) / sum;
                    add(&r.out[o], x, &qkv[size_t(key * W) + v]);
                }
                if (dout.empty()) continue;
                const double delta = dot(&dout[o], &r.out[o]);
                for (auto& [key, x] : weights) {
                    const size_t row = size_t(key * W);
                    const double ds = scale * x * (dot(&dout[o], &qkv[row + v]) - delta);
                    add(&r.dqkv[q], ds, &qkv[row + k]);
                    add(&r.dqkv[row + k], ds, &qkv[q]);
                    add(&r.dqkv[row + v], x, &dout[o]);
                }
            }
        }
    }
    return r;
}

void naive_product(int m, int n, int k, bool transpose_a, bool transpose_b, const std::vector<double>& a, int lda, const std::vector<double>& b,
                   int ldb, std::vector<double>& c, int ldc) {
    for (int i = 0; i < m; i++) {
        for (int x = 0; x < k; x++) {
            const double left = a[size_t(transpose_a ? x * lda + i : i * lda + x)];
            for (int j = 0; j < n; j++) c[size_t(i * ldc + j)] += left * b[size_t(transpose_b ? j * ldb + x : x * ldb + j)];
        }
    }
}

}  // namespace apo_test
