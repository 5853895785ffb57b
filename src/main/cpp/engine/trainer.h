// Gradients, optimizer state, and the training step of a model's weights, or of an adapter's on a model whose own are frozen.
#pragma once

#include <optional>

#include "head.h"
#include "transformer.h"

namespace apo {

struct TrainerBytes {
    int64_t gradients, slots, remainders, moments;
    WorkspaceBytes workspace;
};

// What a rank keeps of the state of what is trained.
std::vector<Part> parts_of(const NetworkShape& network, int32_t rank, int32_t shard);

// Throws APO_E_ARGUMENT for options out of range.
TrainerBytes trainer_bytes(const NetworkShape& network, const HeadSizes& head, const apo_trainer_options& options);

}  // namespace apo

// The handle of metaapo.h.
struct apo_trainer {
    // adapter: what is trained; null: the model is.
    apo_trainer(apo_model& model, apo_adapter* adapter, const apo_trainer_options& options);
    ~apo_trainer();
    apo_trainer(const apo_trainer&) = delete;

    void forward(const apo_batch& batch, float* token_logps, double* sums, apo::Progress& progress);
    void backward(const double* dsums, apo::Progress& progress);
    void backward_tokens(const float* dlogps, apo::Progress& progress);
    void preference(const apo_batch& batch, const apo_pairs& pairs, const apo_objective& objective, const apo_meta& meta,
                    double scale, double* sums, const apo_pair_results& results, apo::Progress& progress);
    // Of no rows: what a rank that has none calls while the others call forward and backward, or preference. Collective where gradients
    // are shared out.
    void idle();
    double step(const apo_adamw& adamw);
    void zero_gradients();
    void set_step(int64_t step);
    // The range of a tensor's elements whose state this rank keeps.
    void part(int32_t index, int64_t* offset, int64_t* count) const;
    void read(int32_t state, int32_t index, int64_t offset, int64_t count, float* target);
    void write(int32_t state, int32_t index, int64_t offset, int64_t count, const float* source);
    int64_t packed_bytes(int32_t state) const;
    int32_t packed_parts() const { return engine_.ranks() == 1 || !eight_bit_ ? 0 : int32_t(parts_.size()); }
    apo_packed_part packed_part(int32_t index) const;
    void read_packed(int32_t state, int64_t offset, int64_t bytes, void* target);
    void write_packed(int32_t state, int64_t offset, int64_t bytes, const void* source);

    const apo::Network network;

private:
    void run_forward(const apo_batch& batch, apo::Progress& progress);
    void run_backward(apo::Progress& progress);  // of workspace_.coef
    const apo::Units& units() const { return trained_.units(); }
    bool shares_gradients() const { return slots_.data() != nullptr; }
    // Sums the gradients over the ranks; their norm.
    double reduce();
    void update(const apo_adamw& adamw, float gradient_scale, const apo::Part& part);
    void gather_units(char* buffer, size_t element_bytes);
    const apo::Buffer& state_buffer(int32_t state) const;
    // Where the state of a tensor's element is, which this rank keeps.
    int64_t kept_at(const apo::TensorSpec& spec, int64_t offset) const;
    // Cuts a range of a tensor's elements to what this rank keeps; true where that is all of it.
    bool keep(int32_t index, int64_t* offset, int64_t* count) const;
    void check_kept(int32_t index, int64_t offset, int64_t count) const;
    float* floats(const apo::Buffer& buffer) const { return reinterpret_cast<float*>(buffer.data()); }
    uint16_t* remainders() const { return reinterpret_cast<uint16_t*>(remainders_.data()); }
    void read_master(int32_t index, int64_t offset, int64_t count, float* target);
    void write_master(int32_t index, int64_t offset, int64_t count, const float* source);
    const apo::Buffer& moment(int32_t state) const;
    char* packed(int32_t state, int64_t offset, int64_t bytes) const;

    apo_engine& engine_;
    apo::Parameters& trained_;
    const bool eight_bit_;
    const int32_t shard_;
    const uint64_t seed_;
    int64_t step_ = 0;  // optimizer steps so far, and the rows since then: what dropout is keyed by
    int64_t rows_ = 0;
    apo::Opened opened_;
    const std::vector<apo::Part> parts_;
    // Of all gradients, in the layout of what is trained; where they are shared out, of this rank's parts, with slots for a backward.
    apo::Buffer gradients_, slots_;
    std::optional<apo::GradientStream> stream_;  // of a model's
    std::optional<apo::Gradients> where_;
    apo::Buffer moment1_, moment2_, memory_;  // moments and remainders: of the parts
    // The lower halves of f32 master weights (split_f32.h): only where the weights are bf16 and the moments f32.
    apo::Buffer remainders_;
    apo::Buffer results_;  // of the preference loss: log-prob sums, dsums, then results by row
    apo::Workspace workspace_;
    apo::Batch batch_;  // of the last forward
    bool forwarded_ = false;
};
