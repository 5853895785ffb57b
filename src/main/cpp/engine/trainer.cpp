#include "trainer.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "adamw8.h"
#include "loss_arguments.h"
#include "scorer.h"
#include "split_f32.h"

using namespace apo;

namespace apo {

namespace {

// A packed moment: codes of whole blocks, then the blocks' scales.
int64_t blocks_of(int64_t elements) { return (elements + kAdamw8Block - 1) / kAdamw8Block; }
int64_t codes_bytes(int64_t elements) { return blocks_of(elements) * kAdamw8Block; }
int64_t packed_moment_bytes(int64_t elements) { return codes_bytes(elements) + blocks_of(elements) * int64_t(sizeof(float)); }

const Units& units_of(const NetworkShape& network) { return network.adapter == nullptr ? network.model.units() : network.adapter->units(); }

int64_t elements_of(const std::vector<Part>& parts) { return parts.back().local + parts.back().elements; }

bool shares_gradients(const NetworkShape& network, int32_t shard) {
    return network.model.ranks > 1 && network.adapter == nullptr && shard >= APO_SHARD_GRADIENTS;
}

// Rows of a step that one rank may have; each counts from a multiple of its own, for dropout to draw other masks.
constexpr int64_t kRankRows = int64_t(1) << 30;

Keep keep_of(const apo_trainer_options& options) { return options.recompute ? Keep::inputs : Keep::all; }

void check_adamw(const apo_adamw& a) {
    auto within = [](const char* name, double value, double low, double high) {
        if (!(value >= low && value < high)) fail(APO_E_ARGUMENT, "adamw.%s is %g; expected %g or more and less than %g", name, value, low, high);
    };
    within("learning_rate", a.learning_rate, 0, 1e6);
    within("beta1", a.beta1, 0, 1);
    within("beta2", a.beta2, 0, 1);
    within("eps", a.eps, 0, 1e6);
    within("weight_decay", a.weight_decay, 0, 1e6);
    if (std::isnan(a.clip)) fail(APO_E_ARGUMENT, "adamw.clip is NaN");
    if (a.step < 1) fail(APO_E_ARGUMENT, "adamw.step is %lld; expected 1 for the first step", (long long)a.step);
}

}  // namespace

TrainerBytes trainer_bytes(const NetworkShape& network, const HeadSizes& head, const apo_trainer_options& options) {
    check_max_tokens(options.max_tokens);
    if (options.recompute != 0 && options.recompute != 1) fail(APO_E_ARGUMENT, "recompute is %d; expected 0 or 1", options.recompute);
    if (options.optimizer_state != APO_OPTIMIZER_F32 && options.optimizer_state != APO_OPTIMIZER_8BIT) {
        fail(APO_E_ARGUMENT, "optimizer_state is %d; expected APO_OPTIMIZER_F32 or APO_OPTIMIZER_8BIT", options.optimizer_state);
    }
    if (options.offload_optimizer != 0 && options.offload_optimizer != 1) {
        fail(APO_E_ARGUMENT, "offload_optimizer is %d; expected 0 or 1", options.offload_optimizer);
    }
    if (options.shard < APO_SHARD_NONE || options.shard > APO_SHARD_WEIGHTS) {
        fail(APO_E_ARGUMENT, "shard is %d; expected an apo_shard, %d to %d", options.shard, APO_SHARD_NONE, APO_SHARD_WEIGHTS);
    }
    // An adapter's weights are f32 whatever the model's are.
    const DType dtype = network.adapter == nullptr ? network.dtype : DType::f32;
    const int64_t all = units_of(network).elements(), kept = elements_of(parts_of(network, 0, options.shard));
    const bool eight_bit = options.optimizer_state == APO_OPTIMIZER_8BIT, shares = shares_gradients(network, options.shard);
    auto floats = [](int64_t elements) { return elements * int64_t(sizeof(float)); };
    return {floats(shares ? kept : all), shares ? floats(GradientStream::slot_elements(network.model)) : 0,
            dtype == DType::f32 || eight_bit ? 0 : kept * int64_t(sizeof(uint16_t)), 2 * (eight_bit ? packed_moment_bytes(kept) : floats(kept)),
            workspace_bytes(network, head, options.max_tokens, keep_of(options))};
}

std::vector<Part> parts_of(const NetworkShape& network, int32_t rank, int32_t shard) {
    return units_of(network).parts(network.model.ranks, rank, shard == APO_SHARD_NONE);
}

}  // namespace apo

