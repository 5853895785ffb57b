// What runs on adapters, and what it takes: merged models, generation, offloaded bases, several at once, memory, the products that are
// left out, bad input.
#include <algorithm>
#include <map>

#include "counted.h"
#include "device_memory.h"
#include "tiny_adapter.h"

using namespace apo_test;

namespace {

apo_error& error = last_error();

apo_model* new_model(World& world, int32_t dtype, int32_t head, int32_t offloaded = 0) {
    apo_model_config config = world.config_;
    config.head = head;
    const apo_model_options options{dtype, offloaded, APO_QUANTIZE_NONE, 0};
    apo_model* model = nullptr;
    CHECK(apo_model_create(world.engine, &config, &options, &model, &error) == APO_OK);
    return model;
}

std::vector<float> read_model(apo_model* model, const std::string& name) {
    int32_t count = 0;
    CHECK(apo_model_tensor_count(model, &count, &error) == APO_OK);
    for (int32_t i = 0; i < count; i++) {
        apo_tensor_info info;
        CHECK(apo_model_tensor(model, i, &info, &error) == APO_OK);
        if (name != info.name) continue;
        std::vector<float> values(size_t(info.count));
        CHECK(apo_model_read(model, i, 0, info.count, values.data(), APO_F32, &error) == APO_OK);
        return values;
    }
    throw std::runtime_error("no tensor " + name);
}

std::vector<float> read_adapter(apo_adapter* adapter, const std::string& name) {
    const std::vector<apo_tensor_info> tensors = tensors_of(adapter);
    for (size_t i = 0; i < tensors.size(); i++) {
        if (name != tensors[i].name) continue;
        std::vector<float> values(size_t(tensors[i].count));
        CHECK(apo_adapter_read(adapter, int32_t(i), 0, tensors[i].count, values.data(), APO_F32, &error) == APO_OK);
        return values;
    }
    throw std::runtime_error("no tensor " + name);
}

struct Answers {
    std::vector<int32_t> tokens, lengths;
    std::vector<double> sums;
};

Answers generate(apo_model* model, apo_adapter* adapter, bool greedy) {
    const apo_generator_options options{3, 0, 100};
    apo_generator* generator = nullptr;
    CHECK(apo_generator_create(model, adapter, &options, &generator, &error) == APO_OK);
    std::vector<int32_t> tokens = kPrompt;
    tokens.insert(tokens.end(), kOther.begin(), kOther.end());
    const int32_t lengths[2] = {int32_t(kPrompt.size()), int32_t(kOther.size())};
    const uint64_t keys[2] = {1, 2};
    const apo_prompts prompts{2, 0, tokens.data(), lengths, keys};
    apo_sampling sampling{};
    sampling.k = 2, sampling.max_new_tokens = 9, sampling.greedy = greedy, sampling.top_p = 1, sampling.temperature = 1, sampling.seed = 3;
    Answers a{std::vector<int32_t>(36), std::vector<int32_t>(4), std::vector<double>(4)};
    std::vector<int32_t> finish(4);
    apo_answers out{a.tokens.data(), a.lengths.data(), finish.data(), a.sums.data(), nullptr};
    CHECK(apo_generate(generator, &prompts, &sampling, &out, nullptr, &error) == APO_OK);
    CHECK(apo_generator_close(generator, &error) == APO_OK);
    return a;
}

}  // namespace

