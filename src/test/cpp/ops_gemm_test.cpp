#include "cpu/device.h"
#include "formulas.h"
#include "op_case.h"

using namespace apo_test;
using apo::Gemm;

namespace {

// `gap`: by how much rows lie apart beyond their own lengths.
void check_product(const apo::OpTable& ops, apo::Device& device, DType a_type, DType b_type, DType c_type, int m, int n, int k,
                   bool transpose_a, bool transpose_b, float beta, int gap = 0) {
    Numbers numbers(7);
    const int lda = (transpose_a ? m : k) + gap, ldb = (transpose_b ? k : n) + gap, ldc = n + gap;
    Array a = numbers.array(a_type, size_t((transpose_a ? k : m) * lda)), b = numbers.array(b_type, size_t((transpose_b ? n : k) * ldb));
    Array c = numbers.array(c_type, size_t(m * ldc));
    const std::vector<double> before = values(c), left = values(a), right = values(b);
    for (int i = 0; beta == 0 && i < m; i++) {
        for (int j = 0; j < n; j++) c.set(size_t(i * ldc + j), NAN);
    }
    Gemm g{};
    g.m = m, g.n = n, g.k = k, g.transpose_a = transpose_a, g.transpose_b = transpose_b;
    g.a_type = a_type, g.b_type = b_type, g.c_type = c_type;
    g.a = a.data(), g.lda = lda, g.b = b.data(), g.ldb = ldb, g.c = c.data(), g.ldc = ldc, g.beta = beta;
    ops.gemm(device, g);
    std::vector<double> expected = beta == 0 ? std::vector<double>(before.size()) : before;
    naive_product(m, n, k, transpose_a, transpose_b, left, lda, right, ldb, expected, ldc);
    for (int i = 0; i < m; i++) {
        for (int j = n; j < ldc; j++) CHECK(c[size_t(i * ldc + j)] == before[size_t(i * ldc + j)]);
        for (int j = 0; j < n; j++) {
            const double sum = expected[size_t(i * ldc + j)];
            // Sums in f32, of which a bf16 is rounded once: by half of the last of its 8 digits.
            CHECK_CLOSE(c[size_t(i * ldc + j)], sum, tolerance(DType::f32, 3 * std::sqrt(double(k))) + (c_type == DType::bf16 ? std::fabs(sum) * 0x1p-8 : 0));
        }
    }
}

constexpr int kShapes[][3] = {{1, 1, 1}, {1, 70, 33}, {5, 3, 130}, {67, 90, 31}};

void check_shapes(const apo::OpTable& ops, apo::Device& device, DType dtype) {
    for (const auto& s : kShapes) {
        for (bool ta : {false, true}) {
            for (bool tb : {false, true}) {
                for (float beta : {0.0f, 1.0f}) {
                    check_product(ops, device, dtype, dtype, dtype, s[0], s[1], s[2], ta, tb, beta);
                    check_product(ops, device, dtype, dtype, DType::f32, s[0], s[1], s[2], ta, tb, beta);
                }
            }
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
        check_shapes(ops, device, dtype);
        for (const auto& s : kShapes) {
            check_product(ops, device, DType::f32, dtype, dtype, s[0], s[1], s[2], false, false, 0);
            check_product(ops, device, DType::f32, dtype, DType::f32, s[0], s[1], s[2], true, false, 1);
        }
    });
}

// The thin ones of low-rank paths: parts of wider matrices, some sums over more rows than are taken at a time.
TEST(gemm_of_thin_matrices) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        const int shapes[][2] = {{1, 70}, {4, 33}, {16, 530}, {47, 66}, {64, 64}, {33, 5}, {1100, 3}, {70, 48}};
        for (const auto& s : shapes) {
            for (int k : {65, 200}) {
                check_product(ops, device, dtype, dtype, DType::f32, s[0], s[1], k, true, false, float(k % 2), 8);
                check_product(ops, device, dtype, dtype, DType::f32, s[0], s[1], k, true, false, 1);
            }
        }
        check_product(ops, device, DType::f32, dtype, DType::f32, 20, 90, 130, true, false, 0);
        // t from x, y from t, u from dy and dx from u.
        check_product(ops, device, dtype, dtype, dtype, 70, 16, 90, false, true, 0, 8);
        check_product(ops, device, dtype, dtype, dtype, 70, 90, 16, false, true, 1, 8);
        check_product(ops, device, dtype, dtype, dtype, 70, 16, 90, false, false, 0, 8);
        check_product(ops, device, dtype, dtype, dtype, 70, 90, 48, false, false, 1, 8);
    });
}

// The product that widens, also where this machine would not: more rows, columns and depth than are packed at a time, results
// that are rounded after several chunks of depth, and edges of panels.
TEST(gemm_of_bf16_widened) {
    for (const Backend& backend : backends({3})) {
        if (backend.open.device != APO_CPU) continue;
        apo::Device& device = *backend.ops->open(backend.open);
        apo::cpu(device).bf16 = apo::Bf16Products::widened;
        place() = {backend.ops, &device};
        check_shapes(*backend.ops, device, DType::bf16);
        const int shapes[][3] = {{1100, 3, 2100}, {2, 1100, 2100}, {50, 70, 257}};
        for (const auto& s : shapes) {
            check_product(*backend.ops, device, DType::bf16, DType::bf16, DType::bf16, s[0], s[1], s[2], false, false, 1);
            check_product(*backend.ops, device, DType::bf16, DType::bf16, DType::bf16, s[0], s[1], s[2], true, true, 0);
            check_product(*backend.ops, device, DType::f32, DType::bf16, DType::f32, s[0], s[1], s[2], true, false, 1);
        }
        backend.ops->close(&device);
        place() = {};
    }
}

// A run that goes on makes its products as before.
TEST(the_choice_of_bf16_products_is_the_same_on_every_start) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512bf16")) return;
    int worth = 0;
    for (int start = 0; start < 20; start++) worth += apo::worth_bf16(apo::measure_instruction_rates());
    CHECK(worth == 0 || worth == 20);
}
