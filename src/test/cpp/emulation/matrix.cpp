// The warp's matrix instructions, from the fragment layouts of the PTX ISA (see src/main/cuda/mma.h).
#include "cuda_emulation.h"

namespace emulation {

namespace {

constexpr int kLanes = 32;
constexpr uint32_t kAll = 0xffffffffu;

float low(uint32_t word) { return __uint_as_float(word << 16); }
float high(uint32_t word) { return __uint_as_float(word & 0xffff0000u); }

struct Product {
    float* d;
    const uint32_t *a, *b;
};

void multiply_bf16(void* const* requests, uint32_t) {
    float a[16][16], b[16][8];
    for (int lane = 0; lane < kLanes; lane++) {
        const int g = lane / 4, c = lane % 4;
        const auto* p = static_cast<const Product*>(requests[lane]);
        for (int i = 0; i < 4; i++) {
            const int row = g + (i % 2) * 8, k = 2 * c + (i / 2) * 8;
            a[row][k] = low(p->a[i]), a[row][k + 1] = high(p->a[i]);
        }
        for (int i = 0; i < 2; i++) {
            const int k = 2 * c + i * 8;
            b[k][g] = low(p->b[i]), b[k + 1][g] = high(p->b[i]);
        }
    }
    for (int lane = 0; lane < kLanes; lane++) {
        const int g = lane / 4, c = lane % 4;
        float* d = static_cast<Product*>(requests[lane])->d;
        for (int i = 0; i < 4; i++) {
            const int row = g + (i / 2) * 8, column = 2 * c + i % 2;
            float sum = d[i];
            for (int k = 0; k < 16; k++) sum += a[row][k] * b[k][column];
            d[i] = sum;
        }
    }
}

struct Matrices {
    const void* row;
    uint32_t* r;
    bool transposed;
};

void load_all(void* const* requests, uint32_t) {
    auto element = [&](int matrix, int row, int column) {
        uint16_t x;
        std::memcpy(&x, static_cast<const char*>(static_cast<const Matrices*>(requests[matrix * 8 + row])->row) + 2 * column, sizeof x);
        return uint32_t(x);
    };
    for (int lane = 0; lane < kLanes; lane++) {
        const int g = lane / 4, c = 2 * (lane % 4);
        auto* own = static_cast<Matrices*>(requests[lane]);
        for (int m = 0; m < 4; m++) {
            own->r[m] = own->transposed ? element(m, c, g) | element(m, c + 1, g) << 16 : element(m, g, c) | element(m, g, c + 1) << 16;
        }
    }
}

}  // namespace

void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    Product request{d, a, b};
    warp_operation(kAll, &request, multiply_bf16, {__FILE__, __LINE__});
}

void load_matrices(uint32_t (&r)[4], const void* shared_row, bool transposed) {
    if (!in_shared(shared_row, 16)) fault("ldmatrix reads outside of shared memory");
    if (reinterpret_cast<uintptr_t>(shared_row) % 16 != 0) fault("ldmatrix with an address that is no multiple of 16");
    Matrices request{shared_row, r, transposed};
    warp_operation(kAll, &request, load_all, {__FILE__, __LINE__});
}

}  // namespace emulation
