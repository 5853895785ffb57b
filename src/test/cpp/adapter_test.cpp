// Adapters through the C API on small random models: what they change and what they leave, gradients, dropout, bad input, life cycle.
#include <cstring>

#include "tiny_adapter.h"

using namespace apo_test;

namespace {

apo_error& error = last_error();

double distance(const std::vector<float>& a, const std::vector<float>& b) {
    CHECK(a.size() == b.size());
    double difference = 0, size = 0;
    for (size_t i = 0; i < a.size(); i++) difference += std::pow(double(a[i]) - b[i], 2), size += std::pow(double(a[i]), 2);
    CHECK(size > 0);
    return std::sqrt(difference / size);
}

}  // namespace

TEST(a_fresh_adapter_changes_no_bit) {
    on_engines([](const Backend& backend) {
        for (int32_t dtype : {APO_F32, APO_BF16}) {
            World world(backend, tiny(), dtype);
            const AdapterTables tables = mixed_tables();
            const apo_adapter_config config = tables.config(APO_HEAD_LM, 0.1, 1);
            apo_adapter* adapter = nullptr;
            CHECK(apo_adapter_create(world.model, &config, &adapter, &error) == APO_OK);
            const Scored alone = score(world.model, nullptr, shared());
            CHECK(score(world.model, adapter, shared()) == alone);
            for (int32_t kind : {APO_INIT_UNIFORM, APO_INIT_GAUSSIAN}) {
                CHECK(apo_adapter_initialize(adapter, 1, kind, &error) == APO_OK);
                CHECK(score(world.model, adapter, shared()) == alone);
            }
            CHECK(apo_adapter_close(adapter, &error) == APO_OK);
        }
    });
}

TEST(fresh_weights_are_those_of_peft) {
    on_engines([](const Backend& backend) {
        World world(backend);
        const AdapterTables tables = adapter_tables(2, 8, 1);
        const apo_adapter_config config = tables.config(APO_HEAD_VALUE);
        apo_adapter* adapter = nullptr;
        CHECK(apo_adapter_create(world.model, &config, &adapter, &error) == APO_OK);
        for (int32_t kind : {APO_INIT_UNIFORM, APO_INIT_GAUSSIAN}) {
            CHECK(apo_adapter_initialize(adapter, 9, kind, &error) == APO_OK);
            const std::vector<apo_tensor_info> tensors = tensors_of(adapter);
            CHECK(tensors.size() == 2 * 7 * 2 + 1);
            CHECK(std::string(tensors.front().name) == "model.layers.0.self_attn.q_proj.lora_A.weight");
            CHECK(std::string(tensors.back().name) == "score.weight");
            double squares = 0;
            int64_t count = 0;
            for (size_t i = 0; i < tensors.size(); i++) {
                std::vector<float> values(size_t(tensors[i].count));
                CHECK(apo_adapter_read(adapter, int32_t(i), 0, tensors[i].count, values.data(), APO_F32, &error) == APO_OK);
                const bool is_a = std::strstr(tensors[i].name, "lora_A") != nullptr, is_b = std::strstr(tensors[i].name, "lora_B") != nullptr;
                const double bound = 1 / std::sqrt(double(tensors[i].shape[1]));
                for (float x : values) {
                    if (is_b) CHECK(x == 0);
                    if (is_a && kind == APO_INIT_UNIFORM) CHECK(std::fabs(x) <= bound);
                    if (!is_a && !is_b) CHECK(std::fabs(x) < 0.02 * 5 && x != 0);
                    // In units of the deviation that is expected.
                    if (is_a) squares += std::pow(x / (kind == APO_INIT_UNIFORM ? bound / std::sqrt(3.0) : 1.0 / 8), 2), count++;
                }
            }
            CHECK_CLOSE(squares / double(count), 1, 0.1);
        }
        CHECK(apo_adapter_close(adapter, &error) == APO_OK);
    });
}