TEST(a_merged_matrix_is_rounded_once) {
    on_engines([](const Backend& backend) {
        for (int32_t dtype : {APO_F32, APO_BF16}) {
            AdaptedWorld world(backend, mixed_tables(), APO_HEAD_LM, 0, dtype);
            // v of layer 1: rank 4, scale 2; the last of a fused matrix.
            const std::string v = "model.layers.1.self_attn.v_proj", k = "model.layers.1.self_attn.k_proj.weight";
            const std::vector<float> before = read_model(world.model, v + ".weight");
            const std::vector<float> a = read_adapter(world.adapter, v + ".lora_A.weight"), b = read_adapter(world.adapter, v + ".lora_B.weight");
            std::vector<float> wide, narrow;
            for (int32_t target : {APO_F32, APO_BF16}) {
                apo_model* merged = new_model(world, target, APO_HEAD_LM);
                CHECK(apo_model_merge(merged, world.model, world.adapter, &error) == APO_OK);
                (target == APO_F32 ? wide : narrow) = read_model(merged, v + ".weight");
                // Where there is no path nothing changes.
                if (target == dtype) CHECK(read_model(merged, k) == read_model(world.model, k));
                CHECK(apo_model_close(merged, &error) == APO_OK);
            }
            CHECK(apo_model_merge(world.model, world.model, world.adapter, &error) == APO_OK);
            CHECK(read_model(world.model, v + ".weight") == (dtype == APO_F32 ? wide : narrow));
            const size_t in = 24, out = 16, rank = 4;
            CHECK(wide.size() == in * out);
            for (size_t i = 0; i < in * out; i++) {
                double sum = before[i];
                for (size_t r = 0; r < rank; r++) sum += 2.0 * double(b[i / in * rank + r]) * double(a[r * in + i % in]);
                CHECK_CLOSE(wide[i], sum, 1e-6);
                CHECK(narrow[i] == rounded(wide[i], apo::DType::bf16));
            }
        }
    });
}

TEST(merged_and_unmerged_score_and_sample_alike) {
    on_engines([](const Backend& backend) {
        AdaptedWorld world(backend, mixed_tables());
        apo_model* merged = new_model(world, APO_F32, APO_HEAD_LM);
        CHECK(apo_model_merge(merged, world.model, world.adapter, &error) == APO_OK);
        const Scored on = score(world.model, world.adapter, shared()), one = score(merged, nullptr, shared());
        for (size_t i = 0; i < on.sums.size(); i++) CHECK_CLOSE(on.sums[i], one.sums[i], 2e-4);
        CHECK(std::fabs(on.sums[0] - score(world.model, nullptr, shared()).sums[0]) > 0.1);
        for (bool greedy : {true, false}) {
            const Answers unmerged = generate(world.model, world.adapter, greedy), whole = generate(merged, nullptr, greedy);
            CHECK(unmerged.tokens == whole.tokens);
            for (size_t i = 0; i < 4; i++) CHECK_CLOSE(unmerged.sums[i], whole.sums[i], 2e-4);
        }
        CHECK(apo_model_close(merged, &error) == APO_OK);
    });
}

// trl#1379
TEST(a_reward_adapter_has_a_head_of_its_own_over_any_model) {
    on_engines([](const Backend& backend) {
        for (int32_t base_head : {APO_HEAD_LM, APO_HEAD_VALUE}) {
            apo_model_config config = tiny();
            config.head = base_head;
            AdaptedWorld world(backend, mixed_tables(), APO_HEAD_VALUE, 0, APO_F32, config);
            const Packs packs = shared();
            const apo_batch whole = packs.batch();
            auto values = [&](apo_model* model, apo_adapter* adapter) {
                apo_scorer* scorer = nullptr;
                CHECK(apo_scorer_create(model, adapter, 100, &scorer, &error) == APO_OK);
                std::vector<double> found(4);
                CHECK(apo_scorer_values(scorer, &whole, found.data(), nullptr, &error) == APO_OK);
                CHECK(apo_scorer_close(scorer, &error) == APO_OK);
                return found;
            };
            const std::vector<double> before = values(world.model, world.adapter);
            {
                // Trained together with its paths.
                Training training(world.model, world.adapter);
                training.accumulate(packs, kFactors);
                training.step(1);
            }
            const std::vector<double> after = values(world.model, world.adapter);
            CHECK(before != after);
            apo_model* merged = new_model(world, APO_F32, APO_HEAD_VALUE);
            CHECK(apo_model_merge(merged, world.model, world.adapter, &error) == APO_OK);
            const std::vector<double> one = values(merged, nullptr);
            for (size_t i = 0; i < 4; i++) CHECK_CLOSE(one[i], after[i], 1e-5);
            CHECK(read_model(merged, "score.weight") == read_adapter(world.adapter, "score.weight"));
            CHECK(apo_model_close(merged, &error) == APO_OK);
        }
    });
}

