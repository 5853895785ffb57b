// The op table: everything a backend has to provide, one row an op.
//
// Conventions
//  - Row-major, contiguous unless a stride (`ld`, in elements) is given. Device memory of the backend.
//  - Symbols: T packed tokens, C hidden, H query heads, G key/value heads, D head size, F feed-forward, V vocabulary,
//    N answers, R rows of the log-prob head. A fused q/k/v row is [H*D | G*D | G*D], W = (H + 2G) * D wide.
//  - `dtype` is that of activations and weights (f32 or bf16). Gradients of weights, norms' statistics, softmax,
//    log-probs, losses and optimizer state are f32; log-prob sums are f64 on the host.
//  - A weight that is not trained has no gradient: where a comment says "or null", the op then leaves that part out.
//  - "assigns" overwrites its output, "accumulates" adds to it. Outputs overlap inputs only where a comment allows it.
//  - Results are deterministic for one thread count; a row's result does not depend on other rows beyond rounding.
//  - Ops throw apo::Error (error.h); they trust their arguments, which the engine has checked.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dropout.h"
#include "metaapo.h"
#include "quantized.h"
#include "transport.h"

namespace apo {

enum class DType : int32_t { f32 = APO_F32, bf16 = APO_BF16 };

inline size_t bytes_of(DType dtype) { return dtype == DType::f32 ? 4 : 2; }

// A backend's open device: threads or streams, scratch memory, matrix library. Each backend derives its own, which its
// table's `open` makes and `close` takes back.
struct Device {};

// What a backend has recorded of work that its owner repeats. Each backend derives its own, as of Device.
struct Recorder {};

// One prompt or answer of a packed batch. A query at t in [begin, end) sees [prompt_begin, prompt_end) and [begin, t].
struct Segment {
    int32_t begin, end;
    int32_t prompt_begin, prompt_end;  // empty for a prompt itself
    int32_t position;                  // RoPE position of `begin`
};

// C(m,n) = op(A) op(B) + beta C; op transposes where asked. Leading dimensions are of the stored matrices.
struct Gemm {
    int64_t m, n, k;
    bool transpose_a, transpose_b;
    DType a_type, b_type, c_type;  // c_type f32, or bf16 where an operand is; f32 with bf16 multiplies in f32
    const void* a;
    int64_t lda;
    const void* b;
    int64_t ldb;
    void* c;
    int64_t ldc;
    float beta;  // 0 assigns, 1 accumulates
};

// out(T,C) = table(V,C)[ids(T)]. Assigns.
struct EmbeddingForward { int64_t tokens, hidden; DType dtype; const int32_t* ids; const void* table; void* out; };
// dtable(V,C) += rows of dout(T,C), in token order for each id but `padding`, whose row stays. Accumulates.
struct EmbeddingBackward { int64_t tokens, hidden, vocab; DType dtype; const int32_t* ids; int32_t padding; const void* dout; float* dtable; };

// x(T,n; stride ld) += bias(n). In place.
struct BiasForward { int64_t tokens, n, ld; DType dtype; void* x; const void* bias; };
// dbias(n) += column sums of dx(T,n; stride ld). Accumulates.
struct BiasBackward { int64_t tokens, n, ld; DType dtype; const void* dx; float* dbias; };

// With delta: residual(T,C) += delta(T,C) first, in place. Then rstd(T) = 1/sqrt(mean(residual²) + eps) and
// out(T,C) = residual * rstd * weight(C). Assigns out and rstd.
struct RmsNormForward {
    int64_t tokens, hidden; DType dtype; float eps;
    void* residual; const void* delta; const void* weight; void* out; float* rstd;
};
// dresidual(T,C) += gradient of the norm's input; dweight(C), or null, += sum over tokens. dresidual is the running gradient of
// the residual stream. Accumulates both.
struct RmsNormBackward {
    int64_t tokens, hidden; DType dtype;
    const void* dout; const void* residual; const void* weight; const float* rstd; void* dresidual; float* dweight;
};

// RMSNorm of each of `heads` heads of D in x(T; stride ld), in place (Qwen3's q/k norms). The input is kept in
// saved(T, heads*D) when saved is not null. Assigns rstd(T, heads).
struct HeadNormForward { int64_t tokens, heads, head_dim, ld; DType dtype; float eps; void* x; const void* weight; void* saved; float* rstd; };
// dx(T; stride ld) from gradient of the output to that of the input, in place; dweight(D), or null, accumulates.
struct HeadNormBackward { int64_t tokens, heads, head_dim, ld; DType dtype; const void* saved; const void* weight; const float* rstd; void* dx; float* dweight; };

// Rotates the q and k heads of qkv(T, W) in place by positions(T); halves layout (x1 = first D/2, x2 = second), as
// transformers' rotate_half. cos and sin are tables (max_positions, D/2). sign +1 forward, -1 backward.
struct Rope { int64_t tokens, heads, kv_heads, head_dim; DType dtype; void* qkv; const int32_t* positions; const float* cos; const float* sin; float sign; };

// Causal attention with a shared prompt and grouped heads over qkv(T, W):
// out(T, H*D) = softmax(q k^T / sqrt(D)) v over the visible keys; lse(T, H) the log-sum-exp. window > 0 hides keys whose
// position is window or more behind. Assigns. Memory O(T).
struct AttentionForward {
    int64_t tokens, heads, kv_heads, head_dim; DType dtype; int32_t window;
    const Segment* segments; int64_t segment_count;  // host memory, in token order
    const void* qkv; void* out; float* lse;
};
// dqkv(T, W) from dout(T, H*D). Assigns. Gradients of a shared prompt's keys sum over its answers in a fixed order.
struct AttentionBackward {
    int64_t tokens, heads, kv_heads, head_dim; DType dtype; int32_t window;
    const Segment* segments; int64_t segment_count;
    const void* qkv; const void* out; const void* dout; const float* lse; void* dqkv;
};

// out(T,F) = silu(gate) * up, gate_up(T, 2F) = [gate | up]. Assigns.
struct SwigluForward { int64_t tokens, ffn; DType dtype; const void* gate_up; void* out; };
// dgate_up(T, 2F) from dout(T,F). Assigns. dgate_up may be gate_up itself.
struct SwigluBackward { int64_t tokens, ffn; DType dtype; const void* gate_up; const void* dout; void* dgate_up; };

// logits = hidden(R,C) head(V,C)^T in chunks that fit `scratch`; logp(R) = logit[target] - lse, lse(R). Assigns.
// argmax(R) (lowest id among equals) and entropy(R) when not null.
struct LogprobForward {
    int64_t rows, hidden, vocab; DType dtype;
    const void* x; const void* head; const int32_t* targets; float* logp; float* lse; int32_t* argmax; float* entropy;
    void* scratch; size_t scratch_bytes;  // at least logprob_scratch(..)
};
// dlogits = coef(R) * (onehot(target) - softmax): dx(R,C) = dlogits head (assigns), dhead(V,C), or null, += dlogits^T x
// (accumulates).
struct LogprobBackward {
    int64_t rows, hidden, vocab; DType dtype;
    const void* x; const void* head; const int32_t* targets; const float* lse; const float* coef; void* dx; float* dhead;
    void* scratch; size_t scratch_bytes;
};

// score(R) = x(R,C) . weight(C), the weight of a type of its own. Assigns.
struct ValueForward { int64_t rows, hidden; DType dtype; const void* x; DType weight_type; const void* weight; float* score; };
// dx(R,C) = dscore(R) weight(C) (assigns), dweight(C), or null, += sum dscore x (accumulates).
struct ValueBackward {
    int64_t rows, hidden; DType dtype; const void* x; DType weight_type; const void* weight; const float* dscore; void* dx; float* dweight;
};

// out(R,C) = x(rows(R), C). Assigns.
struct GatherRows { int64_t rows, width; DType dtype; const int32_t* index; const void* x; void* out; };
// out(T,C) += x(R,C) at index(R), rows of one index in the order of R. Accumulates.
struct ScatterAddRows { int64_t rows, width; DType dtype; const int32_t* index; const void* x; void* out; };

// sums(N) f64 of logp over answer_begin(N+1); losses, weights and dsums by preference_loss.h; coef(R) = dsums of the
// row's answer, or null. One launch. Of results, dsums must be there and the others may be null. pairs, objective and meta, and
// the arrays they point to, are host memory; sums, what results points to and coef are the device's.
struct PreferenceLoss {
    int64_t answers; const int32_t* answer_begin; const float* logp;
    const apo_pairs* pairs; const apo_objective* objective; const apo_meta* meta; double scale;
    double* sums; apo_pair_results results; float* coef;
};

// One AdamW step of n elements: weight, m, v in place, in f32 (arXiv 1711.05101), gradient times `gradient_scale` first; then
// gradient is set to zero. A bf16 weight and its remainder(n) are an f32 number in two halves (split_f32.h); an f32 weight has
// no remainder (null). moments and remainder may be of `allocate_host`.
struct AdamwStep {
    int64_t n; DType dtype; float* gradient; float gradient_scale; void* weight; uint16_t* remainder; float* moment1; float* moment2;
    double learning_rate, beta1, beta2, eps, weight_decay; int64_t step;
};

// The same with 8-bit moments and without a master: codes(n) and scales(ceil(n / 256)) of each moment in place, as adamw8.h
// describes; a bf16 weight is rounded stochastically by Philox of (seed, step, first + index), first a multiple of 4. All backends
// give the same bits.
struct Adamw8Step {
    int64_t n; DType dtype; float* gradient; float gradient_scale; void* weight;
    uint8_t* codes1; float* scales1; uint8_t* codes2; float* scales2;
    double learning_rate, beta1, beta2, eps, weight_decay; int64_t step; uint64_t seed; int64_t first;
};

// K and V rows of qkv(B, W) to page slots; slot(B) = page * page_size + offset. A page of the cache holds for each of the
// G heads the keys (D, page_size), so that a vector has one coordinate of many keys, then the values (page_size, D).
struct KvAppend { int64_t rows, heads, kv_heads, head_dim, page_size; DType dtype; const void* qkv; const int32_t* slots; void* cache; };
// One query token of each sequence against its pages: out(B, H*D). Sequence b sees lengths(B) tokens on
// pages[page_begin(B) ..]; window as in AttentionForward. Sequences of one prompt share its pages. qkv and cache are multiples of
// 16. Assigns. `plan`, decode_plan_bytes(rows) of the device's memory, says how the work is shared out: plan_decode makes it,
// once for the layers of a step, from everything here but qkv, cache and out.
struct AttentionDecode {
    int64_t rows, heads, kv_heads, head_dim, page_size; DType dtype; int32_t window;
    const void* qkv; const void* cache; const int32_t* pages; const int32_t* page_begin; const int32_t* lengths; void* plan; void* out;
};
constexpr int32_t kMostDecodeItems = 1024;  // parts into which a backend shares out the work, beside two a row
constexpr size_t decode_plan_bytes(int64_t rows) { return 64 * size_t(rows) + 8 * size_t(kMostDecodeItems) + 64; }

// How a token of one row is drawn. `greedy` does not read what follows it; top_k 0 is all.
struct Draw {
    int32_t greedy, top_k;
    double temperature, top_p;
    uint64_t seed, key;          // the random number is Philox4x32-10 of (seed, key, answer, position) (philox.h)
    int32_t answer, position;
};
// Samples a token of each row of logits(B,V) f32: temperature, then top-k, then top-p, then inversion with a uniform number,
// in order of ids, or of falling logits where top-k or top-p choose. Weights and sums are sampling.h's, so that equal logits give
// equal ids on all backends. Where no weight is above 0 (logits that are not finite), and greedily, it is the lowest id of the
// largest logit. With `bias` row r draws from logits to which bias[i] is added at the different ids bias_ids[i], i from
// bias_begin[r] to bias_begin[r + 1]; bias is used up, and the logits are afterwards as before. logp is of the untempered,
// unfiltered distribution without bias. Equal to the bit for a row, whatever the others are.
struct Sample {
    int64_t rows, vocab; float* logits; const Draw* draws; bool some;  // some: top-k or top-p choose in a row
    const int32_t* bias_begin; const int32_t* bias_ids; float* bias;   // or null
    int32_t* ids; float* logp;
};
// The count (at most vocab) most probable tokens of each row of logits(B,V) f32, of equals the lowest ids first, and log-probs
// of theirs and, where there are targets(B), of these: the bits that Sample gives the same token. Assigns.
struct TopLogprobs {
    int64_t rows, vocab; const float* logits; int32_t count; int32_t* ids; float* logps;  // (B,count)
    const int32_t* targets; float* target_logp;  // (B), or null
};

// y(n) of y_type = x(n) of x_type, rounding to nearest even. Assigns.
struct Convert { int64_t n; DType x_type; const void* x; DType y_type; void* y; };
// y(n) += x(n).
struct Add { int64_t n; DType dtype; const void* x; void* y; };
// x(R,n; stride ld) *= factor. In place.
struct Scale { int64_t rows, n, ld; DType dtype; void* x; float factor; };
// y(T,n) = kept x(T,n) / (1 - p), or with `accumulate` += that; rounded once. kept is 1 or 0 by the key, its row and its column
// (dropout.h). y may be x. All backends give the same bits.
struct Dropout { int64_t tokens, n; DType dtype; DropoutKey key; bool accumulate; const void* x; void* y; };

// out(count) = values [first, first + count) of W, row after row, each rounded to bf16 (quantized.h). first is a multiple of
// kNf4Block. Assigns. All backends give the same bits.
struct Dequantize { QuantizedMatrix w; int64_t first, count; DType dtype; void* out; };
// out(R,n; stride ldo) = x(R,k; stride ldx) W(n,k)^T of a few rows, W's codes read where they lie: its values are those of
// dequantize, sums are f32. R is at most quantized_rows(w). Assigns.
struct QuantizedProduct { QuantizedMatrix w; int64_t rows; DType dtype; const void* x; int64_t ldx; void* out; int64_t ldo; };

// Work that is done again and again: work(context) calls ops and nothing else of the table, and all their arguments, addresses
// among them, are the same whenever the key is, for one recorder; what differs from time to time lies in the device's memory. A
// backend may record the work and then replay it, to the same bits, without calling it, or call it twice where recording fails.
// Recordings are thrown away when memory is released: behind a release the same key may have other addresses. After a failure work
// runs as it is for a while, before recording is tried again.
struct Repeat { int64_t key; void (*work)(void* context); void* context; };
constexpr int64_t kMostFilling = 16;

// Collectives of the ranks that a device's group was opened with; all ranks make the same ones in the same order. On a lane each begins
// when the ops before it are done and runs beside those after it, up to the next await_lane: on a GPU a stream, on the CPU they are
// done when the call returns.
enum class Lane : int32_t { weights, gradients };
// out(part) = the sum over ranks of the unit(ranks, part) of each at this rank's place, in an order that does not change from call to
// call; with `accumulate` += that, where unit's own part may be written to. Else out may be that part. On the lane of gradients.
struct ReduceScatter { float* unit; int64_t part; float* out; bool accumulate; };
// unit(ranks, bytes): each rank's part, which is at its place already, comes to all. On the lane of weights.
struct AllGather { void* unit; size_t bytes; };
// Ops from here on see what all but the last `pending` of a lane's collectives have done.
struct AwaitLane { Lane lane; int32_t pending; };

// Layout of OpTable and of the argument structs above; a backend that was built with another is refused.
constexpr int32_t kOpsAbiVersion = 12;

// The ops that are functions void name(Device&, const Argument&): op(name, Argument) for each.
#define APO_OPS(op)                           \
    op(gemm, Gemm)                            \
    op(embedding_forward, EmbeddingForward)   \
    op(embedding_backward, EmbeddingBackward) \
    op(bias_forward, BiasForward)             \
    op(bias_backward, BiasBackward)           \
    op(rmsnorm_forward, RmsNormForward)       \
    op(rmsnorm_backward, RmsNormBackward)     \
    op(head_norm_forward, HeadNormForward)    \
    op(head_norm_backward, HeadNormBackward)  \
    op(rope, Rope)                            \
    op(attention_forward, AttentionForward)   \
    op(attention_backward, AttentionBackward) \
    op(swiglu_forward, SwigluForward)         \
    op(swiglu_backward, SwigluBackward)       \
    op(logprob_forward, LogprobForward)       \
    op(logprob_backward, LogprobBackward)     \
    op(value_forward, ValueForward)           \
    op(value_backward, ValueBackward)         \
    op(gather_rows, GatherRows)               \
    op(scatter_add_rows, ScatterAddRows)      \
    op(preference_loss, PreferenceLoss)       \
    op(adamw_step, AdamwStep)                 \
    op(adamw8_step, Adamw8Step)               \
    op(kv_append, KvAppend)                   \
    op(plan_decode, AttentionDecode)          \
    op(attention_decode, AttentionDecode)     \
    op(sample, Sample)                        \
    op(top_logprobs, TopLogprobs)             \
    op(convert, Convert)                      \
    op(add, Add)                              \
    op(scale, Scale)                          \
    op(dropout, Dropout)                      \
    op(dequantize, Dequantize)                \
    op(quantized_product, QuantizedProduct)

// A backend's functions; none is null in a complete backend. Copies are between host and device, and the host's memory is
// free for other use when they return; on the CPU they are memcpy. Arrays are of the device's memory unless an op says host.
struct OpTable {
    int32_t abi_version;  // kOpsAbiVersion
    int32_t bytes;        // sizeof(OpTable)
    int32_t (*device_count)();  // that may be opened; throws APO_E_DEVICE with the reason where there is none
    Device* (*open)(const apo_engine_options& options);
    void (*close)(Device*);
    void (*info)(Device&, apo_device_info* info);
    void* (*allocate)(Device&, size_t bytes);  // 64-byte aligned, zeroed; throws APO_E_MEMORY with the numbers
    // Host memory that ops may read and write too, for what does not fit the device's: as allocate, and slow to reach. On the CPU
    // the same as allocate.
    void* (*allocate_host)(Device&, size_t bytes);
    void (*release)(Device&, void*);
    void (*release_host)(Device&, void*);
    void (*copy_to_device)(Device&, void* target, const void* source, size_t bytes);
    void (*copy_to_host)(Device&, void* target, const void* source, size_t bytes);
    void (*copy)(Device&, void* target, const void* source, size_t bytes);  // device to device
    void (*fill_zero)(Device&, void* target, size_t bytes);
    // From memory of allocate_host to the device's, beside the ops: it begins when the ops before it are done, and those after the
    // next await_copies see it. On the CPU it is a copy.
    void (*copy_ahead)(Device&, void* target, const void* source, size_t bytes);
    void (*await_copies)(Device&);
    // Brings the devices of all ranks together; the transport lives until the device is closed. Throws APO_E_UNSUPPORTED or
    // APO_E_DEVICE with the reason where that cannot be.
    void (*open_group)(Device&, const Transport&);
    void (*reduce_scatter)(Device&, const ReduceScatter&);
    void (*all_gather)(Device&, const AllGather&);
    void (*await_lane)(Device&, const AwaitLane&);
    Recorder* (*open_recorder)(Device&);  // to be closed before the device
    void (*close_recorder)(Device&, Recorder*);
    void (*repeat)(Device&, Recorder&, const Repeat&);
    // How many rows work of so many is best filled up to before it is repeated, for few numbers of them to be recorded: kMostFilling
    // more at most. On the CPU none.
    int64_t (*repeat_rows)(Device&, int64_t rows);
    // One line, to the recorder's next call, on what has kept it from recording, each once; null for nothing new.
    const char* (*recorder_notice)(Recorder&);

    int64_t (*logprob_rows)(int64_t rows, int64_t hidden, int64_t vocab, bool backward);  // of `rows`, for a call to take: head_sizes.h
    size_t (*logprob_scratch)(int64_t rows, int64_t hidden, int64_t vocab, DType, bool backward);
    int64_t (*quantized_rows)(const QuantizedMatrix& w);  // that quantized_product takes with it; 0 for none
    double (*squared_norm)(Device&, const float* x, int64_t n);  // sum of squares in f64, fixed order

#define APO_OP_FIELD(name, Argument) void (*name)(Device&, const Argument&);
    APO_OPS(APO_OP_FIELD)
#undef APO_OP_FIELD
};

// The CPU backend's table for the best instruction set of this machine.
const OpTable& cpu_ops();

}  // namespace apo
