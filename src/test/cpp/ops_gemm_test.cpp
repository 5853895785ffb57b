#include "op_case.h"

using namespace apo_test;
using apo::Gemm;

namespace {

void check_product(const apo::OpTable& ops, apo::Device& device, DType a_type, DType b_type, DType c_type, int m, int n, int k,
                   bool transpose_a, bool transpose_b, float beta) {
    Numbers numbers(7);
    Array a = numbers.array(a_type, size_t(m * k)), b = numbers.array(b_type, size_t(n * k)), c = numbers.array(c_type, size_t(m * n));
    std::vector<double> before = values(c);
    if (beta == 0) c.fill(NAN);
    Gemm g{};
    g.m = m, g.n = n, g.k = k, g.transpose_a = transpose_a, g.transpose_b = transpose_b;
    g.a_type = a_type, g.b_type = b_type, g.c_type = c_type;
    g.a = a.data(), g.lda = transpose_a ? m : k, g.b = b.data(), g.ldb = transpose_b ? k : n, g.c = c.data(), g.ldc = n, g.beta = beta;
    ops.gemm(device, g);
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            double sum = beta == 0 ? 0 : before[size_t(i * n + j)];
            for (int x = 0; x < k; x++) sum += a[size_t(transpose_a ? x * m + i : i * k + x)] * b[size_t(transpose_b ? j * k + x : x * n + j)];
            CHECK_CLOSE(c[size_t(i * n + j)], sum, tolerance(c_type, 3 * std::sqrt(double(k))));
        }
    }
}

}  // namespace

// Decoding's products: rows below, at and above what the transposed product takes.
TEST(gemm_of_few_rows) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        for (int m : {0, 1, 3, 8, 17, 32, 47, 64, 65}) check_product(ops, device, dtype, dtype, dtype, m, 53, 300, false, true, float(m % 2));
        // More than one block of the transposed product.
        check_product(ops, device, dtype, dtype, DType::f32, 63, 4200, 2, false, true, 1);
    });
}

TEST(gemm) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        const int shapes[][3] = {{1, 1, 1}, {1, 70, 33}, {5, 3, 130}, {67, 90, 31}};
        for (const auto& s : shapes) {
            for (bool ta : {false, true}) {
                for (bool tb : {false, true}) {
                    for (float beta : {0.0f, 1.0f}) {
                        check_product(ops, device, dtype, dtype, dtype, s[0], s[1], s[2], ta, tb, beta);
                        check_product(ops, device, dtype, dtype, DType::f32, s[0], s[1], s[2], ta, tb, beta);
                    }
                }
            }
            check_product(ops, device, DType::f32, dtype, dtype, s[0], s[1], s[2], false, false, 0);
            check_product(ops, device, DType::f32, dtype, DType::f32, s[0], s[1], s[2], true, false, 1);
        }
    });
}
