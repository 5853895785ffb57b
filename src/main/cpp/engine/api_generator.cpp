// metaapo.h: generation.
#include "boundary.h"
#include "generator.h"

using namespace apo;

apo_status apo_generator_create(apo_model* model, apo_adapter* adapter, const apo_generator_options* options,
                                apo_generator** generator, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(model, "model").engine);
        required(generator, "generator");
        *generator = new apo_generator(*model, adapter, required(options, "options"));
    });
}

apo_status apo_generate(apo_generator* generator, const apo_prompts* prompts, const apo_sampling* sampling,
                        apo_answers* answers, apo_progress* progress, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(generator, "generator").network.model.engine);
        Progress link(progress);
        generator->generate(required(prompts, "prompts"), required(sampling, "sampling"), required(answers, "answers"), link);
    });
}

apo_status apo_generator_submit(apo_generator* generator, const apo_request* request, int64_t* number, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(generator, "generator").network.model.engine);
        required(number, "number");
        *number = generator->submit(required(request, "request"));
    });
}

apo_status apo_generator_step(apo_generator* generator, int32_t* busy, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(generator, "generator").network.model.engine);
        required(busy, "busy");
        *busy = generator->step() ? 1 : 0;
    });
}

apo_status apo_generator_poll(apo_generator* generator, apo_tokens* tokens, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(generator, "generator").network.model.engine);
        required(tokens, "tokens");
        if (tokens->capacity < 1) fail(APO_E_ARGUMENT, "tokens.capacity is %d; expected 1 or more", tokens->capacity);
        required(tokens->requests, "tokens.requests");
        required(tokens->answers, "tokens.answers");
        required(tokens->ids, "tokens.ids");
        required(tokens->finish, "tokens.finish");
        required(tokens->logps, "tokens.logps");
        required(tokens->tops, "tokens.tops");
        required(tokens->top_ids, "tokens.top_ids");
        required(tokens->top_logps, "tokens.top_logps");
        generator->poll(*tokens);
    });
}

apo_status apo_generator_cancel(apo_generator* generator, int64_t number, int32_t answer, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(generator, "generator").network.model.engine);
        generator->cancel(number, answer);
    });
}

apo_status apo_generator_state_of(apo_generator* generator, apo_generator_state* state, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(generator, "generator").network.model.engine);
        required(state, "state") = generator->state();
    });
}

apo_status apo_generator_notice(apo_generator* generator, char* line, int64_t bytes, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(generator, "generator").network.model.engine);
        required(line, "line");
        if (bytes < 1) fail(APO_E_ARGUMENT, "bytes is %lld; expected 1 or more", (long long)bytes);
        const char* notice = generator->notice();
        std::snprintf(line, size_t(bytes), "%s", notice == nullptr ? "" : notice);
    });
}

apo_status apo_generator_close(apo_generator* generator, apo_error* error) {
    return guarded(error, [&] {
        if (generator == nullptr) return;
        EngineCall call(generator->network.model.engine);
        delete generator;
    });
}
