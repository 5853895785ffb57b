// The functions of the CUDA backend that table.cu gathers.
#pragma once

#include "ops.h"

namespace apo {
namespace cuda {

int32_t device_count();
Device* open(const apo_engine_options&);
void close(Device*);
void info(Device&, apo_device_info*);
void* allocate(Device&, size_t bytes);
void* allocate_host(Device&, size_t bytes);
void release(Device&, void*);
void release_host(Device&, void*);
void copy_to_device(Device&, void* target, const void* source, size_t bytes);
void copy_to_host(Device&, void* target, const void* source, size_t bytes);
void copy(Device&, void* target, const void* source, size_t bytes);
void fill_zero(Device&, void* target, size_t bytes);
void copy_ahead(Device&, void* target, const void* source, size_t bytes);
void await_copies(Device&);
Recorder* open_recorder(Device&);
void close_recorder(Device&, Recorder*);
void repeat(Device&, Recorder&, const Repeat&);

void gemm(Device&, const Gemm&);
void embedding_forward(Device&, const EmbeddingForward&);
void embedding_backward(Device&, const EmbeddingBackward&);
void bias_forward(Device&, const BiasForward&);
void bias_backward(Device&, const BiasBackward&);
void rmsnorm_forward(Device&, const RmsNormForward&);
void rmsnorm_backward(Device&, const RmsNormBackward&);
void head_norm_forward(Device&, const HeadNormForward&);
void head_norm_backward(Device&, const HeadNormBackward&);
void rope(Device&, const Rope&);
void attention_forward(Device&, const AttentionForward&);
void attention_backward(Device&, const AttentionBackward&);
void swiglu_forward(Device&, const SwigluForward&);
void swiglu_backward(Device&, const SwigluBackward&);
void logprob_forward(Device&, const LogprobForward&);
void logprob_backward(Device&, const LogprobBackward&);
void value_forward(Device&, const ValueForward&);
void value_backward(Device&, const ValueBackward&);
void gather_rows(Device&, const GatherRows&);
void scatter_add_rows(Device&, const ScatterAddRows&);
void preference_loss(Device&, const PreferenceLoss&);
void adamw_step(Device&, const AdamwStep&);
void adamw8_step(Device&, const Adamw8Step&);
double squared_norm(Device&, const float* x, int64_t n);
void kv_append(Device&, const KvAppend&);
void plan_decode(Device&, const AttentionDecode&);
void attention_decode(Device&, const AttentionDecode&);
void sample(Device&, const Sample&);
void convert(Device&, const Convert&);
void add(Device&, const Add&);

}  // namespace cuda
}  // namespace apo
