// metaapo.h: models.
#include <cstdio>

#include "boundary.h"
#include "model.h"

using namespace apo;

namespace {

apo_status create(apo_engine* engine, const apo_model_config* config, int32_t dtype, bool offload, apo_model** model, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(engine, "engine"));
        required(config, "config");
        required(model, "model");
        *model = new apo_model(*engine, *config, checked_dtype(dtype, "dtype"), offload);
    });
}

}  // namespace

apo_status apo_model_create(apo_engine* engine, const apo_model_config* config, int32_t dtype, apo_model** model,
                            apo_error* error) {
    return create(engine, config, dtype, false, model, error);
}

apo_status apo_model_create_offloaded(apo_engine* engine, const apo_model_config* config, int32_t dtype, apo_model** model,
                                      apo_error* error) {
    return create(engine, config, dtype, true, model, error);
}

apo_status apo_model_tensor_count(apo_model* model, int32_t* count, apo_error* error) {
    return guarded(error, [&] { required(count, "count") = int32_t(required(model, "model").shape.tensors().size()); });
}

apo_status apo_model_tensor(apo_model* model, int32_t index, apo_tensor_info* info, apo_error* error) {
    return guarded(error, [&] {
        const TensorSpec& spec = required(model, "model").tensor(index);
        apo_tensor_info& out = required(info, "info");
        out = {};
        std::snprintf(out.name, sizeof out.name, "%s", spec.name.c_str());
        out.rank = spec.rank;
        out.shape[0] = spec.shape[0];
        out.shape[1] = spec.shape[1];
        out.count = spec.count();
    });
}

apo_status apo_model_write(apo_model* model, int32_t index, int64_t offset, int64_t count, const void* source,
                           int32_t source_dtype, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(model, "model").engine);
        required(source, "source");
        model->write(index, offset, count, source, checked_dtype(source_dtype, "source_dtype"));
    });
}

apo_status apo_model_read(apo_model* model, int32_t index, int64_t offset, int64_t count, void* target,
                          int32_t target_dtype, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(model, "model").engine);
        required(target, "target");
        model->read(index, offset, count, target, checked_dtype(target_dtype, "target_dtype"));
    });
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
    return guarded(error, [&] {
        if (model == nullptr) return;
        EngineCall call(model->engine);
        if (model->children > 0) {
            fail(APO_E_STATE, "the model has %d open scorers, trainers or generators; close them first", model->children);
        }
        delete model;
    });
}
