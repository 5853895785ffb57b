// metaapo.h: models.
#include "api_tensors.h"

using namespace apo;

apo_status apo_model_create(apo_engine* engine, const apo_model_config* config, const apo_model_options* options, apo_model** model,
                            apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(engine, "engine"));
        required(config, "config");
        const apo_model_options& o = required(options, "options");
        required(model, "model");
        if (o.offloaded != 0 && o.offloaded != 1) fail(APO_E_ARGUMENT, "offloaded is %d; expected 0 or 1", o.offloaded);
        if (o.sharded != 0 && o.sharded != 1) fail(APO_E_ARGUMENT, "sharded is %d; expected 0 or 1", o.sharded);
        *model = new apo_model(*engine, *config, checked_dtype(o.dtype, "dtype"), o.offloaded != 0, checked_packing(o.quantize), o.sharded != 0);
    });
}

apo_status apo_model_tensor_count(apo_model* model, int32_t* count, apo_error* error) {
    return guarded(error, [&] { required(count, "count") = tensor_count(required(model, "model")); });
}

apo_status apo_model_tensor(apo_model* model, int32_t index, apo_tensor_info* info, apo_error* error) {
    return guarded(error, [&] { required(info, "info") = tensor_info(required(model, "model"), index); });
}

apo_status apo_model_write(apo_model* model, int32_t index, int64_t offset, int64_t count, const void* source,
                           int32_t source_dtype, apo_error* error) {
    return guarded(error, [&] { write_tensor(required(model, "model"), index, offset, count, source, source_dtype); });
}

apo_status apo_model_write_packed(apo_model* model, int32_t index, const apo_packed_matrix* source, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(model, "model").engine);
        model->write_packed(index, required(source, "source"));
    });
}

apo_status apo_model_read(apo_model* model, int32_t index, int64_t offset, int64_t count, void* target, int32_t target_dtype,
                          apo_error* error) {
    return guarded(error, [&] { read_tensor(required(model, "model"), index, offset, count, target, target_dtype); });
}

apo_status apo_model_initialize(apo_model* model, uint64_t seed, double standard_deviation, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(model, "model").engine);
        model->initialize(seed, standard_deviation);
    });
}

apo_status apo_model_copy(apo_model* target, apo_model* source, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(target, "target").engine);
        target->copy_from(required(source, "source"));
    });
}

apo_status apo_model_close(apo_model* model, apo_error* error) {
    return guarded(error, [&] { close_parameters(model, "adapters, scorers, trainers or generators"); });
}