// LlamaFactory#8459, #8974
TEST(the_loss_of_a_fresh_adapter_against_its_base_is_ln_2) {
    on_engines([](const Backend& backend) {
        for (int32_t dtype : {APO_F32, APO_BF16}) {
            World world(backend, tiny(), dtype);
            const AdapterTables tables = adapter_tables(2, 4, 2);
            const apo_adapter_config config = tables.config(APO_HEAD_LM);
            apo_adapter* adapter = nullptr;
            CHECK(apo_adapter_create(world.model, &config, &adapter, &error) == APO_OK);
            CHECK(apo_adapter_initialize(adapter, 1, APO_INIT_UNIFORM, &error) == APO_OK);
            const Packs packs = shared();
            const apo_batch batch = packs.batch();
            const std::vector<double> reference = score(world.model, nullptr, packs).sums;
            {
                Training training(world.model, adapter);
                const int32_t chosen[2] = {0, 2}, rejected[2] = {1, 3};
                apo_pairs pairs{};
                pairs.rows = 2, pairs.answers = 4, pairs.chosen = chosen, pairs.rejected = rejected, pairs.reference_sums = reference.data();
                const apo_objective objective{APO_DPO, 0, 0.1, 0, 0, 0, 0, 1, 1, 0, 0};
                const apo_meta meta{APO_WEIGHT_CONSTANT, 0, 1, 0, nullptr, nullptr, 1, 1};
                double loss[2], sums[4];
                apo_pair_results results{};
                results.loss = loss;
                CHECK(apo_trainer_preference(training.handle, &batch, &pairs, &objective, &meta, 0.5, sums, &results, nullptr, &error) == APO_OK);
                for (double one : loss) CHECK_CLOSE(one, std::log(2.0), 1e-15);
                for (size_t i = 0; i < 4; i++) CHECK(sums[i] == reference[i]);
            }
            CHECK(apo_adapter_close(adapter, &error) == APO_OK);
        }
    });
}

TEST(gradient_of_an_adapter_by_finite_differences) {
    on_engines([](const Backend& backend) {
        for (int32_t quantize : {APO_QUANTIZE_NONE, APO_QUANTIZE_NF4, APO_QUANTIZE_INT8}) {
            for (const auto& [head, dropout] : {std::pair{APO_HEAD_LM, 0.0}, std::pair{APO_HEAD_LM, 0.4}, std::pair{APO_HEAD_VALUE, 0.4}}) {
                if (quantize != APO_QUANTIZE_NONE && (dropout == 0 || head != APO_HEAD_LM)) continue;
                AdaptedWorld world(backend, mixed_tables(), head, dropout, APO_F32, tiny(), quantize);
                Training training(world.model, world.adapter);
                training.accumulate(shared(), kFactors);
                const std::vector<float> gradient = training.read(APO_STATE_GRADIENT);
                size_t at = 0;
                const std::vector<apo_tensor_info> tensors = tensors_of(world.adapter);
                for (size_t i = 0; i < tensors.size(); at += size_t(tensors[i++].count)) {
                    for (int64_t element : {int64_t(0), tensors[i].count * 2 / 3}) {
                        float old = 0;
                        CHECK(apo_adapter_read(world.adapter, int32_t(i), element, 1, &old, APO_F32, &error) == APO_OK);
                        double losses[2];
                        const float h = 4e-3f;
                        for (int side = 0; side < 2; side++) {
                            const float x = side == 0 ? old - h : old + h;
                            CHECK(apo_adapter_write(world.adapter, int32_t(i), element, 1, &x, APO_F32, &error) == APO_OK);
                            losses[side] = training.loss(shared(), kFactors);
                        }
                        CHECK(apo_adapter_write(world.adapter, int32_t(i), element, 1, &old, APO_F32, &error) == APO_OK);
                        // f32 forward: the difference of two sums of size 60 errs by about 1e-5, over 8e-3
                        const double slope = (losses[1] - losses[0]) / (double(old + h) - double(old - h)), found = gradient[at + size_t(element)];
                        CHECK_CLOSE(found, slope, 1e-2 + 1e-2 * std::fabs(found));
                    }
                }
            }
        }
    });
}

// transformers#42489
TEST(gradients_of_an_adapter_do_not_depend_on_recomputation_or_accumulation) {
    on_engines([](const Backend& backend) {
        for (double dropout : {0.0, 0.3}) {
            AdaptedWorld world(backend, mixed_tables(), APO_HEAD_LM, dropout);
            auto gradients = [&](const std::vector<Packs>& batches, bool recompute) {
                Training training(world.model, world.adapter, recompute);
                const size_t answers = 4 / batches.size();
                for (size_t i = 0; i < batches.size(); i++) {
                    training.accumulate(batches[i], {kFactors.begin() + long(i * answers), kFactors.begin() + long((i + 1) * answers)});
                }
                return training.read(APO_STATE_GRADIENT);
            };
            const std::vector<float> whole = gradients({shared()}, false);
            CHECK(gradients({shared()}, true) == whole);
            Packs first, second;
            first.add(kPrompt, {kAnswers[0], kAnswers[1]});
            second.add(kOther, {kAnswers[2], kAnswers[3]});
            CHECK_CLOSE(distance(whole, gradients({first, second}, false)), 0, 1e-5);
            CHECK_CLOSE(distance(whole, gradients({first, second}, true)), 0, 1e-5);
        }
    });
}

