// metaapo.h: the memory plan, from the same layouts that the create calls allocate.
#include "boundary.h"
#include "generator.h"
#include "trainer.h"

using namespace apo;

apo_status apo_plan(const apo_model_config* config, int32_t dtype_value, const apo_trainer_options* trainer,
                    const apo_generator_options* generator, apo_memory_plan* plan, apo_error* error) {
    return guarded(error, [&] {
        const Shape shape(required(config, "config"));
        const DType dtype = checked_dtype(dtype_value, "dtype");
        const OpTable& ops = cpu_ops();
        apo_memory_plan out{};
        out.weights = model_bytes(shape, dtype);
        if (trainer != nullptr) {
            const TrainerBytes bytes = trainer_bytes(shape, dtype, ops, *trainer);
            out.gradients = bytes.gradients;
            out.master = bytes.master;
            out.moments = bytes.moments;
            out.trainer_activations = bytes.workspace.activations;
            out.trainer_workspace = bytes.workspace.scratch;
            const WorkspaceBytes scorer = workspace_bytes(shape, dtype, ops, trainer->max_tokens, Keep::nothing);
            out.scorer = scorer.activations + scorer.scratch;
        }
        if (generator != nullptr) {
            const GeneratorBytes bytes = generator_bytes(shape, dtype, ops, *generator);
            out.generator = bytes.cache + bytes.workspace.activations + bytes.workspace.scratch + bytes.step;
        }
        required(plan, "plan") = out;
    });
}
