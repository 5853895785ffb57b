// Gradients, optimizer state, and the training step of a model.
#pragma once

#include "head.h"
#include "transformer.h"

namespace apo {

struct TrainerBytes {
    int64_t gradients, master, moments;
    WorkspaceBytes workspace;
};

// Throws APO_E_ARGUMENT for options out of range.
TrainerBytes trainer_bytes(const Shape& shape, DType dtype, const OpTable& ops, const apo_trainer_options& options);

}  // namespace apo

// The handle of metaapo.h.
struct apo_trainer {
    apo_trainer(apo_model& model, const apo_trainer_options& options);
    ~apo_trainer();
    apo_trainer(const apo_trainer&) = delete;

    void forward(const apo_batch& batch, float* token_logps, double* sums, apo::Progress& progress);
    void backward(const double* dsums, apo::Progress& progress);
    void backward_tokens(const float* dlogps, apo::Progress& progress);
    void preference(const apo_batch& batch, const apo_pairs& pairs, const apo_objective& objective, const apo_meta& meta,
                    double scale, double* sums, const apo_pair_results& results, apo::Progress& progress);
    double step(const apo_adamw& adamw);
    void zero_gradients();
    void read(int32_t state, int32_t index, int64_t offset, int64_t count, float* target);
    void write(int32_t state, int32_t index, int64_t offset, int64_t count, const float* source);

    apo_model& model;

private:
    void run_forward(const apo_batch& batch, apo::Progress& progress);
    void run_backward(apo::Progress& progress);  // of workspace_.coef
    float* state(int32_t state, int32_t index, int64_t offset, int64_t count);
    float* floats(const apo::Buffer& buffer) const { return reinterpret_cast<float*>(buffer.data()); }
    float* master() const { return floats(model.dtype == apo::DType::f32 ? model.weights : master_); }
    void refresh_master();

    apo::Buffer gradients_, master_, moment1_, moment2_, memory_;  // master_ only where the weights are not f32
    apo::Workspace workspace_;
    apo::Batch batch_;  // of the last forward
    bool forwarded_ = false;
};