apo_trainer::apo_trainer(apo_model& model, apo_adapter* adapter, const apo_trainer_options& options)
    : network(model, adapter), engine_(model.engine), trained_(network.top()), eight_bit_(options.optimizer_state == APO_OPTIMIZER_8BIT),
      shard_(options.shard), seed_(options.seed), opened_(trained_), parts_(parts_of(network.shape(), engine_.rank(), options.shard)) {
    if (adapter == nullptr && model.offloaded()) {
        fail(APO_E_STATE, "the model's layers are offloaded, so that they cannot be trained themselves; train an adapter, or create the model without offloading");
    }
    if (adapter == nullptr && model.quantized() != nullptr) {
        fail(APO_E_STATE, "the model's weights are packed (quantize), so that they cannot be trained themselves; train an adapter, or create the model without");
    }
    if (engine_.ranks() > 1 && (options.shard == APO_SHARD_WEIGHTS) != (model.sharded() != nullptr)) {
        fail(APO_E_STATE, "shard is %d and the model's weights are %s; APO_SHARD_WEIGHTS goes with apo_model_options.sharded", options.shard,
             model.sharded() != nullptr ? "shared out" : "whole");
    }
    if (trained_.has_trainer) fail(APO_E_STATE, "the %s has a trainer already; close it first", trained_.kind());
    const TrainerBytes bytes = trainer_bytes(network.shape(), head_sizes(engine_.ops), options);
    gradients_ = Buffer(engine_, size_t(bytes.gradients));
    if (bytes.slots > 0) slots_ = Buffer(engine_, size_t(bytes.slots));
    if (adapter != nullptr) {
        where_.emplace(floats(gradients_), adapter->shape);
    } else {
        if (shares_gradients()) stream_.emplace(engine_, model.shape, floats(gradients_), floats(slots_));
        else stream_.emplace(engine_, model.shape, floats(gradients_));
        where_.emplace(*stream_);
    }
    const Place place = options.offload_optimizer ? Place::host : Place::device;
    moment1_ = Buffer(engine_, size_t(bytes.moments / 2), place);
    moment2_ = Buffer(engine_, size_t(bytes.moments / 2), place);
    if (bytes.remainders > 0) remainders_ = Buffer(engine_, size_t(bytes.remainders), place);
    workspace_ = make_workspace(engine_, memory_, network.shape(), options.max_tokens, keep_of(options));
    trained_.has_trainer = true;
    set_step(0);
}

apo_trainer::~apo_trainer() { trained_.has_trainer = false; }

void apo_trainer::run_forward(const apo_batch& batch, Progress& progress) {
    forwarded_ = false;
    const apo_model& model = network.model;
    batch_ = make_batch(batch, model.shape, workspace_.max_tokens);
    if (batch_.tokens() > workspace_.max_tokens) {
        fail(APO_E_ARGUMENT, "the batch has %lld tokens; the trainer has room for %lld", (long long)batch_.tokens(),
             (long long)workspace_.max_tokens);
    }
    progress.expect(3 * batch_.tokens());
    upload(model, workspace_, batch_);
    if (network.adapter != nullptr) workspace_.dropout = {network.adapter->shape.dropout, network.adapter->shape.seed, step_, 0, rows_};
    rows_ += batch_.tokens();
    PackedAttention attention(model, batch_.segments);
    WeightStream weights(model);
    transformer_forward(network, weights, workspace_, batch_.tokens(), attention, progress);
    if (network.value_head()) {
        value_head_forward(network, weights, workspace_, batch_);
        // One "token" an answer, so that sums of log-probs are the values.
        std::vector<int32_t> begin(size_t(batch_.answers() + 1));
        for (size_t a = 0; a < begin.size(); a++) begin[a] = int32_t(a);
        engine_.ops.copy_to_device(engine_.device, workspace_.answer_begin, begin.data(), begin.size() * sizeof(int32_t));
        batch_.answer_begin = begin;
    } else {
        logprob_head_forward(network, weights, workspace_, batch_);
    }
    forwarded_ = true;
}

void apo_trainer::run_backward(Progress& progress) {
    forwarded_ = false;  // the activations are used up
    const Gradients& gradients = *where_;
    const Shape& shape = network.model.shape;
    WeightStream weights(network.model, shape.L - 1, gradients.lowest_layer());
    gradients.begin(shape.last_unit());
    if (shape.head_is_embedding()) gradients.begin(shape.embedding_unit());
    if (network.value_head()) {
        value_head_backward(network, weights, workspace_, batch_, gradients);
    } else {
        logprob_head_backward(network, weights, workspace_, batch_, gradients);
    }
    transformer_backward(network, weights, workspace_, batch_.tokens(), batch_.segments, gradients, progress);
}

