// Decoding attention on tensor cores: a block has an item and a key/value head, its warps groups of 16 queries (all rows of the
// unit, all heads of the group) and, where there are fewer groups than warps, different pages. Four pages a step, the next four
// on their way while these are used.
#include "attention_decode_kernels.h"
#include "attention_tile.h"
#include "launch.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * kWarp;
constexpr int kPages = 4;  // of a step
constexpr int kStages = 2;

template <int D>
struct Shared {
    union {
        struct {
            bf16 keys[D * kDecodeKeys];
            bf16 values[kDecodeKeys * D];
        } pages[kStages][kPages];
        float sums[kWarps][16][D];  // at the end
    };
    bf16 q[kDecodeQueries * D];
    float2 statistics[kWarps][16];
};

// A row of a page's keys is one coordinate of 16 keys, two chunks, which change places every four rows: the chunks of 8 rows
// then lie in all 32 banks.
APO_DEVICE int key_chunk_offset(int row, int chunk) { return row * kDecodeKeys + ((chunk ^ ((row >> 2) & 1)) << 3); }

template <int D>
__global__ void __launch_bounds__(kThreads, kDecodeBlocks)
    decode_kernel(DecodeCache<bf16> cache, DecodePlan plan, float* sums, float2* statistics) {
    if (int(blockIdx.x) >= plan.items_now()) return;
    Shared<D>& shared = *dynamic_shared<Shared<D>>();
    const DecodeItem item = plan.items[blockIdx.x];
    const DecodeUnit unit = plan.units[item.unit];
    const int kv = int(blockIdx.y), group = cache.x.heads / cache.x.kv_heads, queries = unit.rows * group;
    const int groups = queries <= 16 ? 1 : (queries <= 32 ? 2 : 4);  // of 16 queries
    const int32_t* pages = cache.rows.pages + cache.rows.page_begin[unit.first_row];
    const int first = unit.page_begin + item.split * plan.split_pages(), end = min(unit.page_end, first + plan.split_pages());
    // Rows of a unit with several see all of its pages.
    const int key_begin = unit.rows == 1 ? cache.first_seen(unit.first_row) : 0;
    const int key_end = unit.rows == 1 ? cache.rows.lengths[unit.first_row] : end * kDecodeKeys;

    // Numbers of the pages of a step, which are read a step before they are needed.
    int page_numbers[kPages];
    auto read_page_numbers = [&](int begin) {
#pragma unroll
        for (int i = 0; i < kPages; i++) page_numbers[i] = begin + i < end ? pages[begin + i] : -1;
    };
    auto copy_step = [&](int begin, int stage) {
#pragma unroll
        for (int i = 0; i < kPages; i++) {
            const bool real = page_numbers[i] >= 0;
            const bf16* const source = cache.page(max(page_numbers[i], 0), kv);
            auto& target = shared.pages[stage][i];
#pragma unroll
            for (int j = 0; j < D * 2 / kThreads; j++) {
                const int chunk = j * kThreads + int(threadIdx.x);
                copy_async_16(target.keys + key_chunk_offset(chunk / 2, chunk % 2), source + chunk * 8, real);
            }
#pragma unroll
            for (int j = 0; j < D * 2 / kThreads; j++) {
                const int chunk = j * kThreads + int(threadIdx.x), key = chunk / (D / 8);
                copy_async_16(target.values + chunk_offset<D>(key, chunk % (D / 8)), source + kDecodeKeys * D + chunk * 8,
                              real && (begin + i) * kDecodeKeys + key < key_end);  // what was never written may be no number
            }
        }
        copy_async_commit();
        read_page_numbers(begin + kPages);
    };
    read_page_numbers(first);
    for (int i = int(threadIdx.x); i < groups * 16 * (D / 8); i += kThreads) {
        const int query = i / (D / 8), chunk = i % (D / 8);
        const bf16* const source = cache.x.query(kv * group + query % group, unit.first_row + query / group) + chunk * 8;
        copy_async_16(shared.q + chunk_offset<D>(query, chunk), source, query < queries);
    }
    copy_step(first, 0);

    const int own_group = warp_index() % groups, first_page = warp_index() / groups, page_step = kWarps / groups;
    const int lane_values = lane_offset<D>(true), lane_column = lane_index() % 4 * 2;
    Accumulators<1, D / 8> out;
    clear<1, D / 8>(out);
    RunningSoftmax<1> softmax;
    int stage = 0;
    for (int begin = first; begin < end; begin += kPages, stage ^= 1) {
        copy_async_wait<0>();
        __syncthreads();
        if (begin + kPages < end) copy_step(begin + kPages, stage ^ 1);
        for (int i = first_page; i < kPages && begin + i < end; i += page_step) {
            const auto& page = shared.pages[stage][i];
            Accumulators<1, 2> scores;
            clear<1, 2>(scores);
#pragma unroll
            for (int k = 0; k < D / 16; k++) {
                uint32_t q[4], keys[4];
                load_matrices(q, shared.q + own_group * 16 * D + moved<D>(lane_values, 0, k));
                load_matrices_transposed(keys, page.keys + key_chunk_offset(k * 16 + (lane_index() & 15), lane_index() >> 4));
                const uint32_t left[2] = {keys[0], keys[1]}, right[2] = {keys[2], keys[3]};
                mma_bf16(scores[0][0], q, left);
                mma_bf16(scores[0][1], q, right);
            }
            const int key = (begin + i) * kDecodeKeys;
            if (key < key_begin || key + kDecodeKeys > key_end) {
#pragma unroll
                for (int n = 0; n < 2; n++) {
#pragma unroll
                    for (int j = 0; j < 4; j++) {
                        const int at = key + n * 8 + lane_column + j % 2;
                        if (at < key_begin || at >= key_end) scores[0][n][j] = -INFINITY;
                    }
                }
            }
            softmax.step(scores, out, cache.x.scale * kLog2E);
            add_product<D, 1, 2>(out, scores, page.values);
        }
    }

    // The warps' parts, in the order of the warps.
    __syncthreads();
#pragma unroll
    for (int u = 0; u < 2; u++) {
        const int query = lane_index() / 4 + u * 8;
        const float total = group_sum<4>(softmax.sum[0][u]);
        if (lane_column == 0) shared.statistics[warp_index()][query] = {softmax.most[0][u] * cache.x.scale * kLog2E, total};
#pragma unroll
        for (int n = 0; n < D / 8; n++) {
#pragma unroll
            for (int i = 0; i < 2; i++) shared.sums[warp_index()][query][n * 8 + lane_column + i] = out[0][n][2 * u + i];
        }
    }
    __syncthreads();
    for (int i = int(threadIdx.x); i < queries * D; i += kThreads) {
        const int query = i / D, c = i % D, from = query / 16;
        float most = -INFINITY, sum = 0, total = 0;
        for (int w = from; w < kWarps; w += groups) most = fmaxf(most, shared.statistics[w][query % 16].x);
        for (int w = from; w < kWarps; w += groups) {
            const float2 s = shared.statistics[w][query % 16];
            const float weight = most == -INFINITY ? 0.0f : exp2f(s.x - most);
            sum += shared.sums[w][query % 16][c] * weight;
            total += s.y * weight;
        }
        const int slot = unit.first_slot + item.split * unit.rows + query / group;
        const int64_t part = int64_t(slot) * cache.x.heads + kv * group + query % group;
        sums[part * D + c] = sum;
        if (c == 0) statistics[part] = {most, total};
    }
}

template <int D>
void launch_decode(CudaDevice& device, const DecodeCache<bf16>& cache, const DecodePlan& plan, float* sums, float2* statistics) {
    APO_LAUNCH(device, decode_kernel<D>, dim3(unsigned(plan.most_items), unsigned(cache.x.kv_heads)), unsigned(kThreads), sizeof(Shared<D>),
               cache, plan, sums, statistics);
}

}  // namespace

void tensor_attention_decode(CudaDevice& device, const DecodeCache<bf16>& cache, const DecodePlan& plan, float* sums, float2* statistics) {
    if (cache.x.head_dim == 64) {
        launch_decode<64>(device, cache, plan, sums, statistics);
    } else {
        launch_decode<128>(device, cache, plan, sums, statistics);
    }
}

}  // namespace cuda
}  // namespace apo
