// metaapo.h: versions and engines.
#include "boundary.h"
#include "cuda_loader.h"
#include "engine.h"

using namespace apo;

int32_t apo_abi_version(void) { return APO_ABI_VERSION; }

const char* apo_version(void) { return METAAPO_VERSION; }

apo_status apo_engine_create(const apo_engine_options* options, apo_engine** engine, apo_error* error) {
    return guarded(error, [&] {
        const apo_engine_options& o = required(options, "options");
        required(engine, "engine");
        if (o.device != APO_CPU && o.device != APO_CUDA) fail(APO_E_ARGUMENT, "device is %d; expected APO_CPU or APO_CUDA", o.device);
        if (o.device_index < 0) fail(APO_E_ARGUMENT, "device_index is %d; expected 0 or more", o.device_index);
        if (o.device == APO_CPU && o.device_index != 0) fail(APO_E_DEVICE, "CPU %d does not exist; the CPU has index 0", o.device_index);
        if (o.threads < 0 || o.threads > 4096) fail(APO_E_ARGUMENT, "threads is %d; expected 0 (all cores) to 4096", o.threads);
        *engine = new apo_engine(o);
    });
}

apo_status apo_device_count(int32_t device, int32_t* count, apo_error* error) {
    return guarded(error, [&] {
        if (device != APO_CPU && device != APO_CUDA) fail(APO_E_ARGUMENT, "device is %d; expected APO_CPU or APO_CUDA", device);
        required(count, "count") = 0;
        *count = device == APO_CPU ? 1 : cuda_ops().device_count();
    });
}

apo_status apo_engine_info(apo_engine* engine, apo_device_info* info, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(engine, "engine"));
        engine->ops.info(engine->device, &required(info, "info"));
    });
}

apo_status apo_engine_close(apo_engine* engine, apo_error* error) {
    return guarded(error, [&] {
        if (engine == nullptr) return;
        {
            EngineCall call(*engine);
            if (engine->children > 0) fail(APO_E_STATE, "the engine has %d open models; close them first", engine->children);
        }
        delete engine;
    });
}
