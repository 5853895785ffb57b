// Attention's forward on tensor cores (FlashAttention-2, arXiv 2307.08691): a block has 128 queries of a head, a warp 32 of
// them, and walks over their keys with a running softmax. Keys and values of the next step are copied while this one's are used.
#include "attention_kernels.h"
#include "attention_tile.h"
#include "launch.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 128;
constexpr int kM = 2;                      // groups of 16 queries a warp
constexpr int kWarpRows = kM * 16;

template <int D, int kKeys>
__global__ void __launch_bounds__(kThreads, 2)
    attention_forward_kernel(PackedHeads<bf16> x, const QueryTile* tiles, bf16* out, float* lse) {
    bf16* const q = dynamic_shared<bf16>();
    bf16* const stages = q + kTensorQueries * D;  // two of keys and values
    const int head = int(blockIdx.x) % x.heads, kv = x.kv_head(head);
    APO_SHARED(QueryTile, room, 1);
    const QueryTile& tile = shared_tile(tiles + int(blockIdx.x) / x.heads, room);
    const KeySteps steps(tile, kKeys);
    auto copy_step = [&](int step) {
        const KeyRange keys = steps.at(step);
        bf16* const stage = stages + step % 2 * 2 * kKeys * D;
        copy_rows<D, kKeys, kThreads>(stage, x.key(kv, keys.begin), x.width, keys.count, x.head_dim);
        copy_rows<D, kKeys, kThreads>(stage + kKeys * D, x.value(kv, keys.begin), x.width, keys.count, x.head_dim);
        copy_async_commit();
    };
    copy_rows<D, kTensorQueries, kThreads>(q, x.query(head, tile.begin), x.width, tile.rows, x.head_dim);
    copy_step(0);

    const int warp_row = warp_index() * kWarpRows, first_query = tile.begin + warp_row;
    const int lane_row = lane_index() / 4, lane_column = lane_index() % 4 * 2;
    bf16* const own_q = q + warp_row * D;
    Accumulators<kM, D / 8> sums;
    clear<kM, D / 8>(sums);
    RunningSoftmax<kM> softmax;
    for (int step = 0; step < steps.count(); step++) {
        copy_async_wait<0>();
        __syncthreads();
        if (step + 1 < steps.count()) copy_step(step + 1);
        const KeyRange keys = steps.at(step);
        const int distance = steps.distance(keys, first_query);  // of the warp's first query to the first key
        if (warp_row >= tile.rows || (keys.own && distance + kWarpRows <= 0)) continue;
        const bf16* const k = stages + step % 2 * 2 * kKeys * D;
        Accumulators<kM, kKeys / 8> scores;
        clear<kM, kKeys / 8>(scores);
        add_product_transposed<D, kM, kKeys / 8>(scores, own_q, k);
        hide_unseen<kM, kKeys / 8>(scores, keys, distance, x.window);
        softmax.step(scores, sums, x.scale * kLog2E);
        add_product<D, kM, kKeys / 8>(sums, scores, k + kKeys * D);
    }

    if (warp_row >= tile.rows) return;
    float inverse[kM][2];
#pragma unroll
    for (int m = 0; m < kM; m++) {
#pragma unroll
        for (int u = 0; u < 2; u++) {
            const float total = group_sum<4>(softmax.sum[m][u]);
            const int row = warp_row + m * 16 + u * 8 + lane_row;
            inverse[m][u] = 1.0f / total;
            if (lane_column == 0 && row < tile.rows) {
                lse[int64_t(tile.begin + row) * x.heads + head] = softmax.most[m][u] * x.scale + logf(total);
            }
        }
    }
    write_rows<D, kM>(sums, [&](int m, int upper) { return inverse[m][upper]; }, own_q, x.head_row(out, head, first_query),
                      int64_t(x.heads) * x.head_dim, tile.rows - warp_row, x.head_dim);
}

template <int D, int kKeys>
void launch_forward(CudaDevice& device, const PackedHeads<bf16>& x, const QueryTile* tiles, int64_t count, bf16* out, float* lse) {
    APO_LAUNCH(device, (attention_forward_kernel<D, kKeys>), unsigned(count * x.heads), unsigned(kThreads),
               size_t(kTensorQueries + 4 * kKeys) * D * sizeof(bf16), x, tiles, out, lse);
}

}  // namespace

void tensor_attention_forward(CudaDevice& device, const PackedHeads<bf16>& x, const QueryTile* tiles, int64_t count, bf16* out, float* lse) {
    if (x.head_dim <= 64) {
        launch_forward<64, 64>(device, x, tiles, count, out, lse);
    } else {
        launch_forward<128, 32>(device, x, tiles, count, out, lse);
    }
}

}  // namespace cuda
}  // namespace apo
