#include "engine.h"

#include "cuda_loader.h"

apo_engine::apo_engine(const apo_engine_options& options)
    : apo_engine(options.device == APO_CUDA ? apo::cuda_ops() : apo::cpu_ops(), options) {}

apo_engine::apo_engine(const apo::OpTable& backend, const apo_engine_options& options) : ops(backend), device(*ops.open(options)) {}

apo_engine::~apo_engine() { ops.close(&device); }

namespace apo {

EngineCall::EngineCall(apo_engine& engine) : engine_(engine) {
    if (engine.busy.exchange(true)) {
        fail(APO_E_STATE, "the engine is busy with another call; calls on one engine must not overlap");
    }
}

}  // namespace apo
