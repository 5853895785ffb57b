// metaapo.h: adapters.
#include "adapter.h"
#include "api_tensors.h"
#include "merge.h"

using namespace apo;

apo_status apo_adapter_create(apo_model* model, const apo_adapter_config* config, apo_adapter** adapter, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(model, "model").engine);
        required(adapter, "adapter");
        *adapter = new apo_adapter(*model, required(config, "config"));
    });
}

apo_status apo_adapter_tensor_count(apo_adapter* adapter, int32_t* count, apo_error* error) {
    return guarded(error, [&] { required(count, "count") = tensor_count(required(adapter, "adapter")); });
}

apo_status apo_adapter_tensor(apo_adapter* adapter, int32_t index, apo_tensor_info* info, apo_error* error) {
    return guarded(error, [&] { required(info, "info") = tensor_info(required(adapter, "adapter"), index); });
}

apo_status apo_adapter_write(apo_adapter* adapter, int32_t index, int64_t offset, int64_t count, const void* source,
                             int32_t source_dtype, apo_error* error) {
    return guarded(error, [&] { write_tensor(required(adapter, "adapter"), index, offset, count, source, source_dtype); });
}

apo_status apo_adapter_read(apo_adapter* adapter, int32_t index, int64_t offset, int64_t count, void* target, int32_t target_dtype,
                            apo_error* error) {
    return guarded(error, [&] { read_tensor(required(adapter, "adapter"), index, offset, count, target, target_dtype); });
}

apo_status apo_adapter_initialize(apo_adapter* adapter, uint64_t seed, int32_t kind, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(adapter, "adapter").engine);
        adapter->initialize(seed, kind);
    });
}

apo_status apo_adapter_copy(apo_adapter* target, apo_adapter* source, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(target, "target").engine);
        target->copy_from(required(source, "source"));
    });
}

apo_status apo_adapter_close(apo_adapter* adapter, apo_error* error) {
    return guarded(error, [&] { close_parameters(adapter, "scorers, trainers or generators"); });
}

apo_status apo_model_merge(apo_model* target, apo_model* source, apo_adapter* adapter, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(target, "target").engine);
        merge(*target, required(source, "source"), required(adapter, "adapter"));
    });
}
