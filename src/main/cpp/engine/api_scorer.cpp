// metaapo.h: scoring.
#include "boundary.h"
#include "scorer.h"

using namespace apo;

apo_status apo_scorer_create(apo_model* model, apo_adapter* adapter, int64_t max_tokens, apo_scorer** scorer, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(model, "model").engine);
        required(scorer, "scorer");
        *scorer = new apo_scorer(*model, adapter, max_tokens);
    });
}

apo_status apo_scorer_logprobs(apo_scorer* scorer, const apo_batch* batch, float* token_logps, double* sums,
                               apo_progress* progress, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(scorer, "scorer").network.model.engine);
        Progress link(progress);
        scorer->logprobs(required(batch, "batch"), token_logps, &required(sums, "sums"), link);
    });
}

apo_status apo_scorer_values(apo_scorer* scorer, const apo_batch* batch, double* scores, apo_progress* progress,
                             apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(scorer, "scorer").network.model.engine);
        Progress link(progress);
        scorer->values(required(batch, "batch"), &required(scores, "scores"), link);
    });
}

apo_status apo_scorer_close(apo_scorer* scorer, apo_error* error) {
    return guarded(error, [&] {
        if (scorer == nullptr) return;
        EngineCall call(scorer->network.model.engine);
        delete scorer;
    });
}
