// metaapo.h: training.
#include "boundary.h"
#include "trainer.h"

using namespace apo;

apo_status apo_trainer_create(apo_model* model, apo_adapter* adapter, const apo_trainer_options* options, apo_trainer** trainer,
                              apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(model, "model").engine);
        required(trainer, "trainer");
        *trainer = new apo_trainer(*model, adapter, required(options, "options"));
    });
}

apo_status apo_trainer_set_step(apo_trainer* trainer, int64_t step, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        trainer->set_step(step);
    });
}

apo_status apo_trainer_forward(apo_trainer* trainer, const apo_batch* batch, float* token_logps, double* sums,
                               apo_progress* progress, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        Progress link(progress);
        trainer->forward(required(batch, "batch"), token_logps, &required(sums, "sums"), link);
    });
}

apo_status apo_trainer_backward(apo_trainer* trainer, const double* dsums, apo_progress* progress, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        Progress link(progress);
        trainer->backward(&required(dsums, "dsums"), link);
    });
}

apo_status apo_trainer_backward_tokens(apo_trainer* trainer, const float* dlogps, apo_progress* progress, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        Progress link(progress);
        trainer->backward_tokens(&required(dlogps, "dlogps"), link);
    });
}

apo_status apo_trainer_preference(apo_trainer* trainer, const apo_batch* batch, const apo_pairs* pairs,
                                  const apo_objective* objective, const apo_meta* meta, double scale, double* sums,
                                  apo_pair_results* results, apo_progress* progress, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        Progress link(progress);
        trainer->preference(required(batch, "batch"), required(pairs, "pairs"), required(objective, "objective"),
                            required(meta, "meta"), scale, &required(sums, "sums"), required(results, "results"), link);
    });
}

apo_status apo_trainer_step(apo_trainer* trainer, const apo_adamw* adamw, double* grad_norm, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        const double norm = trainer->step(required(adamw, "adamw"));
        if (grad_norm != nullptr) *grad_norm = norm;
    });
}

apo_status apo_trainer_idle(apo_trainer* trainer, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        trainer->idle();
    });
}

apo_status apo_trainer_part(apo_trainer* trainer, int32_t index, int64_t* offset, int64_t* count, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        trainer->part(index, &required(offset, "offset"), &required(count, "count"));
    });
}

apo_status apo_trainer_zero_gradients(apo_trainer* trainer, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        trainer->zero_gradients();
    });
}

apo_status apo_trainer_read(apo_trainer* trainer, int32_t state, int32_t index, int64_t offset, int64_t count,
                            float* target, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        trainer->read(state, index, offset, count, &required(target, "target"));
    });
}

apo_status apo_trainer_write(apo_trainer* trainer, int32_t state, int32_t index, int64_t offset, int64_t count,
                             const float* source, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        trainer->write(state, index, offset, count, &required(source, "source"));
    });
}

apo_status apo_trainer_packed_bytes(apo_trainer* trainer, int32_t state, int64_t* bytes, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        required(bytes, "bytes") = trainer->packed_bytes(state);
    });
}

apo_status apo_trainer_packed_parts(apo_trainer* trainer, int32_t* count, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        required(count, "count") = trainer->packed_parts();
    });
}

apo_status apo_trainer_packed_part(apo_trainer* trainer, int32_t index, apo_packed_part* part, apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        required(part, "part") = trainer->packed_part(index);
    });
}

apo_status apo_trainer_read_packed(apo_trainer* trainer, int32_t state, int64_t offset, int64_t bytes, void* target,
                                   apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        if (target == nullptr) fail(APO_E_ARGUMENT, "target is null");
        trainer->read_packed(state, offset, bytes, target);
    });
}

apo_status apo_trainer_write_packed(apo_trainer* trainer, int32_t state, int64_t offset, int64_t bytes, const void* source,
                                    apo_error* error) {
    return guarded(error, [&] {
        EngineCall call(required(trainer, "trainer").network.model.engine);
        if (source == nullptr) fail(APO_E_ARGUMENT, "source is null");
        trainer->write_packed(state, offset, bytes, source);
    });
}

apo_status apo_trainer_close(apo_trainer* trainer, apo_error* error) {
    return guarded(error, [&] {
        if (trainer == nullptr) return;
        EngineCall call(trainer->network.model.engine);
        delete trainer;
    });
}