TEST(an_adapter_on_an_offloaded_base_trains_with_the_same_bits) {
    on_engines([](const Backend& backend) {
        apo_model_config config = tiny();
        config.layers = 4;
        AdapterTables tables = adapter_tables(4, 2, 1);
        std::fill_n(tables.ranks.begin(), APO_PROJECTIONS, 0);  // nothing in layer 0
        for (int32_t dtype : {APO_F32, APO_BF16}) {
            World world(backend, config, dtype);
            apo_model* offloaded = new_model(world, dtype, APO_HEAD_LM, 1);
            CHECK(apo_model_copy(offloaded, world.model, &error) == APO_OK);
            std::vector<std::vector<float>> ends;
            for (apo_model* model : {world.model, offloaded}) {
                for (bool recompute : {false, true}) {
                    apo_adapter* adapter = random_adapter(model, tables, APO_HEAD_LM, 0.1);
                    {
                        Training training(model, adapter, recompute);
                        for (int step = 1; step <= 2; step++) {
                            training.accumulate(shared(), kFactors);
                            training.step(step);
                        }
                        ends.push_back(training.read(APO_STATE_MASTER));
                    }
                    CHECK(apo_adapter_close(adapter, &error) == APO_OK);
                }
            }
            for (const std::vector<float>& end : ends) CHECK(end == ends.front());
            CHECK(apo_model_close(offloaded, &error) == APO_OK);
        }
    });
}

TEST(adapters_of_one_model_do_not_meet) {
    on_engines([](const Backend& backend) {
        AdaptedWorld world(backend, mixed_tables());
        apo_adapter* other = random_adapter(world.model, adapter_tables(2, 3, 1), APO_HEAD_VALUE);
        apo_adapter* frozen = random_adapter(world.model, mixed_tables());
        CHECK(apo_adapter_copy(frozen, world.adapter, &error) == APO_OK);
        const Scored base = score(world.model, nullptr, shared()), start = score(world.model, world.adapter, shared());
        CHECK(score(world.model, frozen, shared()) == start);
        {
            Training one(world.model, world.adapter), two(world.model, other);
            one.accumulate(shared(), kFactors);
            two.accumulate(shared(), kFactors);
            one.step(1);
            const std::vector<float> untouched = two.read(APO_STATE_MASTER);
            two.step(1);
            CHECK(untouched != two.read(APO_STATE_MASTER));
        }
        CHECK(score(world.model, nullptr, shared()) == base);
        CHECK(score(world.model, frozen, shared()) == start);
        CHECK(!(score(world.model, world.adapter, shared()) == start));
        CHECK(apo_adapter_close(other, &error) == APO_OK);
        CHECK(apo_adapter_close(frozen, &error) == APO_OK);
    });
}

