// Gradients of attention's keys and values on tensor cores: dv = p^T dout, dk = ds^T q, summed over all queries that see a key and
// over the query heads of its group. A block has 128 keys of a key/value head, a warp 16 of them, and walks over heads and
// queries in one order, so that the sums repeat bit for bit. Scores are made transposed: p^T and ds^T then stay in the
// registers in which the second products need them.
#include "attention_kernels.h"
#include "attention_tile.h"
#include "launch.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kWarpKeys = 16;

// What a step of kQueries queries needs of them.
template <int kQueries>
struct QueryRows {
    float lse[kQueries];    // in powers of 2; infinite where there is no query
    float delta[kQueries];
    int position[kQueries];
};

template <int D, int kQueries>
struct Stage {
    bf16 q[kQueries * D];
    bf16 dout[kQueries * D];
};

template <int D, int kQueries>
struct Shared {
    bf16 k[kTensorKeys * D];
    bf16 v[kTensorKeys * D];
    Stage<D, kQueries> stages[2];
    QueryRows<kQueries> rows[2];
};

template <int D, int kQueries>
__global__ void __launch_bounds__(kThreads, 1)
    attention_backward_keys_kernel(PackedHeads<bf16> x, const KeyTile* tiles, AttentionGradient<bf16> gradient) {
    Shared<D, kQueries>& shared = *dynamic_shared<Shared<D, kQueries>>();
    const int kv = int(blockIdx.x) % x.kv_heads, group = x.heads / x.kv_heads;
    const KeyTile tile = tiles[int(blockIdx.x) / x.kv_heads];
    const int head_steps = tiles_in(tile.begin, tile.query_end, kQueries), steps = head_steps * group;
    auto copy_step = [&](int step) {
        const int head = kv * group + step / head_steps, begin = tile.begin + step % head_steps * kQueries;
        const int count = min(kQueries, tile.query_end - begin);
        Stage<D, kQueries>& stage = shared.stages[step % 2];
        copy_rows<D, kQueries, kThreads>(stage.q, x.query(head, begin), x.width, count, x.head_dim);
        copy_rows<D, kQueries, kThreads>(stage.dout, x.head_row(gradient.dout, head, begin), int64_t(x.heads) * x.head_dim, count,
                                         x.head_dim);
        copy_async_commit();
        QueryRows<kQueries>& rows = shared.rows[step % 2];
        const int i = int(threadIdx.x);
        if (i < kQueries) {
            const int64_t at = int64_t(begin + i) * x.heads + head;
            rows.lse[i] = i < count ? gradient.lse[at] * kLog2E : INFINITY;
            rows.delta[i] = i < count ? gradient.delta[at] : 0.0f;
            rows.position[i] = i < count && gradient.positions != nullptr ? gradient.positions[begin + i] : 0;
        }
    };
    copy_rows<D, kTensorKeys, kThreads>(shared.k, x.key(kv, tile.begin), x.width, tile.keys, x.head_dim);
    copy_rows<D, kTensorKeys, kThreads>(shared.v, x.value(kv, tile.begin), x.width, tile.keys, x.head_dim);
    copy_step(0);

    const int warp_key = warp_index() * kWarpKeys;
    const int lane_row = lane_index() / 4, lane_column = lane_index() % 4 * 2;
    bf16* const own_k = shared.k + warp_key * D;
    bf16* const own_v = shared.v + warp_key * D;
    const float scale = x.scale * kLog2E;
    const bool windowed = gradient.positions != nullptr;
    const int first_position = windowed ? gradient.positions[tile.begin] + warp_key + lane_row : 0;
    Accumulators<1, D / 8> dk, dv;
    clear<1, D / 8>(dk);
    clear<1, D / 8>(dv);
    for (int step = 0; step < steps; step++) {
        copy_async_wait<0>();
        __syncthreads();
        if (step + 1 < steps) copy_step(step + 1);
        const int behind = step % head_steps * kQueries - warp_key;  // the step's first query, seen from the warp's first key
        const Stage<D, kQueries>& stage = shared.stages[step % 2];
        const QueryRows<kQueries>& rows = shared.rows[step % 2];
        constexpr int kPart = 32;  // queries at a time, for the registers
#pragma unroll 1
        for (int part = 0; part < kQueries; part += kPart) {
            if (warp_key >= tile.keys || behind + part + kPart <= 0) continue;
            Accumulators<1, kPart / 8> p, ds;
            clear<1, kPart / 8>(p);
            add_product_transposed<D, 1, kPart / 8>(p, own_k, stage.q + part * D);
            const bool whole = !windowed && behind + part >= kWarpKeys - 1;
#pragma unroll
            for (int n = 0; n < kPart / 8; n++) {
                const int query = part + n * 8 + lane_column;
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    const int key = lane_row + i / 2 * 8, at = query + i % 2;
                    bool sees = whole || key <= behind + at;
                    if (windowed) sees = sees && rows.position[at] - first_position - i / 2 * 8 < x.window;
                    p[0][n][i] = sees ? fast_exp2(p[0][n][i] * scale - rows.lse[at]) : 0.0f;
                }
            }
            add_product<D, 1, kPart / 8>(dv, p, stage.dout + part * D);
            clear<1, kPart / 8>(ds);
            add_product_transposed<D, 1, kPart / 8>(ds, own_v, stage.dout + part * D);
#pragma unroll
            for (int n = 0; n < kPart / 8; n++) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    ds[0][n][i] = p[0][n][i] * (ds[0][n][i] - rows.delta[part + n * 8 + lane_column + i % 2]);
                }
            }
            add_product<D, 1, kPart / 8>(dk, ds, stage.q + part * D);
        }
    }
    if (warp_key >= tile.keys) return;
    const int count = tile.keys - warp_key;
    bf16* const dkeys = gradient.dqkv + (x.key(kv, tile.begin + warp_key) - x.qkv);
    bf16* const dvalues = gradient.dqkv + (x.value(kv, tile.begin + warp_key) - x.qkv);
    write_rows<D, 1>(dk, [&](int, int) { return x.scale; }, own_k, dkeys, x.width, count, x.head_dim);
    write_rows<D, 1>(dv, [](int, int) { return 1.0f; }, own_v, dvalues, x.width, count, x.head_dim);
}

template <int D, int kQueries>
void launch_backward_keys(CudaDevice& device, const PackedHeads<bf16>& x, const KeyTile* tiles, int64_t count,
                          const AttentionGradient<bf16>& gradient) {
    APO_LAUNCH(device, (attention_backward_keys_kernel<D, kQueries>), unsigned(count * x.kv_heads), unsigned(kThreads),
               sizeof(Shared<D, kQueries>), x, tiles, gradient);
}

}  // namespace

void tensor_attention_backward_keys(CudaDevice& device, const PackedHeads<bf16>& x, const KeyTile* tiles, int64_t count,
                                    const AttentionGradient<bf16>& gradient) {
    // Shorter steps, to the same bits, where a block has less shared memory (8.6, 8.9, 12.x).
    if (x.head_dim <= 64) {
        launch_backward_keys<64, 64>(device, x, tiles, count, gradient);
    } else if (sizeof(Shared<128, 64>) <= size_t(device.shared_bytes_most)) {
        launch_backward_keys<128, 64>(device, x, tiles, count, gradient);
    } else {
        launch_backward_keys<128, 32>(device, x, tiles, count, gradient);
    }
}

}  // namespace cuda
}  // namespace apo
