#include "scorer.h"

#include <algorithm>
#include <cmath>

using namespace apo;

namespace apo {

void answer_sums(const float* logp, const std::vector<int32_t>& answer_begin, int64_t first_answer, double* sums) {
    for (size_t a = 0; a + 1 < answer_begin.size(); a++) {
        double sum = 0;
        for (int32_t r = answer_begin[a]; r < answer_begin[a + 1]; r++) sum += double(logp[r]);
        if (!std::isfinite(sum)) {
            fail(APO_E_NUMERIC, "the log-prob of answer %lld is %g; the weights or activations are not finite",
                 (long long)(first_answer + int64_t(a)), sum);
        }
        sums[a] = sum;
    }
}

void check_max_tokens(int64_t max_tokens) {
    if (max_tokens < 1 || max_tokens > INT32_MAX) {
        fail(APO_E_ARGUMENT, "max_tokens is %lld; expected 1 to %d", (long long)max_tokens, INT32_MAX);
    }
}

}  // namespace apo

apo_scorer::apo_scorer(apo_model& model, apo_adapter* adapter, int64_t max_tokens) : network(model, adapter), opened_(network.top()) {
    check_max_tokens(max_tokens);
    workspace_ = make_workspace(model.engine, memory_, network.shape(), max_tokens, Keep::nothing);
}

template <class Head>
void apo_scorer::run(const apo_batch& batch, Progress& progress, Head head) {
    const apo_model& model = network.model;
    const bool together = model.sharded() != nullptr;
    if (together && batch.packs == 0) return idle(0, most_turns(0));
    const Batch all = make_batch(batch, model.shape, workspace_.max_tokens);
    progress.expect(all.tokens());
    int64_t turns = 0;
    for (int64_t first = 0; together && first < all.packs(); first = all.fitting(first, workspace_.max_tokens)) turns++;
    const int64_t most = together ? most_turns(turns) : 0;
    for (int64_t first = 0; first < all.packs();) {
        const int64_t last = all.fitting(first, workspace_.max_tokens);
        const Batch part = all.slice(first, last);
        upload(model, workspace_, part);
        PackedAttention attention(model, part.segments);
        WeightStream weights(model);
        transformer_forward(network, weights, workspace_, part.tokens(), attention, progress);
        const int64_t first_answer = all.pack_answers[size_t(first)];
        head(weights, part, first_answer, int64_t(all.answer_begin[size_t(first_answer)]));
        first = last;
    }
    idle(turns, most);
}

int64_t apo_scorer::most_turns(int64_t own) const {
    const std::vector<double> all = network.model.engine.of_ranks(double(own));
    return int64_t(*std::max_element(all.begin(), all.end()));
}

void apo_scorer::idle(int64_t from, int64_t turns) {
    for (int64_t turn = from; turn < turns; turn++) WeightStream(network.model).idle_forward();
}

void apo_scorer::logprobs(const apo_batch& batch, float* token_logps, double* sums, Progress& progress) {
    if (network.value_head()) fail(APO_E_STATE, "the %s has a value head and gives no log-probs", network.top().kind());
    std::vector<float> logp;
    run(batch, progress, [&](const WeightStream& weights, const Batch& part, int64_t first_answer, int64_t first_row) {
        logprob_head_forward(network, weights, workspace_, part);
        logp.resize(part.rows.size());
        network.model.engine.ops.copy_to_host(network.model.engine.device, logp.data(), workspace_.logp, logp.size() * sizeof(float));
        answer_sums(logp.data(), part.answer_begin, first_answer, sums + first_answer);
        if (token_logps != nullptr) std::copy(logp.begin(), logp.end(), token_logps + first_row);
    });
}

void apo_scorer::values(const apo_batch& batch, double* scores, Progress& progress) {
    if (!network.value_head()) fail(APO_E_STATE, "the %s has no value head", network.top().kind());
    std::vector<float> value;
    run(batch, progress, [&](const WeightStream& weights, const Batch& part, int64_t first_answer, int64_t) {
        value_head_forward(network, weights, workspace_, part);
        value.resize(size_t(part.answers()));
        network.model.engine.ops.copy_to_host(network.model.engine.device, value.data(), workspace_.logp, value.size() * sizeof(float));
        for (size_t a = 0; a < value.size(); a++) {
            if (!std::isfinite(value[a])) fail(APO_E_NUMERIC, "the value of answer %lld is %g", (long long)(first_answer + int64_t(a)), value[a]);
            scores[first_answer + int64_t(a)] = value[a];
        }
    });
}