TEST(nothing_is_computed_for_frozen_weights_nor_below_the_lowest_path) {
    on_engines([](const Backend& backend) {
        struct Case {
            int32_t layer, projection, head;
            int attention_backward, swiglu_backward, rmsnorm_backward;
        };
        for (const Case& c : {Case{0, APO_Q, APO_HEAD_LM, 2, 2, 4}, Case{0, APO_O, APO_HEAD_LM, 1, 2, 4}, Case{0, APO_UP, APO_HEAD_LM, 1, 2, 3},
                              Case{0, APO_DOWN, APO_HEAD_LM, 1, 1, 3}, Case{1, APO_V, APO_HEAD_LM, 1, 1, 2}, Case{1, APO_DOWN, APO_HEAD_LM, 0, 0, 1},
                              Case{-1, 0, APO_HEAD_VALUE, 0, 0, 0}}) {
            apo::OpTable table;
            const Backend counting = counted(backend, table);
            AdapterTables tables = adapter_tables(2, 0, 1);
            if (c.layer >= 0) tables.ranks[size_t(c.layer * APO_PROJECTIONS + c.projection)] = 2;
            AdaptedWorld world(counting, tables, c.head);
            Training training(world.model, world.adapter);
            const int64_t before = counts.gemm_flops;
            training.accumulate(shared(), kFactors);
            CHECK(counts.attention_backward == c.attention_backward);
            CHECK(counts.swiglu_backward == c.swiglu_backward);
            CHECK(counts.rmsnorm_backward == c.rmsnorm_backward);
            CHECK(counts.embedding_backward == 0 && counts.bias_backward == 0);
            CHECK(counts.gemm_flops > before);
            bool any = false;
            for (float g : training.read(APO_STATE_GRADIENT)) any = any || g != 0;
            CHECK(any);
        }
        // All seven everywhere: two thirds of a full step's products and the thin ones, which are small in a wider model alone.
        apo_model_config wide = tiny();
        wide.hidden_size = 96, wide.intermediate_size = 160;
        auto flops = [&](int32_t rank) {
            apo::OpTable table;
            World world(counted(backend, table), wide);
            apo_adapter* adapter = rank > 0 ? random_adapter(world.model, adapter_tables(2, rank, 1)) : nullptr;
            const apo_trainer_options options{100, 0, 0, 0, 0, 0};
            apo_trainer* trainer = nullptr;
            CHECK(apo_trainer_create(world.model, adapter, &options, &trainer, &error) == APO_OK);
            counts.gemm_flops = 0;
            const Packs packs = shared();
            const apo_batch batch = packs.batch();
            double sums[4];
            CHECK(apo_trainer_forward(trainer, &batch, nullptr, sums, nullptr, &error) == APO_OK);
            CHECK(apo_trainer_backward(trainer, kFactors.data(), nullptr, &error) == APO_OK);
            CHECK(apo_trainer_close(trainer, &error) == APO_OK);
            CHECK(apo_adapter_close(adapter, &error) == APO_OK);
            return double(counts.gemm_flops);
        };
        CHECK(flops(1) < 0.75 * flops(0));
    });
}

TEST(an_adapter_takes_the_memory_that_is_planned) {
    on_engines([](const Backend& backend) {
        for (const auto& [dtype, quantize] : {std::pair{APO_F32, APO_QUANTIZE_NONE}, std::pair{APO_BF16, APO_QUANTIZE_NONE}, std::pair{APO_BF16, APO_QUANTIZE_NF4},
                                              std::pair{APO_BF16, APO_QUANTIZE_NF4_F32}, std::pair{APO_F32, APO_QUANTIZE_INT8}}) {
            for (int recompute : {0, 1}) {
                for (int32_t head : {APO_HEAD_LM, APO_HEAD_VALUE}) {
                    apo::OpTable table;
                    const Backend counting = counted(backend, table);
                    const AdapterTables tables = mixed_tables();
                    const apo_adapter_config config = tables.config(head, 0.1);
                    const apo_trainer_options trainer_options{64, recompute, recompute ? APO_OPTIMIZER_8BIT : APO_OPTIMIZER_F32, 0, 0, 0};
                    const apo_generator_options generator_options{4, 0, 64};
                    const apo_model_config model_config = tiny();
                    apo_memory_plan plan;
                    CHECK(apo_plan(&model_config, dtype, quantize, counting.open.device, 1, &config, &trainer_options, &generator_options, &plan, &error) == APO_OK);
                    apo_engine* engine = new apo_engine(*counting.ops, counting.open);
                    const apo_model_options model_options{dtype, 0, quantize, 0};
                    apo_model* model = nullptr;
                    int64_t last = 0;
                    auto taken = [&] {
                        const int64_t now = counts.bytes(), more = now - last;
                        last = now;
                        return more;
                    };
                    CHECK(apo_model_create(engine, &model_config, &model_options, &model, &error) == APO_OK);
                    CHECK(taken() == plan.weights);
                    apo_adapter* adapter = nullptr;
                    CHECK(apo_adapter_create(model, &config, &adapter, &error) == APO_OK);
                    CHECK(taken() == plan.adapter);
                    apo_trainer* trainer = nullptr;
                    CHECK(apo_trainer_create(model, adapter, &trainer_options, &trainer, &error) == APO_OK);
                    CHECK(taken() == plan.gradients + plan.master + plan.moments + plan.trainer_activations + plan.trainer_workspace);
                    CHECK(plan.master == 0 && plan.gradients * (dtype == APO_F32 ? 1 : 3) == plan.adapter * (dtype == APO_F32 ? 1 : 2));
                    apo_scorer* scorer = nullptr;
                    CHECK(apo_scorer_create(model, adapter, 64, &scorer, &error) == APO_OK);
                    CHECK(taken() == plan.scorer);
                    apo_generator* generator = nullptr;
                    if (head == APO_HEAD_LM) {
                        CHECK(apo_generator_create(model, adapter, &generator_options, &generator, &error) == APO_OK);
                        CHECK(taken() == plan.generator);
                    }
                    CHECK(apo_generator_close(generator, &error) == APO_OK);
                    CHECK(apo_scorer_close(scorer, &error) == APO_OK);
                    CHECK(apo_trainer_close(trainer, &error) == APO_OK);
                    CHECK(apo_adapter_close(adapter, &error) == APO_OK);
                    CHECK(apo_model_close(model, &error) == APO_OK);
                    CHECK(apo_engine_close(engine, &error) == APO_OK);
                    CHECK(counts.bytes() == 0);
                }
            }
        }
    });
}

