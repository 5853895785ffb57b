// The memory that a rank takes: as planned, and no more while weights are written.
#include "ranks_course.h"

#include "counted.h"

using namespace apo_test;

// What ranks are for: Llama-3.1-8B in bf16 with f32 moments on eight of them, GB a rank by stage, without activations.
TEST(an_8b_model_is_shared_out_as_planned) {
    apo_model_config llama{};
    llama.vocab_size = 128256, llama.hidden_size = 4096, llama.intermediate_size = 14336, llama.layers = 32, llama.heads = 32, llama.kv_heads = 8;
    llama.head_dim = 128, llama.max_positions = 8192, llama.rms_norm_eps = 1e-5, llama.rope_theta = 500000;
    const double gigabytes[] = {128.5, 58.2, 36.1, 23.9};
    for (int32_t shard : {APO_SHARD_NONE, APO_SHARD_OPTIMIZER, APO_SHARD_GRADIENTS, APO_SHARD_WEIGHTS}) {
        const apo_trainer_options options{8192, 1, APO_OPTIMIZER_F32, 0, 0, shard};
        apo_memory_plan plan{};
        apo_error error{};
        CHECK(apo_plan(&llama, APO_BF16, APO_QUANTIZE_NONE, APO_CUDA, 8, nullptr, &options, nullptr, &plan, &error) == APO_OK);
        CHECK_CLOSE(double(plan.weights + plan.gradients + plan.master + plan.moments) * 1e-9, gigabytes[shard], 0.06);
    }
}

TEST(a_rank_takes_the_memory_that_is_planned) {
    // On GPUs joining is a collective.
    if (!apo_test::options().cpu) throw apo_test::OtherBackend();
    const apo_test::Backend cpu = apo_test::backends({1}).front();
    for (Setup setup : setups()) {
        for (int32_t shard : {APO_SHARD_NONE, APO_SHARD_OPTIMIZER, APO_SHARD_GRADIENTS, APO_SHARD_WEIGHTS}) {
            // No collective is called: rank 1 of 3 is enough.
            apo_error error{};
            apo_ranks* ranks[3] = {};
            must(apo_ranks_open_local(3, ranks, &error), error);
            apo::OpTable table;
            const apo_test::Backend counting = apo_test::counted(cpu, table);
            apo_engine* engine = new apo_engine(*counting.ops, counting.open);
            must(apo_engine_join(engine, ranks[1], &error), error);
            const apo_model_config config = config_of(setup);
            const apo_trainer_options options{64, setup.recompute, setup.optimizer, 0, setup.offload, shard};
            const int32_t low_ranks[14] = {4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4};
            double scales[14];
            for (double& scale : scales) scale = 2;
            const apo_adapter_config adapter_config{APO_HEAD_LM, 2, low_ranks, scales, 0, 5};
            apo_memory_plan plan{};
            must(apo_plan(&config, setup.dtype, APO_QUANTIZE_NONE, APO_CPU, 3, setup.adapter ? &adapter_config : nullptr, &options, nullptr, &plan, &error), error);
            const apo_model_options model_options{setup.dtype, 0, APO_QUANTIZE_NONE, shard == APO_SHARD_WEIGHTS};
            int64_t last = 0;
            auto taken = [&] {
                const int64_t now = apo_test::counts.bytes(), more = now - last;
                last = now;
                return more;
            };
            apo_model* model = nullptr;
            must(apo_model_create(engine, &config, &model_options, &model, &error), error);
            CHECK(taken() == plan.weights);
            apo_adapter* adapter = nullptr;
            if (setup.adapter) must(apo_adapter_create(model, &adapter_config, &adapter, &error), error);
            CHECK(taken() == plan.adapter);
            apo_trainer* trainer = nullptr;
            must(apo_trainer_create(model, adapter, &options, &trainer, &error), error);
            CHECK(taken() == plan.gradients + plan.master + plan.moments + plan.trainer_activations + plan.trainer_workspace);
            must(apo_trainer_close(trainer, &error), error);
            must(apo_adapter_close(adapter, &error), error);
            must(apo_model_close(model, &error), error);
            must(apo_engine_close(engine, &error), error);
            for (apo_ranks* one : ranks) must(apo_ranks_close(one, &error), error);
        }
    }
}

// torchtune#1092, llama-cookbook#142: weights that are shared out are read unit by unit, in the place that a forward has for one, and each
// is brought together once, however small the pieces are that a file is written in.
TEST(nothing_is_consolidated_while_weights_are_saved) {
    if (!apo_test::options().cpu) throw apo_test::OtherBackend();
    const apo_test::Backend cpu = apo_test::backends({1}).front();
    for (const bool tied : {false, true}) {
        Setup setup;
        setup.tied = tied;
        const apo_model_config config = config_of(setup);
        apo::OpTable table;
        const apo_test::Backend counting = apo_test::counted(cpu, table);
        all_well(on_ranks(3, [&](apo_ranks* ranks) {
            const bool watched = info_of(ranks).rank == 1;
            apo_error error{};
            apo_engine* engine = new apo_engine(watched ? *counting.ops : *cpu.ops, cpu.open);
            must(apo_engine_join(engine, ranks, &error), error);
            const apo_model_options options{APO_F32, 0, APO_QUANTIZE_NONE, 1};
            apo_model* model = nullptr;
            must(apo_model_create(engine, &config, &options, &model, &error), error);
            must(apo_model_initialize(model, 1, 0.3, &error), error);
            const int64_t before = apo_test::counts.bytes();
            if (watched) apo_test::counts.all_gathers = 0, apo_test::counts.most_bytes = before;
            constexpr int64_t kPiece = 100;
            float piece[kPiece];
            const Tensors tensors{model, nullptr};
            for (int32_t i = 0; i < tensors.count(); i++) {
                const int64_t count = tensors.info(i).count;
                for (int64_t at = 0; at < count; at += kPiece) {
                    must(apo_model_read(model, i, at, std::min(kPiece, count - at), piece, APO_F32, &error), error);
                }
            }
            if (watched && apo_test::counts.all_gathers != config.layers + 2) throw std::runtime_error("a unit was brought together again");
            if (watched && apo_test::counts.most_bytes > before + int64_t(sizeof piece)) throw std::runtime_error("more than a piece was allocated");
            must(apo_model_close(model, &error), error);
            must(apo_engine_close(engine, &error), error);
        }));
    }
}
