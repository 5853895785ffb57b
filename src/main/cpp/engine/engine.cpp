#include "engine.h"

#include "cuda_loader.h"

apo_engine::apo_engine(const apo_engine_options& options)
    : apo_engine(options.device == APO_CUDA ? apo::cuda_ops() : apo::cpu_ops(), options) {}

apo_engine::apo_engine(const apo::OpTable& backend, const apo_engine_options& options) : ops(backend), device(*ops.open(options)) {}

apo_engine::~apo_engine() {
    ops.close(&device);
    if (ranks_ != nullptr) ranks_->engines--;
}

void apo_engine::join(apo_ranks& ranks) {
    if (ranks_ != nullptr) apo::fail(APO_E_STATE, "the engine is rank %d of %d already", ranks_->rank(), ranks_->size());
    if (children > 0) apo::fail(APO_E_STATE, "the engine has %d open models; it joins ranks before any is created", children);
    ops.open_group(device, ranks.transport());
    ranks_ = &ranks;
    ranks.engines++;
}

std::vector<double> apo_engine::of_ranks(double x) {
    if (ranks_ == nullptr) return {x};
    std::vector<double> all(size_t(ranks_->size()));
    ranks_->gather(&x, sizeof x, all.data());
    return all;
}

namespace apo {

EngineCall::EngineCall(apo_engine& engine) : engine_(engine) {
    if (engine.busy.exchange(true)) {
        fail(APO_E_STATE, "the engine is busy with another call; calls on one engine must not overlap");
    }
}

}  // namespace apo