TEST(dropout_is_of_trainers_alone_and_follows_step_and_seed) {
    on_engines([](const Backend& backend) {
        AdaptedWorld world(backend, mixed_tables(), APO_HEAD_LM, 0.3);
        AdaptedWorld plain(backend, mixed_tables());
        CHECK(score(world.model, world.adapter, shared()) == score(plain.model, plain.adapter, shared()));
        Training training(world.model, world.adapter);
        const double first = training.loss(shared(), kFactors);
        CHECK(training.loss(shared(), kFactors) == first);
        CHECK(apo_trainer_set_step(training.handle, 1, &error) == APO_OK);
        CHECK(training.loss(shared(), kFactors) != first);
        CHECK(apo_trainer_set_step(training.handle, 0, &error) == APO_OK);
        CHECK(training.loss(shared(), kFactors) == first);
        refused(apo_trainer_set_step(training.handle, -1, &error), APO_E_ARGUMENT, "step is -1");
    });
}

// peft#859
TEST(a_trainer_that_goes_on_with_an_adapter_ends_with_the_same_bits) {
    on_engines([](const Backend& backend) {
        for (int32_t state : {APO_OPTIMIZER_F32, APO_OPTIMIZER_8BIT}) {
            auto run = [&](const std::vector<int>& parts) {
                AdaptedWorld world(backend, mixed_tables(), APO_HEAD_LM, 0.2);
                std::vector<float> masters, moments[2];
                std::vector<char> packed[2];
                int64_t done = 0;
                for (int steps : parts) {
                    Training training(world.model, world.adapter, false, state);
                    if (done > 0) {
                        CHECK(apo_trainer_set_step(training.handle, done, &error) == APO_OK);
                        for (int32_t m : {0, 1}) {
                            if (state == APO_OPTIMIZER_F32) {
                                training.write(APO_STATE_MOMENT1 + m, moments[m]);
                            } else {
                                CHECK(apo_trainer_write_packed(training.handle, APO_STATE_MOMENT1 + m, 0, int64_t(packed[m].size()), packed[m].data(), &error) == APO_OK);
                            }
                        }
                    }
                    for (int i = 0; i < steps; i++) {
                        training.accumulate(shared(), kFactors);
                        training.accumulate(apart(), kFactors);
                        training.step(++done);
                    }
                    masters = training.read(APO_STATE_MASTER);
                    for (int32_t m : {0, 1}) {
                        if (state == APO_OPTIMIZER_F32) {
                            moments[m] = training.read(APO_STATE_MOMENT1 + m);
                        } else {
                            int64_t bytes = 0;
                            CHECK(apo_trainer_packed_bytes(training.handle, APO_STATE_MOMENT1 + m, &bytes, &error) == APO_OK);
                            packed[m].resize(size_t(bytes));
                            CHECK(apo_trainer_read_packed(training.handle, APO_STATE_MOMENT1 + m, 0, bytes, packed[m].data(), &error) == APO_OK);
                        }
                    }
                }
                return masters;
            };
            CHECK(run({3}) == run({1, 2}));
        }
    });
}

TEST(an_adapter_learns_and_its_base_stays) {
    on_engines([](const Backend& backend) {
        for (int32_t dtype : {APO_F32, APO_BF16}) {
            for (int32_t state : {APO_OPTIMIZER_F32, APO_OPTIMIZER_8BIT}) {
                AdaptedWorld world(backend, mixed_tables(), APO_HEAD_LM, 0, dtype);
                const Scored base = score(world.model, nullptr, shared());
                const std::vector<double> likelihood(4, -1.0 / 14);
                Training training(world.model, world.adapter, false, state);
                double first = 0, last = 0;
                for (int step = 1; step <= 12; step++) {
                    last = 0;
                    for (double sum : training.accumulate(shared(), likelihood)) last -= sum / 14;
                    if (step == 1) first = last;
                    training.step(step);
                }
                CHECK(last < 0.97 * first);
                CHECK(score(world.model, nullptr, shared()) == base);
                // What is scored is what was trained, to the last step.
                CHECK(score(world.model, world.adapter, shared()).sums == training.accumulate(shared(), likelihood));
            }
        }
    });
}
