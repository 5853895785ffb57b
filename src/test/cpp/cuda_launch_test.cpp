// Launches that a GPU refuses are refused, and those of large models are none of them: steps of an 8B and a 0.5B model on each GPU
// that the backend is built for, by their shapes alone.
#include "emulated_gpu.h"

#include "emulation/kernels.h"
#include "engine/engine.h"
#include "metaapo.h"
#include "test.h"

using namespace apo::cuda;
using namespace apo_test;

namespace {

constexpr size_t kStatic = 40 << 10;

__global__ void with_static_memory(float* out) {
    APO_SHARED(unsigned char, room, kStatic);
    room[threadIdx.x] = 1;
    dynamic_shared<float>()[threadIdx.x] = 2;
    out[threadIdx.x] = dynamic_shared<float>()[threadIdx.x];
}

// What CUDA says to a launch as it is, without what launch.h does before it.
cudaError_t bare_launch(Gpu& gpu, dim3 grid, dim3 block, size_t shared_bytes) {
    const std::tuple<float*> values{gpu.at};
    return emulation::launch("with_static_memory", __FILE__, __LINE__, with_static_memory, values, grid, block, shared_bytes, gpu.device->stream);
}

}  // namespace

TEST(launches_beyond_the_gpu_are_refused) {
    if (options().cuda_index >= 0 || options().launches) return;
    const MachineGuard guard;
    for (const emulation::Limits& limits : emulation::all_limits()) {
        emulation::machine().limits = limits;
        emulation::forget_attributes();
        Gpu gpu;
        emulation::refusals().clear();
        const size_t most = limits.shared_block - kStatic;
        CHECK(bare_launch(gpu, 1, 32, 8 << 10) == cudaSuccess);
        CHECK(bare_launch(gpu, 1, 32, (8 << 10) + 4) == cudaErrorInvalidValue);  // 48 KiB are for static and dynamic bytes together
        CHECK(bare_launch(gpu, 1, 1056, 0) == cudaErrorInvalidConfiguration);
        CHECK(bare_launch(gpu, dim3(1, 65536), 32, 0) == cudaErrorInvalidConfiguration);
        CHECK(bare_launch(gpu, 0, 32, 0) == cudaErrorInvalidConfiguration);
        CHECK(emulation::refusals().size() == 4 && has(emulation::refusals()[0], "with_static_memory") &&
              has(emulation::refusals()[0], "40960 static ones"));
        const auto* kernel = reinterpret_cast<const void*>(with_static_memory);
        CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(most) + 1) == cudaErrorInvalidValue);

        // launch.h counts both, asks for what is needed, and says what is too much.
        for (size_t bytes : {size_t(8) << 10, (size_t(8) << 10) + 4, most}) {
            APO_LAUNCH(*gpu.device, with_static_memory, 1, 32, bytes, gpu.at);
            CHECK(gpu.take()[5] == 2);
        }
        const std::string text = thrown([&] { APO_LAUNCH(*gpu.device, with_static_memory, 1, 32, most + 1, gpu.at); });
        CHECK(has(text, "with_static_memory") && has(text, std::to_string(limits.shared_block + 1).c_str()) &&
              has(text, std::to_string(limits.shared_block).c_str()) && has(text, "--device cpu"));
        // What one device is allowed is not taken back by another that needs less.
        Gpu other;
        APO_LAUNCH(*other.device, with_static_memory, 1, 32, (8 << 10) + 4, other.at);
        APO_LAUNCH(*gpu.device, with_static_memory, 1, 32, most, gpu.at);
        CHECK(gpu.take()[5] == 2 && other.take()[5] == 2);
        CHECK(emulation::refusals().size() == 4);
    }
    emulation::refusals().clear();
}

