// Adapters against numbers of PEFT and TRL (src/test/resources/fixtures/lora): log-probs with the adapter on, off and merged, gradients,
// AdamW steps, greedy answers, rewards and whole training curves, on each kind of device. Tolerances are those that the numbers came
// with: two programs in f32 agree to them.
#include <algorithm>

#include "backends.h"
#include "golden_adapter.h"
#include "golden_pairs.h"
#include "packs.h"
#include "test.h"

using namespace apo_test;

namespace {

apo_error error;

void must(apo_status status) {
    if (status != APO_OK) throw std::runtime_error(error.message);
}

constexpr double kSum = 1e-4, kToken = 3e-5, kReward = 2e-5, kRelative = 1e-5, kGradient = 3e-5, kWeight = 1e-5;

// tiny-llama with one of the adapters on it.
struct Adapted {
    Adapted(const Backend& backend, const std::string& adapter_name, int32_t dtype, int32_t head = APO_HEAD_LM)
        : golden(Json::read(fixture("tiny-llama.golden.json"))), shape(fixture("tiny-llama")), config(shape.config),
          engine(new apo_engine(*backend.ops, backend.open)), model(load_model(*engine, fixture("tiny-llama"), dtype)),
          adapter(load_adapter(model, config, fixture("lora/" + adapter_name), head)) {}
    ~Adapted() {
        CHECK(apo_adapter_close(adapter, &error) == APO_OK);
        CHECK(apo_model_close(model, &error) == APO_OK);
        CHECK(apo_engine_close(engine, &error) == APO_OK);
    }
    Adapted(const Adapted&) = delete;

    Json golden;
    GoldenConfig shape;
    apo_model_config config;
    apo_engine* engine;
    apo_model* model;
    apo_adapter* adapter;
};

struct Scores {
    std::vector<double> sums;
    std::vector<float> logps;
};

Scores score(apo_model* model, apo_adapter* adapter, const Pairs& pairs) {
    apo_scorer* scorer = nullptr;
    must(apo_scorer_create(model, adapter, 400, &scorer, &error));
    Scores scores{std::vector<double>(size_t(pairs.batch.answers)), std::vector<float>(pairs.logps.size())};
    must(apo_scorer_logprobs(scorer, &pairs.batch, scores.logps.data(), scores.sums.data(), nullptr, &error));
    must(apo_scorer_close(scorer, &error));
    return scores;
}

// Sums of a golden file, chosen and rejected in turn as the batches have them.
std::vector<double> sums_of(const Json& json) {
    std::vector<double> sums;
    for (size_t i = 0; i < json["chosen"].size(); i++) sums.push_back(json["chosen"][i].number()), sums.push_back(json["rejected"][i].number());
    return sums;
}

void check_sums(const std::vector<double>& found, const Json& expected, const Pairs& pairs, int32_t dtype) {
    const std::vector<double> sums = sums_of(expected);
    CHECK(found.size() == sums.size());
    for (size_t i = 0; i < sums.size(); i++) {
        CHECK_CLOSE(found[i], sums[i], dtype == APO_F32 ? kSum : 0.1 * std::sqrt(double(pairs.answer_lengths[i])));
    }
}

double mean_difference(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); i++) sum += std::fabs(double(a[i]) - b[i]);
    return sum / double(a.size());
}

Scores score_merged(const Adapted& world, int32_t dtype, const Pairs& pairs) {
    apo_model* merged = nullptr;
    const apo_model_options options{dtype, 0, APO_QUANTIZE_NONE, 0};
    must(apo_model_create(world.engine, &world.config, &options, &merged, &error));
    must(apo_model_merge(merged, world.model, world.adapter, &error));
    const Scores scores = score(merged, nullptr, pairs);
    must(apo_model_close(merged, &error));
    return scores;
}

// Mean DPO loss of the pairs, as a part of `rows` rows in all, and its gradient.
double forward_backward(apo_trainer* trainer, const Pairs& pairs, const std::vector<double>& reference, double beta, size_t rows,
                        std::vector<double>* sums_out = nullptr) {
    const size_t own = size_t(pairs.batch.packs);
    std::vector<int32_t> chosen, rejected;
    for (size_t i = 0; i < own; i++) chosen.push_back(int32_t(2 * i)), rejected.push_back(int32_t(2 * i + 1));
    apo_pairs p{};
    p.rows = int32_t(own), p.answers = pairs.batch.answers, p.chosen = chosen.data(), p.rejected = rejected.data(), p.reference_sums = reference.data();
    apo_objective objective{};
    objective.kind = APO_DPO, objective.beta = beta;
    apo_meta meta{};
    meta.mode = APO_WEIGHT_CONSTANT, meta.inputs = 1, meta.constant = 1, meta.score_scale = 1;
    std::vector<double> sums(2 * own), loss(own);
    apo_pair_results results{};
    results.loss = loss.data();
    must(apo_trainer_preference(trainer, &pairs.batch, &p, &objective, &meta, 1.0 / double(rows), sums.data(), &results, nullptr, &error));
    if (sums_out != nullptr) sums_out->insert(sums_out->end(), sums.begin(), sums.end());
    double total = 0;
    for (double l : loss) total += l / double(rows);
    return total;
}