void apo_trainer::forward(const apo_batch& batch, float* token_logps, double* sums, Progress& progress) {
    if (network.value_head() && token_logps != nullptr) fail(APO_E_ARGUMENT, "token_logps must be null for a value head");
    run_forward(batch, progress);
    std::vector<float> logp(size_t(batch_.answer_begin.back()));
    engine_.ops.copy_to_host(engine_.device, logp.data(), workspace_.logp, logp.size() * sizeof(float));
    answer_sums(logp.data(), batch_.answer_begin, 0, sums);
    if (token_logps != nullptr) std::copy(logp.begin(), logp.end(), token_logps);
}

void apo_trainer::backward(const double* dsums, Progress& progress) {
    if (!forwarded_) fail(APO_E_STATE, "backward needs a forward before it");
    std::vector<float> coef(size_t(batch_.answer_begin.back()));
    for (int64_t a = 0; a < batch_.answers(); a++) {
        if (!std::isfinite(dsums[a])) fail(APO_E_NUMERIC, "dsums[%lld] is %g", (long long)a, dsums[a]);
        for (int32_t r = batch_.answer_begin[size_t(a)]; r < batch_.answer_begin[size_t(a + 1)]; r++) coef[size_t(r)] = float(dsums[a]);
    }
    engine_.ops.copy_to_device(engine_.device, workspace_.coef, coef.data(), coef.size() * sizeof(float));
    run_backward(progress);
}

void apo_trainer::backward_tokens(const float* dlogps, Progress& progress) {
    if (network.value_head()) fail(APO_E_STATE, "the %s has a value head and no token log-probs", trained_.kind());
    if (!forwarded_) fail(APO_E_STATE, "backward needs a forward before it");
    for (size_t r = 0; r < batch_.rows.size(); r++) {
        if (!std::isfinite(dlogps[r])) fail(APO_E_NUMERIC, "dlogps[%zu] is %g", r, double(dlogps[r]));
    }
    engine_.ops.copy_to_device(engine_.device, workspace_.coef, dlogps, batch_.rows.size() * sizeof(float));
    run_backward(progress);
}

void apo_trainer::preference(const apo_batch& batch, const apo_pairs& pairs_in, const apo_objective& objective,
                             const apo_meta& meta, double scale, double* sums, const apo_pair_results& results,
                             Progress& progress) {
    check_preference(&pairs_in, batch.answers, &objective, &meta, true);
    if (!std::isfinite(scale)) fail(APO_E_ARGUMENT, "scale is %g; expected a number", scale);
    run_forward(batch, progress);
    apo_pairs pairs = pairs_in;
    if (pairs.token_counts == nullptr) pairs.token_counts = batch.answer_lengths;

    // The loss leaves everything on the device, so that the backward is queued before the results come back.
    const size_t answers = size_t(batch.answers), rows = size_t(pairs.rows);
    double* apo_pair_results::*const by_row[] = {
        &apo_pair_results::loss,         &apo_pair_results::loss_offline,  &apo_pair_results::loss_online,  &apo_pair_results::score_offline,
        &apo_pair_results::score_online, &apo_pair_results::delta_offline, &apo_pair_results::delta_online, &apo_pair_results::weight};
    const size_t count = 2 * answers + std::size(by_row) * rows;
    if (results_.bytes() < count * sizeof(double)) results_ = Buffer(engine_, count * sizeof(double));
    auto* device_sums = reinterpret_cast<double*>(results_.data());
    apo_pair_results device_results{};
    device_results.dsums = device_sums + answers;
    for (size_t i = 0; i < std::size(by_row); i++) device_results.*by_row[i] = device_sums + 2 * answers + i * rows;
    engine_.ops.preference_loss(engine_.device, {batch.answers, workspace_.answer_begin, workspace_.logp, &pairs, &objective, &meta,
                                                 scale, device_sums, device_results, workspace_.coef});
    run_backward(progress);

    std::vector<double> host(count);
    engine_.ops.copy_to_host(engine_.device, host.data(), device_sums, count * sizeof(double));
    std::copy_n(host.begin(), answers, sums);
    if (results.dsums != nullptr) std::copy_n(host.begin() + long(answers), answers, results.dsums);
    for (size_t i = 0; i < std::size(by_row); i++) {
        if (results.*by_row[i] != nullptr) std::copy_n(host.begin() + long(2 * answers + i * rows), rows, results.*by_row[i]);
    }
    const double* loss = host.data() + 2 * answers;
    for (int32_t b = 0; b < pairs.rows; b++) {
        if (!std::isfinite(loss[b])) {
            auto sum_of = [&](int32_t answer) { return answer < 0 ? double(NAN) : sums[answer]; };
            fail(APO_E_NUMERIC, "the loss of row %d is %g (log-probs chosen %g, rejected %g)", b, loss[b], sum_of(pairs.chosen[b]),
                 sum_of(pairs.rejected[b]));
        }
    }
}

