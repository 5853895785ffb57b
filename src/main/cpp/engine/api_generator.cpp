// metaapo.h: generation.
#include "boundary.h"
#include "generator.h"

using namespace apo;

apo_status apo_generator_create(apo_model* model, const apo_generator_options* options, apo_generator** generator,
                                apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(model, "model").engine);
        required(generator, "generator");
        *generator = new apo_generator(*model, required(options, "options"));
    });
}

apo_status apo_generate(apo_generator* generator, const apo_prompts* prompts, const apo_sampling* sampling,
                        apo_answers* answers, apo_progress* progress, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(generator, "generator").model.engine);
        Progress link(progress);
        generator->generate(required(prompts, "prompts"), required(sampling, "sampling"), required(answers, "answers"), link);
    });
}

apo_status apo_generator_close(apo_generator* generator, apo_error* error) {
    return guarded(error, [&] {
        if (generator == nullptr) return;
        EngineCall call(generator->model.engine);
        delete generator;
    });
}