double norm_of(const std::vector<float>& x) {
    double squares = 0;
    for (float v : x) squares += double(v) * v;
    return std::sqrt(squares);
}

// body(name, values) of each tensor's state.
template <class Body>
void for_tensors(const Adapted& world, apo_trainer* trainer, int32_t state, Body body) {
    int32_t count = 0;
    must(apo_adapter_tensor_count(world.adapter, &count, &error));
    for (int32_t i = 0; i < count; i++) {
        apo_tensor_info info;
        must(apo_adapter_tensor(world.adapter, i, &info, &error));
        std::vector<float> values(static_cast<size_t>(info.count));
        must(apo_trainer_read(trainer, state, i, 0, info.count, values.data(), &error));
        body(kAdapterPrefix + info.name, values);
    }
}

void check_tensors(const Adapted& world, apo_trainer* trainer, int32_t state, const Tensors& expected, bool relative, double tolerance) {
    for_tensors(world, trainer, state, [&](const std::string& name, const std::vector<float>& found) {
        const std::vector<float>& want = expected.at(name);
        double largest = 0, difference = 0;
        for (size_t j = 0; j < want.size(); j++) {
            largest = std::max(largest, std::fabs(double(want[j])));
            difference = std::max(difference, std::fabs(double(want[j]) - found[j]));
        }
        const double allowed = tolerance * (relative ? largest : 1);
        if (!(difference <= allowed)) {
            fail(__FILE__, __LINE__, name + " errs by " + std::to_string(difference / allowed) + " of what is allowed");
        }
    });
}

apo_adamw adamw(const Json& settings, int64_t step) {
    return {settings["lr"].number(), settings["betas"][0].number(), settings["betas"][1].number(), settings["eps"].number(),
            settings["weight_decay"].number(), settings["clip"].number(), step};
}

}  // namespace

TEST(golden_adapter_log_probs_on_off_and_merged) {
    on_engines([](const Backend& backend) {
        for (const char* name : {"llama-all", "llama-rslora", "llama-qv"}) {
            const Json json = Json::read(fixture(std::string("lora/") + name + ".golden.json"));
            for (int32_t dtype : {APO_F32, APO_BF16}) {
                Adapted world(backend, name, dtype);
                const Pairs pairs(world.golden, true);
                const Scores on = score(world.model, world.adapter, pairs), merged = score_merged(world, dtype, pairs);
                check_sums(on.sums, json["logp_sums_adapter_on"], pairs, dtype);
                check_sums(merged.sums, json["logp_sums_merged"], pairs, dtype);
                check_sums(score(world.model, nullptr, pairs).sums, json["logp_sums_adapter_off"], pairs, dtype);
                CHECK_CLOSE(mean_difference(on.logps, merged.logps), 0, dtype == APO_F32 ? kToken : 0.03);
                if (!json.has("logps_adapter_on")) continue;
                size_t at = 0;
                double mean = 0;
                for (size_t i = 0; i < 2 * json["logps_adapter_on"]["chosen"].size(); i++) {
                    const Json& expected = json["logps_adapter_on"][i % 2 == 0 ? "chosen" : "rejected"][i / 2];
                    for (size_t t = 0; t < expected.size(); t++, at++) {
                        const double difference = std::fabs(on.logps[at] - expected[t].number());
                        if (dtype == APO_F32) CHECK_CLOSE(difference, 0, kToken);
                        mean += difference / double(on.logps.size());
                    }
                }
                CHECK(at == on.logps.size());
                CHECK_CLOSE(mean, 0, 0.03);
            }
        }
    });
}

