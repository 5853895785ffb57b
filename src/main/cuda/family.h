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
void open_group(Device&, const Transport&);
void reduce_scatter(Device&, const ReduceScatter&);
void all_gather(Device&, const AllGather&);
void await_lane(Device&, const AwaitLane&);
Recorder* open_recorder(Device&);
void close_recorder(Device&, Recorder*);
void repeat(Device&, Recorder&, const Repeat&);
int64_t repeat_rows(Device&, int64_t rows);
const char* recorder_notice(Recorder&);

#define APO_OP_FUNCTION(name, Argument) void name(Device&, const Argument&);
APO_OPS(APO_OP_FUNCTION)
#undef APO_OP_FUNCTION
int64_t quantized_rows(const QuantizedMatrix& w);
double squared_norm(Device&, const float* x, int64_t n);

}  // namespace cuda
}  // namespace apo