void apo_trainer::idle() {
    forwarded_ = false;
    const Shape& shape = network.model.shape;
    WeightStream(network.model).idle_forward();
    // Weights and gradients come in the order of transformer_backward.
    const Gradients& gradients = *where_;
    gradients.begin(shape.last_unit());
    if (shape.head_is_embedding()) gradients.begin(shape.embedding_unit());
    gradients.done(shape.last_unit());
    WeightStream weights(network.model, shape.L - 1, gradients.lowest_layer());
    for (int64_t l = shape.L - 1; l >= gradients.lowest_layer(); l--) {
        if (network.model.sharded() != nullptr) weights.layer();
        gradients.begin(shape.layer_unit(l));
        gradients.done(shape.layer_unit(l));
    }
    if (!shape.head_is_embedding()) gradients.begin(shape.embedding_unit());
    gradients.done(shape.embedding_unit());
}

double apo_trainer::reduce() {
    const int32_t ranks = engine_.ranks(), rank = engine_.rank();
    if (ranks == 1) return std::sqrt(engine_.ops.squared_norm(engine_.device, floats(gradients_), trained_.elements()));
    if (!shares_gradients()) {
        for (int64_t u = 0; u < units().count(); u++) {
            float* unit = floats(gradients_) + units()[u].begin;
            const int64_t size = units()[u].elements / ranks;
            engine_.ops.reduce_scatter(engine_.device, {unit, size, unit + rank * size, false});
        }
    }
    engine_.ops.await_lane(engine_.device, {Lane::gradients, 0});
    // Of the same parts at every stage, so that they all step by the same norm.
    double squares = 0;
    for (const Part& part : units().parts(ranks, rank, false)) {
        squares += engine_.ops.squared_norm(engine_.device, floats(gradients_) + (shares_gradients() ? part.local : part.begin), part.elements);
    }
    if (shard_ == APO_SHARD_NONE) gather_units(gradients_.data(), sizeof(float));
    const std::vector<double> all = engine_.of_ranks(squares);
    return std::sqrt(std::accumulate(all.begin(), all.end(), 0.0));
}

void apo_trainer::gather_units(char* buffer, size_t element_bytes) {
    for (int64_t u = 0; u < units().count(); u++) {
        engine_.ops.all_gather(engine_.device, {buffer + size_t(units()[u].begin) * element_bytes, size_t(units()[u].elements / engine_.ranks()) * element_bytes});
    }
    engine_.ops.await_lane(engine_.device, {Lane::weights, 0});
}

void apo_trainer::update(const apo_adamw& a, float gradient_scale, const Part& part) {
    float* gradient = floats(gradients_) + (shares_gradients() ? part.local : part.begin);
    void* weights = trained_.at(part.begin);
    if (eight_bit_) {
        auto codes = [&](const Buffer& moment) { return reinterpret_cast<uint8_t*>(moment.data()) + part.local; };
        auto scales = [&](const Buffer& moment) {
            return reinterpret_cast<float*>(moment.data() + codes_bytes(elements_of(parts_))) + part.local / kAdamw8Block;
        };
        engine_.ops.adamw8_step(engine_.device, {part.elements, trained_.dtype, gradient, gradient_scale, weights, codes(moment1_), scales(moment1_),
                                                 codes(moment2_), scales(moment2_), a.learning_rate, a.beta1, a.beta2, a.eps, a.weight_decay, a.step,
                                                 seed_, part.number});
    } else {
        engine_.ops.adamw_step(engine_.device, {part.elements, trained_.dtype, gradient, gradient_scale, weights,
                                                remainders() == nullptr ? nullptr : remainders() + part.local, floats(moment1_) + part.local,
                                                floats(moment2_) + part.local, a.learning_rate, a.beta1, a.beta2, a.eps, a.weight_decay, a.step});
    }
}

