// Decoding attention without tensor cores, for f32 and for shapes that those do not take. A block has a query head of an item;
// a thread one key at a time, then one coordinate of the output.
#include "attention_decode_kernels.h"
#include "attention_tile.h"
#include "launch.h"
#include "reduce.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 128;

template <class T>
__global__ void plain_decode_kernel(DecodeCache<T> cache, DecodePlan plan, float* sums, float2* statistics) {
    APO_SHARED(float, room, kWarp);
    APO_SHARED(float, p, kThreads);
    if (int(blockIdx.x) >= plan.items_now()) return;
    const DecodeItem item = plan.items[blockIdx.x];
    const DecodeUnit unit = plan.units[item.unit];
    const int head = int(blockIdx.y), kv = cache.x.kv_head(head), d = cache.x.head_dim, size = cache.rows.page_size;
    const int row = unit.first_row, length = cache.rows.lengths[row];
    const int32_t* pages = cache.rows.pages + cache.rows.page_begin[row];
    const int first = unit.page_begin + item.split * plan.split_pages(), end = min(unit.page_end, first + plan.split_pages());
    const int key_begin = max(first * size, cache.first_seen(row)), key_end = min(end * size, length);
    const T* q = cache.x.query(head, row);
    float* const out = dynamic_shared<float>();
    for (int c = int(threadIdx.x); c < d; c += kThreads) out[c] = 0.0f;
    float most = -INFINITY, total = 0;
    for (int begin = key_begin; begin < key_end; begin += kThreads) {
        const int key = begin + int(threadIdx.x);
        float score = -INFINITY;
        if (key < key_end) {
            const T* column = cache.page(pages[key / size], kv) + key % size;
            score = 0;
            for (int c = 0; c < d; c++) score += to_float(q[c]) * to_float(column[c * size]);
            score *= cache.x.scale * kLog2E;
        }
        const float top = fmaxf(most, block_max(score, room)), shrink = exp2f(most - top), weight = exp2f(score - top);
        p[threadIdx.x] = weight;
        total = total * shrink + block_sum(weight, room);
        most = top;
        __syncthreads();
        for (int c = int(threadIdx.x); c < d; c += kThreads) {
            float sum = out[c] * shrink;
            for (int i = 0; i < min(kThreads, key_end - begin); i++) {
                sum += p[i] * to_float(cache.page(pages[(begin + i) / size], kv)[(size + (begin + i) % size) * d + c]);
            }
            out[c] = sum;
        }
        __syncthreads();
    }
    const int64_t part = int64_t(unit.first_slot + item.split) * cache.x.heads + head;
    for (int c = int(threadIdx.x); c < d; c += kThreads) sums[part * d + c] = out[c];
    if (threadIdx.x == 0) statistics[part] = {most, total};
}

}  // namespace

template <class T>
void plain_attention_decode(CudaDevice& device, const DecodeCache<T>& cache, const DecodePlan& plan, float* sums, float2* statistics) {
    APO_LAUNCH(device, plain_decode_kernel<T>, dim3(unsigned(plan.most_items), unsigned(cache.x.heads)), unsigned(kThreads),
               size_t(cache.x.head_dim) * sizeof(float), cache, plan, sums, statistics);
}

template void plain_attention_decode(CudaDevice&, const DecodeCache<float>&, const DecodePlan&, float*, float2*);
template void plain_attention_decode(CudaDevice&, const DecodeCache<bf16>&, const DecodePlan&, float*, float2*);

}  // namespace cuda
}  // namespace apo
