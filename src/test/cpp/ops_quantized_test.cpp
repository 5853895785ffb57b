// Packed weights: each value against the formula of the paper and bitsandbytes' layout, and the product that reads them where they lie.
#include <algorithm>

#include "op_case.h"

using namespace apo_test;
using apo::Packing;
using apo::QuantizedMatrix;

namespace {

// QLoRA's codes (arXiv 2305.14314, appendix E).
constexpr float kCodes[16] = {-1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
                              -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
                              0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f};

constexpr Packing kPackings[] = {Packing::nf4, Packing::nf4_f32, Packing::int8};

// A matrix with random codes and scales.
struct Packed {
    Packed(Packing packing, int64_t rows, int64_t columns, uint32_t seed)
        : packing(packing), rows(rows), columns(columns), codes(bytes(packing == Packing::int8 ? count() : (count() + 1) / 2, seed)),
          scales(floats(packing == Packing::int8 ? rows : packing == Packing::nf4 ? (blocks() + 255) / 256 : blocks(), seed + 1, 0.1f)),
          scale_codes(bytes(packing == Packing::nf4 ? blocks() : 0, seed + 2)), map(floats(256, seed + 3, 1)) {}

    static Plain<uint8_t> bytes(int64_t count, uint32_t seed) {
        std::mt19937 random(seed);
        std::vector<uint8_t> all(static_cast<size_t>(count));
        for (uint8_t& b : all) b = uint8_t(random());
        return all;
    }
    static Plain<float> floats(int64_t count, uint32_t seed, float most) {
        std::mt19937 random(seed);
        std::vector<float> all(static_cast<size_t>(count));
        for (float& f : all) f = most * float(random() % 100001) / 1e5f;
        return all;
    }

    int64_t count() const { return rows * columns; }
    int64_t blocks() const { return (count() + 63) / 64; }
    QuantizedMatrix matrix() {
        return {packing, rows, columns, codes.data(), scales.data(), packing == Packing::nf4 ? scale_codes.data() : nullptr,
                packing == Packing::nf4 ? map.data() : nullptr, 0.3f};
    }

    // All values, by definition.
    std::vector<double> values() const {
        const std::vector<uint8_t> c = codes.values(), sc = scale_codes.values();
        const std::vector<float> s = scales.values(), m = map.values();
        std::vector<double> all;
        for (size_t i = 0; i < size_t(count()); i++) {
            if (packing == Packing::int8) {
                const float scale = s[i / size_t(columns)] * (1.0f / 127.0f);
                all.push_back(rounded(float(int8_t(c[i])) * scale, DType::bf16));
                continue;
            }
            const size_t block = i / 64;
            float a = s[packing == Packing::nf4 ? block / 256 : block];
            if (packing == Packing::nf4) {
                a = m[sc[block]] * a;
                a = a + 0.3f;
            }
            all.push_back(rounded(kCodes[i % 2 == 0 ? c[i / 2] >> 4 : c[i / 2] & 15] * a, DType::bf16));
        }
        return all;
    }

    Packing packing;
    int64_t rows, columns;
    Plain<uint8_t> codes;
    Plain<float> scales;
    Plain<uint8_t> scale_codes;
    Plain<float> map;
};

constexpr int kShapes[][2] = {{1, 1}, {3, 7}, {6, 70}, {7, 64}, {33, 192}, {5, 520}, {3, 12800}, {350, 64}};

// Rows of a product.
struct Product {
    Product(const apo::OpTable& ops, apo::Device& device, DType dtype, Packed& w, Array& x, int first, int rows, int64_t ldx, int64_t ldo)
        : out(dtype, size_t(rows * ldo)) {
        const auto* at = static_cast<const char*>(x.data()) + size_t(first * ldx) * bytes_of(dtype);
        ops.quantized_product(device, {w.matrix(), rows, dtype, at, ldx, out.data(), ldo});
    }
    Array out;
};

void check_product(const apo::OpTable& ops, apo::Device& device, DType dtype, Packed& w, int rows, int64_t extra) {
    Numbers numbers(5);
    const int64_t k = w.columns, ldx = k + extra, ldo = w.rows + extra;
    Array x = numbers.array(dtype, size_t(rows * ldx));
    const std::vector<double> values = w.values(), in = apo_test::values(x);
    const Product all(ops, device, dtype, w, x, 0, rows, ldx, ldo);
    for (int m = 0; m < rows; m++) {
        for (int64_t n = 0; n < ldo; n++) {
            const double found = all.out[size_t(m * ldo + n)];
            if (n >= w.rows) {
                CHECK(std::isnan(found));
                continue;
            }
            double sum = 0, size = 0;
            for (int64_t j = 0; j < k; j++) {
                const double part = values[size_t(n * k + j)] * in[size_t(m * ldx + j)];
                sum += part, size += part * part;
            }
            CHECK_CLOSE(found, sum, tolerance(DType::f32, 1e-3 + 3 * std::sqrt(size)) + (dtype == DType::bf16 ? std::fabs(sum) * 0x1p-8 : 0));
        }
    }
    if (rows > 8 || k % 64 != 0) return;
    // Up to eight rows a row has the same bits alone.
    for (int m = 0; m < rows; m++) {
        const Product one(ops, device, dtype, w, x, m, 1, ldx, ldo);
        for (int64_t n = 0; n < w.rows; n++) CHECK(one.out[size_t(n)] == all.out[size_t(m * ldo + n)]);
    }
}

}  // namespace