TEST(an_8b_model_trains_an_adapter_within_24_gb_and_packed_within_12) {
    apo_model_config llama{};
    llama.vocab_size = 128256, llama.hidden_size = 4096, llama.intermediate_size = 14336, llama.layers = 32, llama.heads = 32, llama.kv_heads = 8;
    llama.head_dim = 128, llama.max_positions = 8192, llama.rms_norm_eps = 1e-5, llama.rope_theta = 500000;
    const AdapterTables tables = adapter_tables(32, 16, 2);
    const apo_adapter_config config = tables.config(APO_HEAD_LM);
    const apo_trainer_options options{8192, 1, APO_OPTIMIZER_F32, 0, 0, 0};
    apo_memory_plan p;
    auto sum = [&](int32_t quantize) {
        CHECK(apo_plan(&llama, APO_BF16, quantize, APO_CUDA, 1, &config, &options, nullptr, &p, &error) == APO_OK);
        return p.weights + p.adapter + p.gradients + p.master + p.moments + p.trainer_activations + p.trainer_workspace + p.backend;
    };
    CHECK(sum(APO_QUANTIZE_NONE) <= 21500000000);
    CHECK(sum(APO_QUANTIZE_NF4) <= 11500000000);
    // 0.516 bytes a linear weight; 2 of embedding and head, a megabyte of norms and maps, rotary tables, one unpacked matrix (gate and up).
    const double linear = 32.0 * (4096.0 * (4096 + 2 * 1024 + 4096) + 3.0 * 4096 * 14336);
    CHECK_CLOSE(double(p.weights), 0.516 * linear + 4.0 * 128256 * 4096 + 4.0 * 8192 * 128 + 4.0 * 14336 * 4096, 2e6);
}

