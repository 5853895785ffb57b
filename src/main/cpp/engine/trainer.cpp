#include "trainer.h"

#include <algorithm>
#include <cmath>

#include "loss_arguments.h"
#include "scorer.h"

using namespace apo;

namespace apo {

namespace {

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

TrainerBytes trainer_bytes(const Shape& shape, DType dtype, const OpTable& ops, const apo_trainer_options& options) {
    check_max_tokens(options.max_tokens);
    if (options.recompute != 0 && options.recompute != 1) fail(APO_E_ARGUMENT, "recompute is %d; expected 0 or 1", options.recompute);
    const int64_t floats = shape.parameters() * int64_t(sizeof(float));
    return {floats, dtype == DType::f32 ? 0 : floats, 2 * floats,
            workspace_bytes(shape, dtype, ops, options.max_tokens, keep_of(options))};
}

}  // namespace apo

apo_trainer::apo_trainer(apo_model& m, const apo_trainer_options& options) : model(m) {
    if (model.has_trainer) fail(APO_E_STATE, "the model has a trainer already; close it first");
    const TrainerBytes bytes = trainer_bytes(model.shape, model.dtype, model.engine.ops, options);
    gradients_ = Buffer(model.engine, size_t(bytes.gradients));
    moment1_ = Buffer(model.engine, size_t(bytes.moments / 2));
    moment2_ = Buffer(model.engine, size_t(bytes.moments / 2));
    if (bytes.master > 0) master_ = Buffer(model.engine, size_t(bytes.master));
    Arena measure;
    layout_workspace(measure, model.shape, model.dtype, model.engine.ops, options.max_tokens, keep_of(options));
    memory_ = Buffer(model.engine, measure.used());
    Arena arena(memory_.data());
    workspace_ = layout_workspace(arena, model.shape, model.dtype, model.engine.ops, options.max_tokens, keep_of(options));
    refresh_master();
    model.has_trainer = true;
    model.children++;
}

apo_trainer::~apo_trainer() {
    model.has_trainer = false;
    model.children--;
}

void apo_trainer::refresh_master() {
    if (model.dtype == DType::f32) return;
    model.engine.ops.convert(model.engine.device,
                             {model.shape.parameters(), model.dtype, model.weights.data(), DType::f32, master_.data()});
}

void apo_trainer::run_forward(const apo_batch& batch, Progress& progress) {
    forwarded_ = false;
    batch_ = make_batch(batch, model.shape, workspace_.max_tokens);
    if (batch_.tokens() > workspace_.max_tokens) {
        fail(APO_E_ARGUMENT, "the batch has %lld tokens; the trainer has room for %lld", (long long)batch_.tokens(),
             (long long)workspace_.max_tokens);
    }
    progress.expect(3 * batch_.tokens());
    upload(model, workspace_, batch_);
    PackedAttention attention(model, batch_.segments);
    transformer_forward(model, workspace_, batch_.tokens(), attention, progress);
    if (model.shape.value_head()) {
        value_head_forward(model, workspace_, batch_);
        // One "token" an answer, so that sums of log-probs are the values.
        std::vector<int32_t> begin(size_t(batch_.answers() + 1));
        for (size_t a = 0; a < begin.size(); a++) begin[a] = int32_t(a);
        model.engine.ops.copy_to_device(model.engine.device, workspace_.answer_begin, begin.data(), begin.size() * sizeof(int32_t));
        batch_.answer_begin = begin;
    } else {
        logprob_head_forward(model, workspace_, batch_);
    }
    forwarded_ = true;
}

void apo_trainer::run_backward(Progress& progress) {
    forwarded_ = false;  // the activations are used up
    if (model.shape.value_head()) {
        value_head_backward(model, workspace_, batch_, floats(gradients_));
    } else {
        logprob_head_backward(model, workspace_, batch_, floats(gradients_));
    }
    transformer_backward(model, workspace_, batch_.tokens(), batch_.segments, floats(gradients_), progress);
}

void apo_trainer::forward(const apo_batch& batch, float* token_logps, double* sums, Progress& progress) {
    if (model.shape.value_head() && token_logps != nullptr) fail(APO_E_ARGUMENT, "token_logps must be null for a value head");
    run_forward(batch, progress);
    std::vector<float> logp(size_t(batch_.answer_begin.back()));
    model.engine.ops.copy_to_host(model.engine.device, logp.data(), workspace_.logp, logp.size() * sizeof(float));
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
    model.engine.ops.copy_to_device(model.engine.device, workspace_.coef, coef.data(), coef.size() * sizeof(float));
    run_backward(progress);
}

void apo_trainer::backward_tokens(const float* dlogps, Progress& progress) {
    if (model.shape.value_head()) fail(APO_E_STATE, "the model has a value head and no token log-probs");
    if (!forwarded_) fail(APO_E_STATE, "backward needs a forward before it");
    for (size_t r = 0; r < batch_.rows.size(); r++) {
        if (!std::isfinite(dlogps[r])) fail(APO_E_NUMERIC, "dlogps[%zu] is %g", r, double(dlogps[r]));
    }
    model.engine.ops.copy_to_device(model.engine.device, workspace_.coef, dlogps, batch_.rows.size() * sizeof(float));
    run_backward(progress);
}

void apo_trainer::preference(const apo_batch& batch, const apo_pairs& pairs_in, const apo_objective& objective,
                             const apo_meta& meta, double scale, double* sums, const apo_pair_results& results_in,
                             Progress& progress) {
    check_objective(&objective);
    check_meta(&meta);
    check_pairs(&pairs_in, batch.answers, false);
    if (!std::isfinite(scale)) fail(APO_E_ARGUMENT, "scale is %g; expected a number", scale);
    run_forward(batch, progress);
    apo_pairs pairs = pairs_in;
    if (pairs.token_counts == nullptr) pairs.token_counts = batch.answer_lengths;
    apo_pair_results results = results_in;
    std::vector<double> dsums, losses;
    if (results.dsums == nullptr) {
        dsums.resize(size_t(batch.answers));
        results.dsums = dsums.data();
    }
    if (results.loss == nullptr) {
        losses.resize(size_t(pairs.rows));
        results.loss = losses.data();
    }
    model.engine.ops.preference_loss(model.engine.device, {batch.answers, workspace_.answer_begin, workspace_.logp, &pairs, &objective,
                                                           &meta, scale, sums, &results, workspace_.coef});
    for (int32_t b = 0; b < pairs.rows; b++) {
        if (!std::isfinite(results.loss[b])) {
            forwarded_ = false;
            fail(APO_E_NUMERIC, "the loss of row %d is %g (log-probs chosen %g, rejected %g)", b, results.loss[b],
                 sums[pairs.chosen[b]], sums[pairs.rejected[b]]);
        }
    }
    run_backward(progress);
}

double apo_trainer::step(const apo_adamw& a) {
    check_adamw(a);
    const int64_t n = model.shape.parameters();
    const double norm = std::sqrt(model.engine.ops.squared_norm(model.engine.device, floats(gradients_), n));
    if (!std::isfinite(norm)) fail(APO_E_NUMERIC, "the gradient's norm is %g; weights and moments are as before", norm);
    // As torch.nn.utils.clip_grad_norm_, whose curves are the yardstick.
    const double scale = a.clip > 0 ? std::min(1.0, a.clip / (norm + 1e-6)) : 1.0;
    forwarded_ = false;
    model.engine.ops.adamw_step(model.engine.device,
                                {n, model.dtype, floats(gradients_), float(scale), master(), floats(moment1_), floats(moment2_),
                                 model.weights.data(), a.learning_rate, a.beta1, a.beta2, a.eps, a.weight_decay, a.step});
    return norm;
}

void apo_trainer::zero_gradients() {
    model.engine.ops.fill_zero(model.engine.device, gradients_.data(), gradients_.bytes());
}

float* apo_trainer::state(int32_t state, int32_t index, int64_t offset, int64_t count) {
    const TensorSpec& spec = model.tensor(index);
    check_range(spec, offset, count);
    float* base = nullptr;
    switch (state) {
        case APO_STATE_GRADIENT: base = floats(gradients_); break;
        case APO_STATE_MASTER: base = master(); break;
        case APO_STATE_MOMENT1: base = floats(moment1_); break;
        case APO_STATE_MOMENT2: base = floats(moment2_); break;
        default: fail(APO_E_ARGUMENT, "state is %d; expected an apo_state", state);
    }
    return base + spec.offset + offset;
}

void apo_trainer::read(int32_t which, int32_t index, int64_t offset, int64_t count, float* target) {
    model.engine.ops.copy_to_host(model.engine.device, target, state(which, index, offset, count), size_t(count) * sizeof(float));
}

void apo_trainer::write(int32_t which, int32_t index, int64_t offset, int64_t count, const float* source) {
    float* target = state(which, index, offset, count);
    if (which == APO_STATE_MASTER) model.write(index, offset, count, source, DType::f32);  // refuses NaN
    model.engine.ops.copy_to_device(model.engine.device, target, source, size_t(count) * sizeof(float));
}
