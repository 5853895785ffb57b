// What metaapo.h says of a model's tensors and of an adapter's alike.
#pragma once

#include <cstdio>

#include "boundary.h"
#include "model.h"

namespace apo {

inline int32_t tensor_count(const Parameters& parameters) { return int32_t(parameters.tensors().size()); }

inline apo_tensor_info tensor_info(const Parameters& parameters, int32_t index) {
    const TensorSpec& spec = parameters.tensor(index);
    apo_tensor_info info{};
    std::snprintf(info.name, sizeof info.name, "%s", spec.name.c_str());
    info.rank = spec.rank;
    info.whole = parameters.whole(index);
    info.shape[0] = spec.shape[0];
    info.shape[1] = spec.shape[1];
    info.count = spec.count();
    return info;
}

inline void write_tensor(Parameters& parameters, int32_t index, int64_t offset, int64_t count, const void* source, int32_t source_dtype) {
    EngineCall call(parameters.engine);
    required(source, "source");
    parameters.write(index, offset, count, source, checked_dtype(source_dtype, "source_dtype"));
}

inline void read_tensor(const Parameters& parameters, int32_t index, int64_t offset, int64_t count, void* target, int32_t target_dtype) {
    EngineCall call(parameters.engine);
    required(target, "target");
    parameters.read(index, offset, count, target, checked_dtype(target_dtype, "target_dtype"));
}

// Closes a handle of parameters, none of whose own may be open.
template <class Handle>
void close_parameters(Handle* handle, const char* what) {
    if (handle == nullptr) return;
    EngineCall call(handle->engine);
    if (handle->children > 0) fail(APO_E_STATE, "the %s has %d open %s; close them first", handle->kind(), handle->children, what);
    delete handle;
}

}  // namespace apo
