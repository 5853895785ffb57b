// Attention over packed segments without tensor cores: for f32, which tests and small models use, and for heads that
// the tensor-core kernels do not take. A block has 16 queries or 16 keys and meets 16 of the others at a time; everything is f32
// in shared memory.
#include "attention_kernels.h"
#include "launch.h"
#include "reduce.h"

namespace apo {
namespace cuda {

namespace {

constexpr int kThreads = 128;
constexpr int kTile = kPlainTile;

// Parts of the block's shared memory: arrays (kTile, D) with rows one longer, so that a column lies in different banks, and
// squares (kTile, kTile).
class Room {
public:
    APO_DEVICE explicit Room(int head_dim) : next_(dynamic_shared<float>()), ld_(head_dim + 1) {}
    APO_DEVICE float* rows() { return take(kTile * ld_); }
    APO_DEVICE float* square() { return take(kTile * kTile); }
    APO_DEVICE float* vector() { return take(kTile); }
    static size_t bytes(int rows, int squares, int vectors, int head_dim) {
        return size_t(kTile) * size_t(rows * (head_dim + 1) + squares * kTile + vectors) * sizeof(float);
    }

private:
    APO_DEVICE float* take(int count) {
        float* part = next_;
        next_ += count;
        return part;
    }
    float* next_;
    int ld_;
};

// body(row, column) for each element of (kTile, columns); always the same thread for an element.
template <class Body>
APO_DEVICE void for_each(int columns, Body body) {
    for (int i = int(threadIdx.x); i < kTile * columns; i += kThreads) body(i / columns, i % columns);
}

// Rows [0, count) of `source`, zeros behind them.
template <class T>
APO_DEVICE void read_rows(float* room, const T* source, int64_t ld, int count, int d) {
    for_each(d, [&](int r, int c) { room[r * (d + 1) + c] = r < count ? to_float(source[r * ld + c]) : 0.0f; });
}

template <class T>
APO_DEVICE void write_rows(const float* room, T* target, int64_t ld, int count, int d) {
    for_each(d, [&](int r, int c) {
        if (r < count) target[r * ld + c] = from_float<T>(room[r * (d + 1) + c]);
    });
}

APO_DEVICE void clear_rows(float* room, int d) {
    for_each(d, [&](int r, int c) { room[r * (d + 1) + c] = 0.0f; });
}

// Row i of a times row j of b.
APO_DEVICE float dot(const float* a, int i, const float* b, int j, int d) {
    float sum = 0;
    for (int c = 0; c < d; c++) sum += a[i * (d + 1) + c] * b[j * (d + 1) + c];
    return sum;
}

template <class T>
__global__ void plain_forward_kernel(PackedHeads<T> x, const QueryTile* tiles, T* out, float* lse) {
    APO_SHARED(QueryTile, tile_room, 1);
    const int d = x.head_dim, head = int(blockIdx.x) % x.heads, kv = x.kv_head(head);
    const QueryTile& tile = shared_tile(tiles + int(blockIdx.x) / x.heads, tile_room);
    const KeySteps steps(tile, kTile);
    Room room(d);
    float *q = room.rows(), *k = room.rows(), *v = room.rows(), *sums = room.rows(), *p = room.square();
    float *most = room.vector(), *total = room.vector(), *shrink = room.vector();
    read_rows(q, x.query(head, tile.begin), x.width, tile.rows, d);
    clear_rows(sums, d);
    if (threadIdx.x < kTile) most[threadIdx.x] = -INFINITY, total[threadIdx.x] = 0.0f;
    for (int step = 0; step < steps.count(); step++) {
        const KeyRange keys = steps.at(step);
        read_rows(k, x.key(kv, keys.begin), x.width, keys.count, d);
        read_rows(v, x.value(kv, keys.begin), x.width, keys.count, d);
        __syncthreads();
        for_each(kTile, [&](int i, int j) {
            const Visible sees = visible(keys, steps.distance(keys, tile.begin + i), x.window);
            p[i * kTile + j] = sees(j) ? dot(q, i, k, j, d) * x.scale : -INFINITY;
        });
        __syncthreads();
        if (threadIdx.x < kTile) {
            const int i = int(threadIdx.x);
            float top = most[i], sum = 0;
            for (int j = 0; j < kTile; j++) top = fmaxf(top, p[i * kTile + j]);
            const float base = top == -INFINITY ? 0.0f : top;  // a row may see none of these keys
            for (int j = 0; j < kTile; j++) sum += p[i * kTile + j] = expf(p[i * kTile + j] - base);
            shrink[i] = expf(most[i] - base);
            total[i] = total[i] * shrink[i] + sum;
            most[i] = top;
        }
        __syncthreads();
        for_each(d, [&](int i, int c) {
            float sum = sums[i * (d + 1) + c] * shrink[i];
            for (int j = 0; j < kTile; j++) sum += p[i * kTile + j] * v[j * (d + 1) + c];
            sums[i * (d + 1) + c] = sum;
        });
        __syncthreads();
    }
    for_each(d, [&](int i, int c) { sums[i * (d + 1) + c] /= total[i]; });
    write_rows(sums, x.head_row(out, head, tile.begin), int64_t(x.heads) * d, tile.rows, d);
    if (int(threadIdx.x) < tile.rows) {
        lse[int64_t(tile.begin + int(threadIdx.x)) * x.heads + head] = most[threadIdx.x] + logf(total[threadIdx.x]);
    }
}

template <class T>
__global__ void plain_backward_queries_kernel(PackedHeads<T> x, const QueryTile* tiles, AttentionGradient<T> gradient) {
    APO_SHARED(QueryTile, tile_room, 1);
    const int d = x.head_dim, head = int(blockIdx.x) % x.heads, kv = x.kv_head(head);
    const QueryTile& tile = shared_tile(tiles + int(blockIdx.x) / x.heads, tile_room);
    const KeySteps steps(tile, kTile);
    Room room(d);
    float *q = room.rows(), *dout = room.rows(), *k = room.rows(), *v = room.rows(), *dq = room.rows(), *ds = room.square();
    read_rows(q, x.query(head, tile.begin), x.width, tile.rows, d);
    read_rows(dout, x.head_row(gradient.dout, head, tile.begin), int64_t(x.heads) * d, tile.rows, d);
    clear_rows(dq, d);
    for (int step = 0; step < steps.count(); step++) {
        const KeyRange keys = steps.at(step);
        read_rows(k, x.key(kv, keys.begin), x.width, keys.count, d);
        read_rows(v, x.value(kv, keys.begin), x.width, keys.count, d);
        __syncthreads();
        for_each(kTile, [&](int i, int j) {
            const Visible sees = visible(keys, steps.distance(keys, tile.begin + i), x.window);
            const int64_t at = int64_t(tile.begin + i) * x.heads + head;
            ds[i * kTile + j] = i < tile.rows && sees(j) ? expf(dot(q, i, k, j, d) * x.scale - gradient.lse[at]) *
                                                               (dot(dout, i, v, j, d) - gradient.delta[at]) * x.scale
                                                         : 0.0f;
        });
        __syncthreads();
        for_each(d, [&](int i, int c) {
            float sum = dq[i * (d + 1) + c];
            for (int j = 0; j < kTile; j++) sum += ds[i * kTile + j] * k[j * (d + 1) + c];
            dq[i * (d + 1) + c] = sum;
        });
        __syncthreads();
    }
    write_rows(dq, gradient.dqkv + (x.query(head, tile.begin) - x.qkv), x.width, tile.rows, d);
}

template <class T>
__global__ void plain_backward_keys_kernel(PackedHeads<T> x, const KeyTile* tiles, AttentionGradient<T> gradient) {
    APO_SHARED(KeyTile, tile_room, 1);
    const int d = x.head_dim, kv = int(blockIdx.x) % x.kv_heads, group = x.heads / x.kv_heads;
    const KeyTile& tile = shared_tile(tiles + int(blockIdx.x) / x.kv_heads, tile_room);
    Room room(d);
    float *k = room.rows(), *v = room.rows(), *q = room.rows(), *dout = room.rows(), *dk = room.rows(), *dv = room.rows();
    float *p = room.square(), *ds = room.square();
    read_rows(k, x.key(kv, tile.begin), x.width, tile.keys, d);
    read_rows(v, x.value(kv, tile.begin), x.width, tile.keys, d);
    clear_rows(dk, d);
    clear_rows(dv, d);
    for (int head = kv * group; head < (kv + 1) * group; head++) {
        for (int begin = tile.begin; begin < tile.query_end; begin += kTile) {
            const int count = min(kTile, tile.query_end - begin);
            read_rows(q, x.query(head, begin), x.width, count, d);
            read_rows(dout, x.head_row(gradient.dout, head, begin), int64_t(x.heads) * d, count, d);
            __syncthreads();
            for_each(kTile, [&](int i, int j) {
                bool sees = i < count && j < tile.keys && tile.begin + j <= begin + i;
                if (sees && gradient.positions != nullptr) {
                    sees = gradient.positions[begin + i] - gradient.positions[tile.begin + j] < x.window;
                }
                const int64_t at = int64_t(begin + i) * x.heads + head;
                const float weight = sees ? expf(dot(q, i, k, j, d) * x.scale - gradient.lse[at]) : 0.0f;
                p[i * kTile + j] = weight;
                ds[i * kTile + j] = sees ? weight * (dot(dout, i, v, j, d) - gradient.delta[at]) * x.scale : 0.0f;
            });
            __syncthreads();
            for_each(d, [&](int j, int c) {
                float dkey = dk[j * (d + 1) + c], dvalue = dv[j * (d + 1) + c];
                for (int i = 0; i < kTile; i++) {
                    dkey += ds[i * kTile + j] * q[i * (d + 1) + c];
                    dvalue += p[i * kTile + j] * dout[i * (d + 1) + c];
                }
                dk[j * (d + 1) + c] = dkey, dv[j * (d + 1) + c] = dvalue;
            });
            __syncthreads();
        }
    }
    write_rows(dk, gradient.dqkv + (x.key(kv, tile.begin) - x.qkv), x.width, tile.keys, d);
    write_rows(dv, gradient.dqkv + (x.value(kv, tile.begin) - x.qkv), x.width, tile.keys, d);
}

}  // namespace

template <class T>
void plain_attention_forward(CudaDevice& device, const PackedHeads<T>& x, const QueryTile* tiles, int64_t count, T* out, float* lse) {
    APO_LAUNCH(device, plain_forward_kernel<T>, unsigned(count * x.heads), unsigned(kThreads), Room::bytes(4, 1, 3, x.head_dim), x, tiles,
               out, lse);
}

template <class T>
void plain_attention_backward_queries(CudaDevice& device, const PackedHeads<T>& x, const QueryTile* tiles, int64_t count,
                                      const AttentionGradient<T>& gradient) {
    APO_LAUNCH(device, plain_backward_queries_kernel<T>, unsigned(count * x.heads), unsigned(kThreads), Room::bytes(5, 1, 0, x.head_dim),
               x, tiles, gradient);
}

template <class T>
void plain_attention_backward_keys(CudaDevice& device, const PackedHeads<T>& x, const KeyTile* tiles, int64_t count,
                                   const AttentionGradient<T>& gradient) {
    APO_LAUNCH(device, plain_backward_keys_kernel<T>, unsigned(count * x.kv_heads), unsigned(kThreads), Room::bytes(6, 2, 0, x.head_dim),
               x, tiles, gradient);
}

template void plain_attention_forward(CudaDevice&, const PackedHeads<float>&, const QueryTile*, int64_t, float*, float*);
template void plain_attention_forward(CudaDevice&, const PackedHeads<bf16>&, const QueryTile*, int64_t, bf16*, float*);
template void plain_attention_backward_queries(CudaDevice&, const PackedHeads<float>&, const QueryTile*, int64_t, const AttentionGradient<float>&);
template void plain_attention_backward_queries(CudaDevice&, const PackedHeads<bf16>&, const QueryTile*, int64_t, const AttentionGradient<bf16>&);
template void plain_attention_backward_keys(CudaDevice&, const PackedHeads<float>&, const KeyTile*, int64_t, const AttentionGradient<float>&);
template void plain_attention_backward_keys(CudaDevice&, const PackedHeads<bf16>&, const KeyTile*, int64_t, const AttentionGradient<bf16>&);

}  // namespace cuda
}  // namespace apo