namespace {

apo_error error;

apo_model_config llama_8b() {
    apo_model_config c{};
    c.vocab_size = 128256, c.hidden_size = 4096, c.intermediate_size = 14336, c.layers = 32, c.heads = 32, c.kv_heads = 8, c.head_dim = 128;
    c.max_positions = 8192, c.rms_norm_eps = 1e-5, c.rope_theta = 500000;
    return c;
}

apo_model_config qwen_05b() {
    apo_model_config c{};
    c.vocab_size = 151936, c.hidden_size = 896, c.intermediate_size = 4864, c.layers = 24, c.heads = 14, c.kv_heads = 2, c.head_dim = 64;
    c.max_positions = 32768, c.rms_norm_eps = 1e-6, c.rope_theta = 1000000, c.tied_head = 1, c.qkv_bias = 1;
    return c;
}

// Of 8B, with norms of heads.
apo_model_config qwen3_8b() {
    apo_model_config c = llama_8b();
    c.vocab_size = 151936, c.intermediate_size = 12288, c.layers = 36, c.max_positions = 40960, c.qk_norm = 1, c.rms_norm_eps = 1e-6;
    return c;
}

void done(apo_status status) {
    if (status != APO_OK) fail(__FILE__, __LINE__, error.message);
}

// A model without weights: nothing looks at them.
struct DryModel {
    DryModel(apo_model_config config, int32_t dtype, int32_t quantize = APO_QUANTIZE_NONE) {
        engine = new apo_engine(*cuda_backend().ops, cuda_backend().open);
        const apo_model_options options{dtype, 0, quantize, 0};
        done(apo_model_create(engine, &config, &options, &model, &error));
    }
    ~DryModel() {
        done(apo_model_close(model, &error));
        done(apo_engine_close(engine, &error));
    }
    apo_engine* engine = nullptr;
    apo_model* model = nullptr;
};

// Prompts of 1024 tokens, with a chosen and a rejected answer of up to 1024 each.
struct Pairs {
    explicit Pairs(int32_t packs) : chosen(size_t(packs)), rejected(size_t(packs)), reference(size_t(2 * packs)) {
        for (int32_t p = 0; p < packs; p++) {
            prompt_lengths.push_back(1024);
            counts.push_back(2);
            answer_lengths.push_back(1024 - p);
            answer_lengths.push_back(700 + p);
            chosen[size_t(p)] = 2 * p, rejected[size_t(p)] = 2 * p + 1;
        }
        int64_t all = 0;
        for (int32_t length : prompt_lengths) all += length;
        for (int32_t length : answer_lengths) all += length;
        tokens.assign(size_t(all), 5);
    }
    apo_batch batch() const {
        return {int32_t(prompt_lengths.size()), int32_t(answer_lengths.size()), int64_t(tokens.size()), tokens.data(), prompt_lengths.data(),
                counts.data(), answer_lengths.data()};
    }
    std::vector<int32_t> tokens, prompt_lengths, counts, answer_lengths, chosen, rejected;
    std::vector<double> reference;
};

constexpr int64_t kTokens = 16384;  // of a step

void train(const apo_model_config& config, int32_t dtype, apo_trainer_options options) {
    DryModel m(config, dtype);
    options.max_tokens = kTokens;
    apo_trainer* trainer = nullptr;
    done(apo_trainer_create(m.model, nullptr, &options, &trainer, &error));
    const Pairs pairs(5);
    const apo_batch batch = pairs.batch();
    std::vector<double> sums(size_t(batch.answers));
    if (config.head == APO_HEAD_VALUE) {
        done(apo_trainer_forward(trainer, &batch, nullptr, sums.data(), nullptr, &error));
        done(apo_trainer_backward(trainer, sums.data(), nullptr, &error));
    } else {
        apo_pairs p{};
        p.rows = batch.packs, p.answers = batch.answers, p.chosen = pairs.chosen.data(), p.rejected = pairs.rejected.data();
        p.reference_sums = pairs.reference.data();
        apo_objective objective{};
        objective.beta = 0.1;
        const apo_meta meta{};
        apo_pair_results results{};
        done(apo_trainer_preference(trainer, &batch, &p, &objective, &meta, 1, sums.data(), &results, nullptr, &error));
    }
    apo_adamw adamw{};
    adamw.learning_rate = 1e-6, adamw.beta1 = 0.9, adamw.beta2 = 0.95, adamw.eps = 1e-8, adamw.clip = 1, adamw.step = 1;
    double norm = 0;
    done(apo_trainer_step(trainer, &adamw, &norm, &error));
    done(apo_trainer_close(trainer, &error));
}

void score(apo_model_config config, int32_t dtype, int32_t quantize = APO_QUANTIZE_NONE) {
    const Pairs pairs(5);
    const apo_batch batch = pairs.batch();
    std::vector<double> results(size_t(batch.answers));
    for (int32_t head : {APO_HEAD_LM, APO_HEAD_VALUE}) {
        config.head = head;
        DryModel m(config, dtype, quantize);
        apo_scorer* scorer = nullptr;
        done(apo_scorer_create(m.model, nullptr, kTokens, &scorer, &error));
        done(head == APO_HEAD_LM ? apo_scorer_logprobs(scorer, &batch, nullptr, results.data(), nullptr, &error)
                                 : apo_scorer_values(scorer, &batch, results.data(), nullptr, &error));
        done(apo_scorer_close(scorer, &error));
    }
}

void generate(const apo_model_config& config, int32_t dtype, int32_t quantize = APO_QUANTIZE_NONE, int32_t prompts = 32) {
    constexpr int32_t k = 8, width = 3;
    DryModel m(config, dtype, quantize);
    const apo_generator_options options{k * prompts, 0, 100000};
    apo_generator* generator = nullptr;
    done(apo_generator_create(m.model, nullptr, &options, &generator, &error));
    const std::vector<int32_t> tokens(size_t(prompts * 500), 5), lengths(size_t(prompts), 500);
    const std::vector<uint64_t> keys(size_t(prompts), 1);
    const apo_prompts in{prompts, 0, tokens.data(), lengths.data(), keys.data()};
    std::vector<int32_t> ids(size_t(prompts * k * width)), counts(size_t(prompts * k)), finish(size_t(prompts * k));
    std::vector<double> sums(size_t(prompts * k));
    apo_answers out{ids.data(), counts.data(), finish.data(), sums.data(), nullptr};
    apo_sampling sampling{};
    sampling.k = k, sampling.max_new_tokens = width, sampling.temperature = 1, sampling.top_p = 1;
    done(apo_generate(generator, &in, &sampling, &out, nullptr, &error));
    sampling.top_p = 0.9, sampling.top_k = 50;
    done(apo_generate(generator, &in, &sampling, &out, nullptr, &error));
    sampling.greedy = 1;
    done(apo_generate(generator, &in, &sampling, &out, nullptr, &error));
    done(apo_generator_close(generator, &error));
}

}  // namespace