TEST(golden_adapter_loss_and_gradient_norms) {
    on_engines([](const Backend& backend) {
        for (const char* name : {"llama-all", "llama-rslora", "llama-qv"}) {
            const Json json = Json::read(fixture(std::string("lora/") + name + ".golden.json"));
            Adapted world(backend, name, APO_F32);
            const Pairs pairs(world.golden, true);
            const std::vector<double> reference = score(world.model, nullptr, pairs).sums;
            for (int recompute : {0, 1}) {
                const apo_trainer_options options{pairs.batch.token_count, recompute, 0, 0, 0, 0};
                apo_trainer* trainer = nullptr;
                must(apo_trainer_create(world.model, world.adapter, &options, &trainer, &error));
                CHECK_CLOSE(forward_backward(trainer, pairs, reference, json["beta"].number(), 8) / json["loss"].number(), 1, kRelative);
                double squares = 0;
                for_tensors(world, trainer, APO_STATE_GRADIENT, [&](const std::string& tensor, const std::vector<float>& values) {
                    const double norm = norm_of(values);
                    CHECK_CLOSE(norm / json["grad_norms"][tensor].number(), 1, kRelative);
                    squares += norm * norm;
                });
                CHECK_CLOSE(std::sqrt(squares) / json["grad_norm"].number(), 1, kRelative);
                if (std::string(name) == "llama-all") {
                    check_tensors(world, trainer, APO_STATE_GRADIENT, read_tensors(fixture("lora/llama-all.grads.safetensors")), true, kGradient);
                }
                CHECK(apo_trainer_close(trainer, &error) == APO_OK);
            }
        }
    });
}

TEST(golden_adapter_five_adamw_steps) {
    on_engines([](const Backend& backend) {
        const Json json = Json::read(fixture("lora/llama-all.golden.json"));
        Adapted world(backend, "llama-all", APO_F32);
        const Pairs pairs(world.golden, true);
        const std::vector<double> reference = score(world.model, nullptr, pairs).sums;
        const apo_trainer_options options{pairs.batch.token_count, 0, 0, 0, 0, 0};
        apo_trainer* trainer = nullptr;
        must(apo_trainer_create(world.model, world.adapter, &options, &trainer, &error));
        const Json& settings = json["adamw"];
        for (int step = 0; step < 5; step++) {
            const double loss = forward_backward(trainer, pairs, reference, json["beta"].number(), 8);
            const apo_adamw a = adamw(settings, step + 1);
            double norm = 0;
            must(apo_trainer_step(trainer, &a, &norm, &error));
            CHECK_CLOSE(loss / settings["curve"][size_t(step)]["loss"].number(), 1, kRelative);
            CHECK_CLOSE(norm / settings["curve"][size_t(step)]["grad_norm"].number(), 1, kRelative);
        }
        check_tensors(world, trainer, APO_STATE_MASTER, read_tensors(fixture("lora/llama-all.after5/adapter_model.safetensors")), false, kWeight);
        CHECK(apo_trainer_close(trainer, &error) == APO_OK);
        check_sums(score(world.model, world.adapter, pairs).sums, settings["logp_sums_after"], pairs, APO_F32);
        // The base is as it was.
        const std::vector<double> after = score(world.model, nullptr, pairs).sums;
        CHECK(after == reference);
    });
}

TEST(golden_adapter_greedy_answers) {
    on_engines([](const Backend& backend) {
        const Json json = Json::read(fixture("lora/llama-all.golden.json"));
        Adapted world(backend, "llama-all", APO_F32);
        const Json& greedy = json["greedy"];
        std::vector<int32_t> tokens, lengths;
        for (size_t i = 0; i < greedy.size(); i++) {
            const std::vector<int32_t> ids = greedy[i]["prompt_ids"].ints();
            tokens.insert(tokens.end(), ids.begin(), ids.end());
            lengths.push_back(int32_t(ids.size()));
        }
        const std::vector<uint64_t> keys(greedy.size());
        const apo_prompts prompts{int32_t(greedy.size()), 0, tokens.data(), lengths.data(), keys.data()};
        const std::vector<int32_t> stops = stop_ids(fixture("tiny-llama"));
        const int longest = 40;
        const apo_sampling sampling{1, longest, 1, 0, 1, 1, 0, stops.data(), int32_t(stops.size()), 0};
        for (bool on : {true, false}) {
            std::vector<int32_t> ids(greedy.size() * longest), answer_lengths(greedy.size()), finish(greedy.size());
            std::vector<double> sums(greedy.size());
            apo_answers answers{ids.data(), answer_lengths.data(), finish.data(), sums.data(), nullptr};
            const apo_generator_options options{3, 0, 400};
            apo_generator* generator = nullptr;
            must(apo_generator_create(world.model, on ? world.adapter : nullptr, &options, &generator, &error));
            must(apo_generate(generator, &prompts, &sampling, &answers, nullptr, &error));
            for (size_t i = 0; i < greedy.size(); i++) {
                const std::vector<int32_t> expected = greedy[i][on ? "new_ids" : "base_new_ids"].ints();
                const auto begin = ids.begin() + long(i) * longest;
                CHECK(std::vector<int32_t>(begin, begin + answer_lengths[i]) == expected);
            }
            CHECK(apo_generator_close(generator, &error) == APO_OK);
        }
    });
}

