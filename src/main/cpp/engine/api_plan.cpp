// metaapo.h: the memory plan, from the same layouts that the create calls allocate.
#include <optional>

#include "boundary.h"
#include "generator.h"
#include "trainer.h"

using namespace apo;

namespace {

// What the CUDA backend allocates when it first needs it (src/main/cuda): the workspace of its matrix products, and its kernels'
// scratch. Of that the largest are a number for each token and head of attention's backward, two partial results for each
// sequence and head of decoding, and the partial sums of a norm's gradient, which the rest is for.
constexpr int64_t kCudaProducts = int64_t(32) << 20;
constexpr int64_t kCudaScratch = int64_t(64) << 20;

int64_t backend_bytes(int32_t device, const Shape& s, const apo_trainer_options* trainer, const apo_generator_options* generator) {
    if (device == APO_CPU) return 0;
    const int64_t floats = (trainer == nullptr ? 0 : trainer->max_tokens) * s.H +
                           (generator == nullptr ? 0 : int64_t(generator->max_sequences)) * 2 * s.H * (s.D + 2);
    return kCudaProducts + kCudaScratch + floats * int64_t(sizeof(float));
}

}  // namespace

apo_status apo_plan(const apo_model_config* config, int32_t dtype_value, int32_t quantize, int32_t device, int32_t ranks, const apo_adapter_config* adapter_config,
                    const apo_trainer_options* trainer, const apo_generator_options* generator, apo_memory_plan* plan, apo_error* error) {
    return guarded(error, [&] {
        if (ranks < 1 || ranks > 1 << 20) fail(APO_E_ARGUMENT, "ranks is %d; expected 1 or more", ranks);
        const Shape shape(required(config, "config"), ranks);
        const DType dtype = checked_dtype(dtype_value, "dtype");
        const Packing packing = checked_packing(quantize);
        std::optional<AdapterShape> adapter;
        if (adapter_config != nullptr) adapter.emplace(shape, *adapter_config);
        const NetworkShape network{shape, dtype, adapter ? &*adapter : nullptr};
        if (device != APO_CPU && device != APO_CUDA) fail(APO_E_ARGUMENT, "device is %d; expected APO_CPU or APO_CUDA", device);
        const HeadSizes head = device == APO_CUDA ? HeadSizes{cuda_head::rows, cuda_head::scratch} : HeadSizes{cpu_head::rows, cpu_head::scratch};
        apo_memory_plan out{};
        const bool sharded = trainer != nullptr && trainer->shard == APO_SHARD_WEIGHTS;
        out.weights = model_bytes(shape, dtype, false, packing, sharded);
        out.weights_offloaded = model_bytes(shape, dtype, device == APO_CUDA, packing, sharded);
        if (adapter) out.adapter = adapter_bytes(*adapter, dtype);
        if (trainer != nullptr) {
            const TrainerBytes bytes = trainer_bytes(network, head, *trainer);
            out.gradients = bytes.gradients + bytes.slots;
            out.master = bytes.remainders;
            out.moments = bytes.moments;
            // A CPU's memory is the host's.
            out.offloaded = trainer->offload_optimizer && device == APO_CUDA ? bytes.remainders + bytes.moments : 0;
            out.trainer_activations = bytes.workspace.activations;
            out.trainer_workspace = bytes.workspace.scratch;
            const WorkspaceBytes scorer = workspace_bytes(network, head, trainer->max_tokens, Keep::nothing);
            out.scorer = scorer.activations + scorer.scratch;
        }
        if (generator != nullptr) {
            const GeneratorBytes bytes = generator_bytes(network, head, *generator);
            out.generator = bytes.cache + bytes.workspace.activations + bytes.workspace.scratch + bytes.step;
        }
        out.backend = backend_bytes(device, shape, trainer, generator);
        required(plan, "plan") = out;
    });
}