TEST(launches_of_large_models_are_allowed_on_all_gpus) {
    if (options().cuda_index >= 0) return;
    const MachineGuard guard;
    const size_t before = emulation::refusals().size();
    for (const emulation::Limits& limits : emulation::all_limits()) {
        emulation::machine() = {};
        emulation::machine().limits = limits;
        emulation::machine().dry = true;
        emulation::machine().memory = size_t(400) << 30;
        for (const apo_model_config& config : {llama_8b(), qwen_05b(), qwen3_8b()}) {
            for (int32_t dtype : {APO_BF16, APO_F32}) {
                apo_trainer_options plain{}, small{};
                small.recompute = 1, small.optimizer_state = APO_OPTIMIZER_8BIT;
                train(config, dtype, plain);
                train(config, dtype, small);
                score(config, dtype);
                generate(config, dtype);
            }
        }
        for (int32_t quantize : {APO_QUANTIZE_NF4, APO_QUANTIZE_INT8}) {
            score(llama_8b(), APO_BF16, quantize);
            // Few rows, whose products read packed weights, and many.
            for (int32_t prompts : {1, 32}) generate(llama_8b(), APO_BF16, quantize, prompts);
        }
        apo_model_config reward = qwen_05b();
        reward.head = APO_HEAD_VALUE;
        train(reward, APO_BF16, {});
        CHECK(emulation::launch_counts(limits.capability).kernels > 30);
    }
    CHECK(emulation::refusals().size() == before);
    if (!options().launches) {
        for (const std::string& refusal : emulation::refusals()) std::printf("  refused: %s\n", refusal.c_str());
    }
}