double apo_trainer::step(const apo_adamw& a) {
    check_adamw(a);
    const double norm = reduce();
    if (!std::isfinite(norm)) fail(APO_E_NUMERIC, "the gradient's norm is %g; weights and moments are as before", norm);
    // As torch.nn.utils.clip_grad_norm_, whose curves are the yardstick.
    const double scale = a.clip > 0 ? std::min(1.0, a.clip / (norm + 1e-6)) : 1.0;
    forwarded_ = false;
    for (const Part& part : parts_) update(a, float(scale), part);
    if (engine_.ranks() > 1 && shard_ != APO_SHARD_NONE) {
        // An adapter's weights are whole on every rank.
        if (shard_ != APO_SHARD_WEIGHTS || network.adapter != nullptr) gather_units(static_cast<char*>(trained_.at(0)), bytes_of(trained_.dtype));
        // The update has cleared the sums; what this rank brought to the others' is left.
        zero_gradients();
    }
    trained_.changed(0, trained_.elements());
    set_step(a.step);
    return norm;
}

void apo_trainer::zero_gradients() {
    engine_.ops.fill_zero(engine_.device, gradients_.data(), gradients_.bytes());
    rows_ = engine_.rank() * kRankRows;
}

void apo_trainer::set_step(int64_t step) {
    if (step < 0) fail(APO_E_ARGUMENT, "step is %lld; expected 0 or more", (long long)step);
    step_ = step;
    rows_ = engine_.rank() * kRankRows;
}

const Buffer& apo_trainer::moment(int32_t state) const {
    if (state != APO_STATE_MOMENT1 && state != APO_STATE_MOMENT2) {
        fail(APO_E_ARGUMENT, "state is %d; expected APO_STATE_MOMENT1 or APO_STATE_MOMENT2", state);
    }
    return state == APO_STATE_MOMENT1 ? moment1_ : moment2_;
}

const Buffer& apo_trainer::state_buffer(int32_t state) const {
    if (state == APO_STATE_GRADIENT) return gradients_;
    if (state != APO_STATE_MOMENT1 && state != APO_STATE_MOMENT2) fail(APO_E_ARGUMENT, "state is %d; expected an apo_state", state);
    if (eight_bit_) fail(APO_E_UNSUPPORTED, "the trainer's moments have 8 bits; read and write them packed");
    return moment(state);
}

void apo_trainer::part(int32_t index, int64_t* offset, int64_t* count) const {
    const TensorSpec& spec = trained_.tensor(index);
    const Part& kept = parts_.size() == 1 ? parts_[0] : parts_[size_t(units().of(spec.offset))];
    const int64_t begin = std::max(spec.offset, kept.begin), end = std::min(spec.offset + spec.count(), kept.begin + kept.elements);
    *offset = begin < end ? begin - spec.offset : 0;
    *count = std::max<int64_t>(0, end - begin);
}

int64_t apo_trainer::kept_at(const TensorSpec& spec, int64_t offset) const {
    const Part& kept = parts_.size() == 1 ? parts_[0] : parts_[size_t(units().of(spec.offset))];
    return kept.local + (spec.offset + offset - kept.begin);
}

bool apo_trainer::keep(int32_t index, int64_t* offset, int64_t* count) const {
    int64_t begin = 0, size = 0;
    part(index, &begin, &size);
    const int64_t first = std::max(*offset, begin), end = std::min(*offset + *count, begin + size);
    const bool all = first == *offset && end == *offset + *count;
    *offset = first, *count = std::max<int64_t>(0, end - first);
    return all;
}

void apo_trainer::check_kept(int32_t index, int64_t offset, int64_t count) const {
    const TensorSpec& spec = trained_.tensor(index);
    check_range(spec, offset, count);
    int64_t first = offset, size = count;
    if (!keep(index, &first, &size)) {
        fail(APO_E_ARGUMENT, "elements [%lld, %lld) of %s; rank %d keeps %lld of them, from %lld on", (long long)offset, (long long)(offset + count),
             spec.name.c_str(), engine_.rank(), (long long)size, (long long)first);
    }
}

void apo_trainer::read(int32_t state, int32_t index, int64_t offset, int64_t count, float* target) {
    if (state == APO_STATE_MASTER) return read_master(index, offset, count, target);
    const TensorSpec& spec = trained_.tensor(index);
    const float* source = floats(state_buffer(state));
    if (state == APO_STATE_GRADIENT && !shares_gradients()) {
        check_range(spec, offset, count);
        source += spec.offset + offset;
    } else {
        check_kept(index, offset, count);
        source += kept_at(spec, offset);
    }
    engine_.ops.copy_to_host(engine_.device, target, source, size_t(count) * sizeof(float));
}

