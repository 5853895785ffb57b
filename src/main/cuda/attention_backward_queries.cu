// Gradient of attention's queries on tensor cores: dq = sum over keys of ds k, ds = p (dout v - delta). A block has 128 queries
// of a head, a warp 32 of them, as in the forward; p comes from lse. Keys and values of the next tile are copied while this
// one's are used.
#include "attention_kernels.h"
#include "attention_tile.h"
#include "launch.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 128;
constexpr int kM = 2;
constexpr int kWarpRows = kM * 16;
constexpr int kKeys = 32;  // of a step

template <int D>
__global__ void __launch_bounds__(kThreads, 2)
    attention_backward_queries_kernel(PackedHeads<bf16> x, const QueryTile* tiles, AttentionGradient<bf16> gradient) {
    bf16* const q = dynamic_shared<bf16>();
    bf16* const dout = q + kTensorQueries * D;
    bf16* const stages = dout + kTensorQueries * D;  // two of keys and values
    const int head = int(blockIdx.x) % x.heads, kv = x.kv_head(head);
    APO_SHARED(QueryTile, room, 1);
    APO_SHARED(float, lse, kTensorQueries);  // in powers of 2
    APO_SHARED(float, delta, kTensorQueries);
    const QueryTile& tile = shared_tile(tiles + int(blockIdx.x) / x.heads, room);
    static_assert(kThreads == kTensorQueries, "a thread has a query");
    const bool real = int(threadIdx.x) < tile.rows;
    const int64_t statistic = int64_t(tile.begin + int(threadIdx.x)) * x.heads + head;
    lse[threadIdx.x] = real ? gradient.lse[statistic] * kLog2E : INFINITY;  // p = 0 in rows that are none
    delta[threadIdx.x] = real ? gradient.delta[statistic] : 0.0f;
    const KeySteps steps(tile, kKeys);
    auto copy_step = [&](int step) {
        const KeyRange keys = steps.at(step);
        bf16* const stage = stages + step % 2 * 2 * kKeys * D;
        copy_rows<D, kKeys, kThreads>(stage, x.key(kv, keys.begin), x.width, keys.count, x.head_dim);
        copy_rows<D, kKeys, kThreads>(stage + kKeys * D, x.value(kv, keys.begin), x.width, keys.count, x.head_dim);
        copy_async_commit();
    };
    copy_rows<D, kTensorQueries, kThreads>(q, x.query(head, tile.begin), x.width, tile.rows, x.head_dim);
    copy_rows<D, kTensorQueries, kThreads>(dout, x.head_row(gradient.dout, head, tile.begin), int64_t(x.heads) * x.head_dim, tile.rows,
                                           x.head_dim);
    copy_step(0);

    const int warp_row = warp_index() * kWarpRows, first_query = tile.begin + warp_row;
    const int lane_row = lane_index() / 4;
    bf16* const own_q = q + warp_row * D;
    const float scale = x.scale * kLog2E;
    Accumulators<kM, D / 8> dq;
    clear<kM, D / 8>(dq);
    for (int step = 0; step < steps.count(); step++) {
        copy_async_wait<0>();
        __syncthreads();
        if (step + 1 < steps.count()) copy_step(step + 1);
        const KeyRange keys = steps.at(step);
        const int distance = steps.distance(keys, first_query);
        if (warp_row >= tile.rows || (keys.own && distance + kWarpRows <= 0)) continue;
        const bf16* const k = stages + step % 2 * 2 * kKeys * D;
        Accumulators<kM, kKeys / 8> p, ds;
        clear<kM, kKeys / 8>(p);
        add_product_transposed<D, kM, kKeys / 8>(p, own_q, k);
        hide_unseen<kM, kKeys / 8>(p, keys, distance, x.window);
#pragma unroll
        for (int m = 0; m < kM; m++) {
#pragma unroll
            for (int u = 0; u < 2; u++) {
                const float row_lse = lse[warp_row + m * 16 + u * 8 + lane_row];
#pragma unroll
                for (int n = 0; n < kKeys / 8; n++) {
#pragma unroll
                    for (int i = 2 * u; i < 2 * u + 2; i++) p[m][n][i] = fast_exp2(p[m][n][i] * scale - row_lse);
                }
            }
        }
        clear<kM, kKeys / 8>(ds);
        add_product_transposed<D, kM, kKeys / 8>(ds, dout + warp_row * D, k + kKeys * D);
#pragma unroll
        for (int m = 0; m < kM; m++) {
#pragma unroll
            for (int u = 0; u < 2; u++) {
                const float row_delta = delta[warp_row + m * 16 + u * 8 + lane_row];
#pragma unroll
                for (int n = 0; n < kKeys / 8; n++) {
#pragma unroll
                    for (int i = 2 * u; i < 2 * u + 2; i++) ds[m][n][i] = p[m][n][i] * (ds[m][n][i] - row_delta);
                }
            }
        }
        add_product<D, kM, kKeys / 8>(dq, ds, k);
    }
    if (warp_row >= tile.rows) return;
    bf16* const target = gradient.dqkv + (x.query(head, first_query) - x.qkv);
    write_rows<D, kM>(dq, [&](int, int) { return x.scale; }, own_q, target, x.width, tile.rows - warp_row, x.head_dim);
}

template <int D>
void launch_backward_queries(CudaDevice& device, const PackedHeads<bf16>& x, const QueryTile* tiles, int64_t count,
                             const AttentionGradient<bf16>& gradient) {
    APO_LAUNCH(device, attention_backward_queries_kernel<D>, unsigned(count * x.heads), unsigned(kThreads),
               size_t(2 * kTensorQueries + 4 * kKeys) * D * sizeof(bf16), x, tiles, gradient);
}

}  // namespace

void tensor_attention_backward_queries(CudaDevice& device, const PackedHeads<bf16>& x, const QueryTile* tiles, int64_t count,
                                       const AttentionGradient<bf16>& gradient) {
    if (x.head_dim <= 64) {
        launch_backward_queries<64>(device, x, tiles, count, gradient);
    } else {
        launch_backward_queries<128>(device, x, tiles, count, gradient);
    }
}

}  // namespace cuda
}  // namespace apo