TEST(bad_adapters_are_refused_in_words) {
    on_engines([](const Backend& backend) {
        AdaptedWorld world(backend, mixed_tables());
        apo_adapter* adapter = nullptr;
        auto create = [&](const apo_adapter_config& config) { return apo_adapter_create(world.model, &config, &adapter, &error); };
        AdapterTables tables = mixed_tables();
        tables.ranks[9] = 17;
        refused(create(tables.config(APO_HEAD_LM)), APO_E_ARGUMENT, "model.layers.1.self_attn.v_proj is 17; expected 0 to 16");
        tables.ranks[9] = -1;
        refused(create(tables.config(APO_HEAD_LM)), APO_E_ARGUMENT, "v_proj is -1");
        tables = mixed_tables();
        tables.scales[6] = NAN;
        refused(create(tables.config(APO_HEAD_LM)), APO_E_ARGUMENT, "scale at model.layers.0.mlp.down_proj");
        tables = mixed_tables();
        refused(create(tables.config(APO_HEAD_LM, 1)), APO_E_ARGUMENT, "dropout is 1");
        refused(create(tables.config(2)), APO_E_ARGUMENT, "head is 2");
        refused(create(adapter_tables(3, 1, 1).config(APO_HEAD_LM)), APO_E_ARGUMENT, "for 3 layers; the model has 2");
        refused(create(adapter_tables(2, 0, 1).config(APO_HEAD_LM)), APO_E_ARGUMENT, "no weight to train");
        apo_adapter_config null = tables.config(APO_HEAD_LM);
        null.ranks = nullptr;
        refused(create(null), APO_E_ARGUMENT, "ranks are null");
        refused(apo_adapter_create(nullptr, &null, &adapter, &error), APO_E_ARGUMENT, "model is null");

        const float bad[2] = {1, NAN};
        refused(apo_adapter_write(world.adapter, 0, 5, 2, bad, APO_F32, &error), APO_E_NUMERIC, "lora_A.weight: element 6");
        refused(apo_adapter_write(world.adapter, 999, 0, 1, bad, APO_F32, &error), APO_E_ARGUMENT, "tensor 999 does not exist; the adapter has");
        refused(apo_adapter_initialize(world.adapter, 1, 7, &error), APO_E_ARGUMENT, "kind is 7");
        apo_adapter* other = random_adapter(world.model, adapter_tables(2, 3, 1));
        refused(apo_adapter_copy(other, world.adapter, &error), APO_E_ARGUMENT, "the adapters differ");
        CHECK(apo_adapter_close(other, &error) == APO_OK);
        tables.scales[0] = 7;
        other = random_adapter(world.model, tables);
        refused(apo_adapter_copy(other, world.adapter, &error), APO_E_ARGUMENT, "the adapters differ");
        CHECK(apo_adapter_close(other, &error) == APO_OK);

        apo_model* second = new_model(world, APO_F32, APO_HEAD_VALUE);
        refused(apo_model_merge(second, world.model, world.adapter, &error), APO_E_ARGUMENT, "the LM head and the target a value head");
        refused(apo_model_merge(world.model, second, world.adapter, &error), APO_E_ARGUMENT, "another model's than the source");
        apo_scorer* scorer = nullptr;
        refused(apo_scorer_create(second, world.adapter, 10, &scorer, &error), APO_E_ARGUMENT, "the adapter is another model's");
        // A value head's model has no LM head for the adapter to use.
        const apo_adapter_config lm = tables.config(APO_HEAD_LM), value = tables.config(APO_HEAD_VALUE);
        refused(apo_adapter_create(second, &lm, &adapter, &error), APO_E_ARGUMENT, "a value head of its own");
        CHECK(apo_model_close(second, &error) == APO_OK);

        CHECK(apo_adapter_create(world.model, &value, &adapter, &error) == APO_OK);
        apo_generator* generator = nullptr;
        const apo_generator_options generator_options{1, 0, 16};
        refused(apo_generator_create(world.model, adapter, &generator_options, &generator, &error), APO_E_STATE, "the adapter has a value head");
        CHECK(apo_scorer_create(world.model, adapter, 10, &scorer, &error) == APO_OK);
        double sums[4];
        const Packs packs = shared();
        const apo_batch batch = packs.batch();
        refused(apo_scorer_logprobs(scorer, &batch, nullptr, sums, nullptr, &error), APO_E_STATE, "the adapter has a value head");
        refused(apo_adapter_close(adapter, &error), APO_E_STATE, "the adapter has 1 open scorers");
        refused(apo_model_close(world.model, &error), APO_E_STATE, "the model has 2 open adapters");
        CHECK(apo_scorer_close(scorer, &error) == APO_OK);
        CHECK(apo_adapter_close(adapter, &error) == APO_OK);
        CHECK(apo_adapter_close(nullptr, &error) == APO_OK);

        Training training(world.model, world.adapter);
        apo_trainer* trainer = nullptr;
        const apo_trainer_options options{10, 0, 0, 0, 0, 0};
        refused(apo_trainer_create(world.model, world.adapter, &options, &trainer, &error), APO_E_STATE, "the adapter has a trainer already");
    });
}
