// Rows picked by index, and rows added by index. The sums have the order of the rows, whatever runs when.
#include "dispatch.h"
#include "family.h"

namespace apo {
namespace cuda {

namespace {

constexpr int64_t kMostThreads = 256;
constexpr int kThreads = 128;  // of a block that adds
constexpr int32_t kNone = -1;

// A block has a row: out(row, :) = table(index(row), :), in words of 16 bytes or 2.
template <class Word>
__global__ void copy_rows_kernel(int64_t words, const int32_t* index, const Word* table, Word* out) {
    const int64_t row = blockIdx.x;
    const Word* source = table + int64_t(index[row]) * words;
    Word* target = out + row * words;
    for (int64_t j = threadIdx.x; j < words; j += blockDim.x) target[j] = source[j];
}

void copy_rows(CudaDevice& d, int64_t rows, int64_t row_bytes, const int32_t* index, const void* table, void* out) {
    if (rows == 0) return;
    auto run = [&](auto word) {
        using Word = decltype(word);
        const int64_t words = row_bytes / int64_t(sizeof(Word));
        APO_LAUNCH(d, copy_rows_kernel<Word>, unsigned(rows), threads_for(words, kMostThreads), 0, words, index,
                   static_cast<const Word*>(table), static_cast<Word*>(out));
    };
    if (in_vectors({table, out}, {row_bytes})) {
        run(uint4{});
    } else {
        run(uint16_t{});
    }
}

// target(index, :) += x(row, :) over the rows of that index, but for the index `left_out`. blockIdx.x is a row: the first of its index sums for all of
// them, in their order, the others end at once. blockIdx.y is a piece of kThreads * N columns. Finding the rows costs a look
// at all indices for each block; they are few against the rows themselves, and no sorting is needed.
template <class T, class Target, int N>
__global__ void add_rows_kernel(int rows, int64_t width, const int32_t* index, int32_t left_out, const T* x, Target* target) {
    APO_SHARED(int, found, kThreads);
    APO_SHARED(int, counts, kThreads / kWarp);
    const int first = int(blockIdx.x), id = index[first], thread = int(threadIdx.x);
    bool before = false;
    for (int r = thread; r < first; r += kThreads) before = before || index[r] == id;
    if (__syncthreads_or(before) || id == left_out) return;
    const int64_t j = (int64_t(blockIdx.y) * kThreads + thread) * N;
    const bool inside = j < width;
    Target* at = target + int64_t(id) * width + j;
    Floats<N> sum{};
    if (inside) sum = load_all<N>(at);
    for (int begin = first; begin < rows; begin += kThreads) {
        const int r = begin + thread;
        const bool match = r < rows && index[r] == id;
        const uint32_t matches = __ballot_sync(kAllLanes, match);
        if (lane_index() == 0) counts[warp_index()] = __popc(matches);
        __syncthreads();
        int place = __popc(matches & ((1u << lane_index()) - 1)), total = 0;
        for (int warp = 0; warp < kThreads / kWarp; warp++) {
            if (warp < warp_index()) place += counts[warp];
            total += counts[warp];
        }
        if (match) found[place] = r;
        __syncthreads();
        for (int i = 0; inside && i < total; i++) {
            const Floats<N> y = load<N>(x + int64_t(found[i]) * width + j);
#pragma unroll
            for (int k = 0; k < N; k++) sum[k] += y[k];
        }
        __syncthreads();
    }
    if (inside) store_all<N>(at, sum);
}

template <class T, class Target>
void add_rows(CudaDevice& d, int64_t rows, int64_t width, const int32_t* index, int32_t left_out, const void* x, Target* target) {
    if (rows == 0) return;
    auto run = [&](auto vector) {
        APO_LAUNCH(d, (add_rows_kernel<T, Target, vector>), dim3(unsigned(rows), blocks_for(width, kThreads * vector)), kThreads, 0,
                   int(rows), width, index, left_out, static_cast<const T*>(x), target);
    };
    if (in_vectors({x, target}, {width * int64_t(sizeof(T))})) {
        run(std::integral_constant<int, kVector<T>>{});
    } else {
        run(std::integral_constant<int, 1>{});
    }
}

}  // namespace

void embedding_forward(Device& device, const EmbeddingForward& op) {
    copy_rows(gpu(device), op.tokens, op.hidden * int64_t(bytes_of(op.dtype)), op.ids, op.table, op.out);
}

void embedding_backward(Device& device, const EmbeddingBackward& op) {
    with_type(op.dtype, [&](auto tag) {
        add_rows<decltype(tag)>(gpu(device), op.tokens, op.hidden, op.ids, op.padding, op.dout, op.dtable);
    });
}

void gather_rows(Device& device, const GatherRows& op) {
    copy_rows(gpu(device), op.rows, op.width * int64_t(bytes_of(op.dtype)), op.index, op.x, op.out);
}

void scatter_add_rows(Device& device, const ScatterAddRows& op) {
    with_type(op.dtype, [&](auto tag) {
        using T = decltype(tag);
        add_rows<T>(gpu(device), op.rows, op.width, op.index, kNone, op.x, static_cast<T*>(op.out));
    });
}

}  // namespace cuda
}  // namespace apo