void apo_trainer::write(int32_t state, int32_t index, int64_t offset, int64_t count, const float* source) {
    if (state == APO_STATE_MASTER) return write_master(index, offset, count, source);
    const TensorSpec& spec = trained_.tensor(index);
    check_range(spec, offset, count);
    float* target = floats(state_buffer(state));
    if (state == APO_STATE_GRADIENT && !shares_gradients()) {
        target += spec.offset + offset;
    } else {
        const int64_t asked = offset;
        keep(index, &offset, &count);
        source += offset - asked;
        target += count == 0 ? 0 : kept_at(spec, offset);
    }
    engine_.ops.copy_to_device(engine_.device, target, source, size_t(count) * sizeof(float));
}

void apo_trainer::read_master(int32_t index, int64_t offset, int64_t count, float* target) {
    const TensorSpec& spec = trained_.tensor(index);
    // Of this rank's own weights, where they are shared out: not the model's collective read.
    if (remainders() != nullptr || network.model.sharded() != nullptr) check_kept(index, offset, count);
    if (remainders() == nullptr) return trained_.Parameters::read(index, offset, count, target, DType::f32);
    std::vector<uint16_t> upper(static_cast<size_t>(count)), remainder(static_cast<size_t>(count));
    trained_.Parameters::read(index, offset, count, upper.data(), DType::bf16);
    engine_.ops.copy_to_host(engine_.device, remainder.data(), remainders() + kept_at(spec, offset), size_t(count) * sizeof(uint16_t));
    for (size_t i = 0; i < size_t(count); i++) target[i] = join_f32(upper[i], remainder[i]);
}

void apo_trainer::write_master(int32_t index, int64_t offset, int64_t count, const float* source) {
    if (remainders() == nullptr) return trained_.write(index, offset, count, source, DType::f32);
    const TensorSpec& spec = trained_.tensor(index);
    check_range(spec, offset, count);
    std::vector<uint16_t> upper(static_cast<size_t>(count)), remainder(static_cast<size_t>(count));
    for (size_t i = 0; i < size_t(count); i++) {
        const SplitF32 split = split_f32(source[i]);
        upper[i] = split.upper, remainder[i] = split.remainder;
    }
    trained_.write(index, offset, count, upper.data(), DType::bf16);  // refuses NaN and infinity
    const int64_t asked = offset;
    keep(index, &offset, &count);
    if (count == 0) return;
    engine_.ops.copy_to_device(engine_.device, remainders() + kept_at(spec, offset), remainder.data() + (offset - asked), size_t(count) * sizeof(uint16_t));
}

int64_t apo_trainer::packed_bytes(int32_t state) const {
    const Buffer& buffer = moment(state);
    return eight_bit_ ? int64_t(buffer.bytes()) : 0;
}

apo_packed_part apo_trainer::packed_part(int32_t index) const {
    if (index < 0 || index >= packed_parts()) fail(APO_E_ARGUMENT, "part %d of packed moments; there are %d", index, packed_parts());
    const Part& part = parts_[size_t(index)];
    // Where the unit ends, its padding begins.
    const int64_t end = units()[index].number + blocks_of(units().used(index)) * kAdamw8Block;
    return {part.number / kAdamw8Block, std::clamp<int64_t>(end - part.number, 0, part.elements) / kAdamw8Block, part.local / kAdamw8Block};
}

char* apo_trainer::packed(int32_t state, int64_t offset, int64_t bytes) const {
    const int64_t all = packed_bytes(state);
    if (offset < 0 || bytes < 0 || offset > all - bytes) {
        fail(APO_E_ARGUMENT, "bytes [%lld, %lld) of a packed moment; it has %lld", (long long)offset, (long long)(offset + bytes), (long long)all);
    }
    return moment(state).data() + offset;
}

void apo_trainer::read_packed(int32_t state, int64_t offset, int64_t bytes, void* target) {
    engine_.ops.copy_to_host(engine_.device, target, packed(state, offset, bytes), size_t(bytes));
}

void apo_trainer::write_packed(int32_t state, int64_t offset, int64_t bytes, const void* source) {
    engine_.ops.copy_to_device(engine_.device, packed(state, offset, bytes), source, size_t(bytes));
}
