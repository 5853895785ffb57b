// The engine against numbers of transformers (src/test/resources/fixtures): log-probs, the full gradient, five AdamW steps and
// greedy answers, on the CPU or the GPU of --device.
#include "backends.h"
#include "golden_model.h"
#include "golden_pairs.h"
#include "test.h"

using namespace apo_test;

namespace {

apo_error error;

void must(apo_status status) {
    if (status != APO_OK) throw std::runtime_error(error.message);
}

const char* const kNames[] = {"tiny-llama", "tiny-qwen2", "tiny-qwen2-windows", "tiny-mistral-windows"};

// An open engine with a golden model.
struct Golden {
    Golden(const std::string& model_name, int32_t dtype)
        : name(model_name), json(Json::read(fixture(name + ".golden.json"))), engine(make_engine()),
          model(load_model(*engine, fixture(name), dtype)) {}
    ~Golden() {
        CHECK(apo_model_close(model, &error) == APO_OK);
        CHECK(apo_engine_close(engine, &error) == APO_OK);
    }
    Golden(const Golden&) = delete;

    static apo_engine* make_engine() {
        const Backend backend = options().cuda_index >= 0 ? cuda_backend() : engine_backends().front();
        return new apo_engine(*backend.ops, backend.open);
    }

    std::string name;
    Json json;
    apo_engine* engine;
    apo_model* model;
};

// Mean of weight_i * DPO over the pairs, and its gradient; returns the loss.
double forward_backward(apo_trainer* trainer, const Pairs& pairs, const Json& golden) {
    const size_t rows = golden["pairs"].size();
    std::vector<double> sums(2 * rows), dsums(2 * rows);
    must(apo_trainer_forward(trainer, &pairs.batch, nullptr, sums.data(), nullptr, &error));
    const double beta = golden["beta"].number();
    double loss = 0;
    for (size_t i = 0; i < rows; i++) {
        const double margin = beta * (sums[2 * i] - pairs.references[2 * i] - sums[2 * i + 1] + pairs.references[2 * i + 1]);
        const double weight = golden["pair_weights"][i].number() / double(rows);
        loss += weight * std::log1p(std::exp(-margin));
        dsums[2 * i + 1] = weight * beta / (1 + std::exp(margin));
        dsums[2 * i] = -dsums[2 * i + 1];
    }
    must(apo_trainer_backward(trainer, dsums.data(), nullptr, &error));
    return loss;
}

// Relative error of all tensors together against a file; no single one may err by more than 1e-3.
double distance(const Golden& golden, apo_trainer* trainer, int32_t state, const char* suffix) {
    const Tensors expected = read_tensors(fixture(golden.name + suffix));
    double difference = 0, size = 0;
    int32_t count = 0;
    must(apo_model_tensor_count(golden.model, &count, &error));
    for (int32_t i = 0; i < count; i++) {
        apo_tensor_info info;
        must(apo_model_tensor(golden.model, i, &info, &error));
        const std::vector<float>& want = expected.at(info.name);
        std::vector<float> found(want.size());
        must(apo_trainer_read(trainer, state, i, 0, info.count, found.data(), &error));
        double d = 0, s = 0;
        for (size_t j = 0; j < want.size(); j++) d += std::pow(double(found[j]) - want[j], 2), s += std::pow(double(want[j]), 2);
        if (!(std::sqrt(d / s) <= 1e-3)) fail(__FILE__, __LINE__, std::string(info.name) + suffix + " errs by more than 1e-3");
        difference += d, size += s;
    }
    return std::sqrt(difference / size);
}

}  // namespace