TEST(golden_reward_adapter_over_the_policy) {
    on_engines([](const Backend& backend) {
        const Json json = Json::read(fixture("lora/llama-reward.golden.json"));
        for (int32_t dtype : {APO_F32, APO_BF16}) {
            Adapted world(backend, "llama-reward", dtype, APO_HEAD_VALUE);
            const Pairs pairs(world.golden, true);
            // Merged it is an ordinary reward model.
            apo_model* merged = nullptr;
            apo_model_config config = world.config;
            config.head = APO_HEAD_VALUE;
            const apo_model_options options{dtype, 0, APO_QUANTIZE_NONE, 0};
            must(apo_model_create(world.engine, &config, &options, &merged, &error));
            must(apo_model_merge(merged, world.model, world.adapter, &error));
            for (bool one : {false, true}) {
                apo_scorer* scorer = nullptr;
                must(apo_scorer_create(one ? merged : world.model, one ? nullptr : world.adapter, 400, &scorer, &error));
                std::vector<double> rewards(size_t(pairs.batch.answers));
                must(apo_scorer_values(scorer, &pairs.batch, rewards.data(), nullptr, &error));
                for (size_t i = 0; i < rewards.size(); i++) {
                    CHECK_CLOSE(rewards[i], json["scores_adapter_on"][i].number(), dtype == APO_F32 ? kReward : 0.03);
                }
                CHECK(apo_scorer_close(scorer, &error) == APO_OK);
            }
            CHECK(apo_model_close(merged, &error) == APO_OK);
        }
    });
}

// Whole runs of TRL's DPOTrainer: a new adapter whose reference is the base, one that goes on against its own frozen copy, and one with
// the base as a given reference.
TEST(golden_trl_curves_of_adapters) {
    on_engines([](const Backend& backend) {
        const Json json = Json::read(fixture("lora/trl_lora_curves.json"));
        const Json& settings = json["settings"];
        for (const auto& [run, golden] : json["runs"].members()) {
            // The emulation is slow; what differs between the runs is the same there.
            if (backend.open.device == APO_CUDA && options().cuda_index < 0 && run != "continued_adapter") continue;
            Adapted world(backend, json["start"][run].text(), APO_F32);
            const Pairs first(world.golden, true, 0, 4), second(world.golden, true, 4, 8);
            apo_adapter* frozen = nullptr;
            if (run == "continued_adapter") frozen = load_adapter(world.model, world.config, fixture("lora/" + json["start"][run].text()), APO_HEAD_LM);
            const std::vector<double> references[] = {score(world.model, frozen, first).sums, score(world.model, frozen, second).sums};
            if (frozen != nullptr) must(apo_adapter_close(frozen, &error));
            const apo_trainer_options trainer_options{300, 0, 0, 0, 0, 0};
            apo_trainer* trainer = nullptr;
            must(apo_trainer_create(world.model, world.adapter, &trainer_options, &trainer, &error));
            for (size_t step = 0; step < golden["curve"].size(); step++) {
                const Json& expected = golden["curve"][step];
                std::vector<double> sums;
                double loss = forward_backward(trainer, first, references[0], settings["beta"].number(), 8, &sums);
                loss += forward_backward(trainer, second, references[1], settings["beta"].number(), 8, &sums);
                double chosen = 0, rejected = 0;
                for (size_t i = 0; i < sums.size(); i++) (i % 2 == 0 ? chosen : rejected) += sums[i] / 8;
                const apo_adamw a = adamw(settings, int64_t(step) + 1);
                double norm = 0;
                must(apo_trainer_step(trainer, &a, &norm, &error));
                CHECK_CLOSE(loss / expected["loss"].number(), 1, kRelative);
                CHECK_CLOSE(norm / expected["grad_norm"].number(), 1, kRelative);
                CHECK_CLOSE(chosen, expected["logps/chosen"].number(), kSum);
                CHECK_CLOSE(rejected, expected["logps/rejected"].number(), kSum);
            }
            for_tensors(world, trainer, APO_STATE_MASTER, [&](const std::string& tensor, const std::vector<float>& values) {
                CHECK_CLOSE(norm_of(values) / golden["end_norms"][tensor].number(), 1, kRelative);
            });
            if (run == "continued_adapter") {
                check_tensors(world, trainer, APO_STATE_MASTER, read_tensors(fixture("lora/trl-continued-end.safetensors")), false, kWeight);
            }
            CHECK(apo_trainer_close(trainer, &error) == APO_OK);
        }
    });
}