TEST(dequantize_has_the_same_bits_everywhere) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        for (Packing packing : kPackings) {
            for (const auto& s : kShapes) {
                Packed w(packing, s[0], s[1], 3);
                const std::vector<double> expected = w.values();
                for (int64_t first = 0; first < w.count(); first += 64 * (1 + w.count() / 200)) {
                    const int64_t count = first == 0 ? w.count() : std::min<int64_t>(w.count() - first, 101);
                    Array out(dtype, size_t(count));
                    ops.dequantize(device, {w.matrix(), first, count, dtype, out.data()});
                    int wrong = 0;
                    for (int64_t i = 0; i < count; i++) wrong += out[size_t(i)] != expected[size_t(first + i)];
                    CHECK(wrong == 0);
                }
            }
        }
        // Into memory that is not aligned.
        for (Packing packing : kPackings) {
            Packed w(packing, 3, 70, 3);
            const std::vector<double> expected = w.values();
            Array out(dtype, size_t(w.count()) + 1);
            ops.dequantize(device, {w.matrix(), 0, w.count(), dtype, static_cast<char*>(out.data()) + bytes_of(dtype)});
            CHECK(std::isnan(out[0]));
            for (size_t i = 0; i < expected.size(); i++) CHECK(out[i + 1] == expected[i]);
        }
    });
}

TEST(quantized_product_of_few_rows) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        for (Packing packing : kPackings) {
            for (const auto& s : kShapes) {
                Packed w(packing, s[0], s[1], 4);
                const int64_t most = ops.quantized_rows(w.matrix());
                CHECK(most == 0 || most >= 8);
                for (int rows : {0, 1, 2, 3, 4, 7, 8, 9, 16, 64}) {
                    if (rows <= most && w.count() * rows < 100000) check_product(ops, device, dtype, w, rows, rows % 2);
                }
            }
        }
    });
}

// The values meet x as they do in a product with the unpacked matrix.
TEST(quantized_product_is_that_of_the_unpacked_matrix) {
    on_all([](const apo::OpTable& ops, apo::Device& device, DType dtype) {
        for (Packing packing : kPackings) {
            Packed w(packing, 70, 256, 6);
            Numbers numbers(7);
            for (int rows : {1, 6, 13}) {
                Array x = numbers.array(dtype, size_t(rows * 256)), values(dtype, 70 * 256), expected(dtype, size_t(rows * 70));
                ops.dequantize(device, {w.matrix(), 0, w.count(), dtype, values.data()});
                apo::Gemm g{};
                g.m = rows, g.n = 70, g.k = 256, g.transpose_b = true, g.a_type = g.b_type = g.c_type = dtype;
                g.a = x.data(), g.lda = 256, g.b = values.data(), g.ldb = 256, g.c = expected.data(), g.ldc = 70;
                ops.gemm(device, g);
                const Product found(ops, device, dtype, w, x, 0, rows, 256, 70);
                for (size_t i = 0; i < expected.size(); i++) {
                    CHECK_CLOSE(found.out[i], expected[i], tolerance(DType::f32) + (dtype == DType::bf16 ? std::fabs(expected[i]) * 0x1p-7 : 0));
                }
            }
        }
    });
}