TEST(golden_log_probs) {
    for (const char* name : kNames) {
        for (int32_t dtype : {APO_F32, APO_BF16}) {
            Golden golden(name, dtype);
            for (bool shared : {true, false}) {
                const Pairs pairs(golden.json, shared);
                apo_scorer* scorer = nullptr;
                must(apo_scorer_create(golden.model, nullptr, 300, &scorer, &error));
                std::vector<float> logps(pairs.logps.size());
                std::vector<double> sums(pairs.references.size());
                must(apo_scorer_logprobs(scorer, &pairs.batch, logps.data(), sums.data(), nullptr, &error));
                double mean = 0;
                for (size_t t = 0; t < logps.size(); t++) {
                    mean += std::fabs(logps[t] - pairs.logps[t]) / double(logps.size());
                    if (dtype == APO_F32) CHECK_CLOSE(logps[t], pairs.logps[t], 1e-4);
                }
                CHECK_CLOSE(mean, 0, 2e-2);
                CHECK(apo_scorer_close(scorer, &error) == APO_OK);
            }
        }
    }
}

TEST(golden_gradient_and_five_adamw_steps) {
    for (const char* name : kNames) {
        for (int recompute : {0, 1}) {
            Golden golden(name, APO_F32);
            const Pairs pairs(golden.json, true);
            const apo_trainer_options options{pairs.batch.token_count, recompute, 0, 0, 0, 0};
            apo_trainer* trainer = nullptr;
            must(apo_trainer_create(golden.model, nullptr, &options, &trainer, &error));
            CHECK_CLOSE(forward_backward(trainer, pairs, golden.json), golden.json["loss"].number(), 1e-5);
            CHECK_CLOSE(distance(golden, trainer, APO_STATE_GRADIENT, ".grads.safetensors"), 0, 1e-4);
            must(apo_trainer_zero_gradients(trainer, &error));
            const Json& a = golden.json["adamw"];
            for (int step = 0; step < 5; step++) {
                const double loss = forward_backward(trainer, pairs, golden.json);
                const apo_adamw adamw{a["lr"].number(), a["betas"][0].number(), a["betas"][1].number(), a["eps"].number(),
                                      a["weight_decay"].number(), a["clip"].number(), step + 1};
                double norm = 0;
                must(apo_trainer_step(trainer, &adamw, &norm, &error));
                const Json& expected = a["curve"][size_t(step)];
                CHECK_CLOSE(loss / expected["loss"].number(), 1, 1e-4);
                CHECK_CLOSE(norm / expected["grad_norm"].number(), 1, 1e-4);
            }
            CHECK_CLOSE(distance(golden, trainer, APO_STATE_MASTER, ".after5.safetensors"), 0, 1e-4);
            CHECK(apo_trainer_close(trainer, &error) == APO_OK);
        }
    }
}

TEST(golden_greedy_answers) {
    for (const char* name : kNames) {
        Golden golden(name, APO_F32);
        const Json& greedy = golden.json["greedy"];
        std::vector<int32_t> tokens, lengths;
        for (size_t i = 0; i < greedy.size(); i++) {
            const std::vector<int32_t> ids = greedy[i]["prompt_ids"].ints();
            tokens.insert(tokens.end(), ids.begin(), ids.end());
            lengths.push_back(int32_t(ids.size()));
        }
        const std::vector<uint64_t> keys(greedy.size());
        const apo_prompts prompts{int32_t(greedy.size()), 0, tokens.data(), lengths.data(), keys.data()};
        const std::vector<int32_t> stops = stop_ids(fixture(name));
        const int longest = 40;
        const apo_sampling sampling{1, longest, 1, 0, 1, 1, 0, stops.data(), int32_t(stops.size()), 0};
        std::vector<int32_t> ids(greedy.size() * longest), answer_lengths(greedy.size()), finish(greedy.size());
        std::vector<double> sums(greedy.size());
        apo_answers answers{ids.data(), answer_lengths.data(), finish.data(), sums.data(), nullptr};
        const apo_generator_options options{3, 0, 400};
        apo_generator* generator = nullptr;
        must(apo_generator_create(golden.model, nullptr, &options, &generator, &error));
        must(apo_generate(generator, &prompts, &sampling, &answers, nullptr, &error));
        for (size_t i = 0; i < greedy.size(); i++) {
            const auto begin = ids.begin() + long(i) * longest;
            CHECK(std::vector<int32_t>(begin, begin + answer_lengths[i]) == greedy[i]["new_ids"].ints());
        }
        CHECK(apo_generator_close(generator, &error) == APO_OK);
    }
}
