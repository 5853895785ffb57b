// The engine through its C API on small random models: invariances, bad input, life cycle.
#include <cstring>

#include "backends.h"
#include "engine/engine.h"
#include "metaapo.h"
#include "packs.h"
#include "test.h"
#include "tiny_model.h"

using apo_test::apart;
using apo_test::kAnswers;
using apo_test::kOther;
using apo_test::kPrompt;
using apo_test::on_engines;
using apo_test::Packs;
using apo_test::shared;
using apo_test::tiny;
using apo_test::World;

namespace {

apo_error error;

std::vector<double> score(World& world, const Packs& packs, int64_t max_tokens) {
    apo_scorer* scorer = nullptr;
    CHECK(apo_scorer_create(world.model, nullptr, max_tokens, &scorer, &error) == APO_OK);
    const apo_batch batch = packs.batch();
    std::vector<double> sums(size_t(batch.answers));
    CHECK(apo_scorer_logprobs(scorer, &batch, nullptr, sums.data(), nullptr, &error) == APO_OK);
    CHECK(apo_scorer_close(scorer, &error) == APO_OK);
    return sums;
}

// All gradients after backward of these batches with dsums of a DPO-like pattern.
std::vector<float> gradients(World& world, const std::vector<Packs>& batches, bool recompute) {
    const apo_trainer_options options{100, recompute, 0, 0, 0, 0};
    apo_trainer* trainer = nullptr;
    CHECK(apo_trainer_create(world.model, nullptr, &options, &trainer, &error) == APO_OK);
    for (const Packs& packs : batches) {
        const apo_batch batch = packs.batch();
        std::vector<double> sums(size_t(batch.answers)), dsums(size_t(batch.answers));
        for (size_t a = 0; a < dsums.size(); a++) dsums[a] = a % 2 == 0 ? 0.7 : -0.4;
        CHECK(apo_trainer_forward(trainer, &batch, nullptr, sums.data(), nullptr, &error) == APO_OK);
        CHECK(apo_trainer_backward(trainer, dsums.data(), nullptr, &error) == APO_OK);
    }
    std::vector<float> all;
    int32_t count = 0;
    apo_model_tensor_count(world.model, &count, &error);
    for (int32_t i = 0; i < count; i++) {
        apo_tensor_info info;
        apo_model_tensor(world.model, i, &info, &error);
        const size_t at = all.size();
        all.resize(at + size_t(info.count));
        CHECK(apo_trainer_read(trainer, APO_STATE_GRADIENT, i, 0, info.count, all.data() + at, &error) == APO_OK);
    }
    CHECK(apo_trainer_close(trainer, &error) == APO_OK);
    return all;
}

void check_same(const std::vector<float>& a, const std::vector<float>& b, double tolerance) {
    CHECK(a.size() == b.size());
    double difference = 0, size = 0;
    for (size_t i = 0; i < a.size(); i++) {
        difference += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
        size += double(a[i]) * a[i];
    }
    CHECK(size > 0);
    CHECK_CLOSE(std::sqrt(difference / size), 0, tolerance);
}

}  // namespace

// verl#6280, trl#6800
TEST(packed_equals_one_by_one_whatever_the_micro_batch) {
    on_engines([](const apo_test::Backend& backend) {
        World world(backend);
        const std::vector<double> together = score(world, shared(), 100), alone = score(world, apart(), 100), small = score(world, shared(), 12);
        for (size_t a = 0; a < together.size(); a++) {
            CHECK_CLOSE(together[a], alone[a], 1e-4);
            CHECK_CLOSE(together[a], small[a], 1e-4);
        }
    });
}

// trl#2617
TEST(gradients_do_not_depend_on_sharing_recomputation_or_accumulation) {
    on_engines([](const apo_test::Backend& backend) {
        World world(backend);
        const std::vector<float> whole = gradients(world, {shared()}, false);
        check_same(whole, gradients(world, {apart()}, false), 1e-5);
        check_same(whole, gradients(world, {shared()}, true), 1e-6);
        Packs first, second;
        first.add(kPrompt, {kAnswers[0], kAnswers[1]});
        second.add(kOther, {kAnswers[2], kAnswers[3]});
        check_same(whole, gradients(world, {first, second}, false), 1e-5);
    });
}

TEST(gradient_of_the_whole_model_by_finite_differences) {
    on_engines([](const apo_test::Backend& backend) {
        for (int tied : {0, 1}) {
            apo_model_config config = tiny();
            config.tied_head = tied;
            const int32_t windows[] = {0, 4};  // by layer
            if (tied) config.windows = windows;
            World world(backend, config);
            const std::vector<float> gradient = gradients(world, {shared()}, false);
            auto loss = [&] {
                const std::vector<double> sums = score(world, shared(), 100);
                return 0.7 * (sums[0] + sums[2]) - 0.4 * (sums[1] + sums[3]);
            };
            size_t at = 0;
            int32_t count = 0;
            apo_model_tensor_count(world.model, &count, &error);
            for (int32_t i = 0; i < count; i++) {
                apo_tensor_info info;
                apo_model_tensor(world.model, i, &info, &error);
                const int64_t element = info.count / 3;
                float old = 0;
                apo_model_read(world.model, i, element, 1, &old, APO_F32, &error);
                const float h = 2e-3f, up = old + h, down = old - h;
                apo_model_write(world.model, i, element, 1, &up, APO_F32, &error);
                const double above = loss();
                apo_model_write(world.model, i, element, 1, &down, APO_F32, &error);
                const double below = loss();
                apo_model_write(world.model, i, element, 1, &old, APO_F32, &error);
                // f32 forward: the difference of two sums of size 60 errs by about 1e-5, over 4e-3
                CHECK_CLOSE(gradient[at + size_t(element)], (above - below) / (double(up) - down), 1e-2 + 1e-2 * std::fabs(gradient[at + size_t(element)]));
                at += size_t(info.count);
            }
        }
    });
}

TEST(the_loss_is_ln_2_where_policy_and_reference_are_one) {
    on_engines([](const apo_test::Backend& backend) {
        World world(backend);
        const Packs packs = shared();
        const apo_batch batch = packs.batch();
        const std::vector<double> reference = score(world, packs, 100);
        const apo_trainer_options options{100, 0, 0, 0, 0, 0};
        apo_trainer* trainer = nullptr;
        CHECK(apo_trainer_create(world.model, nullptr, &options, &trainer, &error) == APO_OK);
        const int32_t chosen[2] = {0, 2}, rejected[2] = {1, 3};
        const apo_pairs pairs{2, 4, chosen, rejected, nullptr, nullptr, reference.data(), nullptr, nullptr, nullptr, nullptr};
        const apo_objective objective{APO_DPO, 0, 0.1, 0, 0, 0, 0, 1, 1, 0, 0};
        const apo_meta meta{APO_WEIGHT_CONSTANT, 0, 1, 0, nullptr, nullptr, 1, 1};
        double loss[2], delta[2], sums[4];
        apo_pair_results results{};
        results.loss = loss, results.delta_offline = delta;
        CHECK(apo_trainer_preference(trainer, &batch, &pairs, &objective, &meta, 0.5, sums, &results, nullptr, &error) == APO_OK);
        for (int row = 0; row < 2; row++) {
            CHECK_CLOSE(loss[row], std::log(2.0), 1e-6);
            CHECK_CLOSE(delta[row], 0, 1e-5);
        }
        double norm = 0;
        const apo_adamw adamw{1e-3, 0.9, 0.95, 1e-8, 0, 1, 1};
        CHECK(apo_trainer_step(trainer, &adamw, &norm, &error) == APO_OK);
        CHECK(norm > 0);
        CHECK(apo_trainer_close(trainer, &error) == APO_OK);
    });
}

namespace {

std::vector<int32_t> generate(World& world, int sequences, int64_t cache, int k, const std::vector<std::vector<int32_t>>& prompts,
                              const std::vector<uint64_t>& keys, std::vector<double>* sums_out = nullptr) {
    const apo_generator_options options{sequences, 0, cache};
    apo_generator* generator = nullptr;
    CHECK(apo_generator_create(world.model, nullptr, &options, &generator, &error) == APO_OK);
    std::vector<int32_t> tokens, lengths;
    for (const auto& p : prompts) {
        tokens.insert(tokens.end(), p.begin(), p.end());
        lengths.push_back(int32_t(p.size()));
    }
    const int width = 20, count = int(prompts.size()) * k;
    const int32_t stop = 7;
    const apo_prompts in{int32_t(prompts.size()), 0, tokens.data(), lengths.data(), keys.data()};
    apo_sampling sampling{};
    sampling.k = k, sampling.max_new_tokens = width, sampling.top_p = 1, sampling.temperature = 1, sampling.seed = 5;
    sampling.stop_ids = &stop, sampling.stop_count = 1;
    std::vector<int32_t> out(size_t(count * width), -1), answer_lengths(static_cast<size_t>(count)), finish(static_cast<size_t>(count));
    std::vector<double> sums(static_cast<size_t>(count));
    const apo_answers answers{out.data(), answer_lengths.data(), finish.data(), sums.data(), nullptr};
    CHECK(apo_generate(generator, &in, &sampling, const_cast<apo_answers*>(&answers), nullptr, &error) == APO_OK);
    CHECK(apo_generator_close(generator, &error) == APO_OK);
    for (int i = 0; i < count; i++) {
        const int last = out[size_t(i * width + answer_lengths[size_t(i)] - 1)];
        CHECK(finish[size_t(i)] == 0 ? last == stop : answer_lengths[size_t(i)] == width);
    }
    if (sums_out != nullptr) *sums_out = sums;
    return out;
}

}  // namespace

namespace {

void check_answers(World& world) {
    const std::vector<std::vector<int32_t>> prompts{kPrompt, kOther, {1}, std::vector<int32_t>(33, 2), std::vector<int32_t>(16, 4)};
    const std::vector<uint64_t> keys{10, 11, 12, 13, 14};
    const int k = 3, width = 20;
    std::vector<double> sums;
    const std::vector<int32_t> all = generate(world, 15, 1000, k, prompts, keys, &sums);
    CHECK(all == generate(world, 2, 60, k, prompts, keys));
    CHECK(all == generate(world, 4, 100, k, prompts, keys));
    for (size_t p = 0; p < prompts.size(); p++) {
        const std::vector<int32_t> alone = generate(world, 1, 60, k, {prompts[p]}, {keys[p]});
        CHECK(std::equal(alone.begin(), alone.end(), all.begin() + long(p) * k * width));
    }
    // The log-probs are those that scoring gives.
    Packs packs;
    for (size_t p = 0; p < prompts.size(); p++) {
        for (int i = 0; i < k; i++) {
            const auto begin = all.begin() + (long(p) * k + i) * width;
            packs.add(prompts[p], {std::vector<int32_t>(begin, std::find(begin, begin + width, -1))});
        }
    }
    const std::vector<double> scored = score(world, packs, 60);
    for (size_t i = 0; i < scored.size(); i++) CHECK_CLOSE(scored[i], sums[i], 1e-3);
}

}  // namespace

TEST(an_answer_does_not_depend_on_scheduling_or_batch_mates) {
    on_engines([](const apo_test::Backend& backend) {
        World world(backend);
        check_answers(world);
    });
}

// Each window has its own plan of a decoding step; the pages are those of all tokens.
TEST(answers_with_a_window_by_layer_are_those_that_scoring_gives) {
    on_engines([](const apo_test::Backend& backend) {
        const int32_t windows[] = {6, 0};
        apo_model_config config = tiny();
        config.windows = windows;
        World world(backend, config);
        check_answers(world);
    });
}

TEST(a_window_as_long_as_the_sequence_hides_nothing) {
    on_engines([](const apo_test::Backend& backend) {
        World all(backend);
        const int32_t windows[] = {11, 64};
        apo_model_config config = tiny();
        config.windows = windows;
        World windowed(backend, config);
        CHECK(score(all, shared(), 100) == score(windowed, shared(), 100));
        const int32_t short_ones[] = {64, 3};
        config.windows = short_ones;
        World hidden(backend, config);
        CHECK(score(all, shared(), 100) != score(hidden, shared(), 100));
    });
}

TEST(bad_arguments_are_refused_in_words) {
    on_engines([](const apo_test::Backend& backend) {
        World world(backend);
        auto refused = [](apo_status status, apo_status expected, const char* words) {
            CHECK(status == expected);
            CHECK(std::strstr(error.message, words) != nullptr);
        };
        apo_engine* engine = nullptr;
        const apo_engine_options cuda{APO_CUDA, 9999, 0, 0}, threads{APO_CPU, 0, -1, 0};
        refused(apo_engine_create(&cuda, &engine, &error), APO_E_DEVICE, "");
        refused(apo_engine_create(&threads, &engine, &error), APO_E_ARGUMENT, "threads is -1");
        refused(apo_engine_create(nullptr, &engine, &error), APO_E_ARGUMENT, "options is null");
        refused(apo_engine_close(world.engine, &error), APO_E_STATE, "open models");

        apo_model* model = nullptr;
        apo_model_config config = tiny();
        config.kv_heads = 3;
        const apo_model_options f32{APO_F32, 0, 0, 0}, no_dtype{7, 0, 0, 0}, half_offloaded{APO_F32, 2, 0, 0};
        refused(apo_model_create(world.engine, &config, &f32, &model, &error), APO_E_ARGUMENT, "kv_heads is 3");
        config = tiny();
        config.rms_norm_eps = NAN;
        refused(apo_model_create(world.engine, &config, &f32, &model, &error), APO_E_ARGUMENT, "rms_norm_eps");
        config = tiny();
        const int32_t windows[] = {3, -1};
        config.windows = windows;
        refused(apo_model_create(world.engine, &config, &f32, &model, &error), APO_E_ARGUMENT, "windows[1] is -1");
        config = tiny();
        config.has_padding = 1, config.padding_id = -30;
        refused(apo_model_create(world.engine, &config, &f32, &model, &error), APO_E_ARGUMENT, "padding_id is -30");
        refused(apo_model_create(world.engine, &world.config_, &no_dtype, &model, &error), APO_E_ARGUMENT, "dtype is 7");
        refused(apo_model_create(world.engine, &world.config_, &half_offloaded, &model, &error), APO_E_ARGUMENT, "offloaded is 2");
        const float bad[2] = {1, NAN};
        refused(apo_model_write(world.model, 0, 5, 2, bad, APO_F32, &error), APO_E_NUMERIC, "element 6");
        refused(apo_model_write(world.model, 0, 29 * 24 - 1, 2, bad, APO_F32, &error), APO_E_ARGUMENT, "elements");
        refused(apo_model_write(world.model, 999, 0, 1, bad, APO_F32, &error), APO_E_ARGUMENT, "tensor 999");

        apo_scorer* scorer = nullptr;
        refused(apo_scorer_create(world.model, nullptr, 0, &scorer, &error), APO_E_ARGUMENT, "max_tokens is 0");
        CHECK(apo_scorer_create(world.model, nullptr, 10, &scorer, &error) == APO_OK);
        refused(apo_model_close(world.model, &error), APO_E_STATE, "the model has 1 open adapters, scorers");
        double sums[8];
        Packs packs;
        packs.add({1, 2}, {{29}});
        apo_batch batch = packs.batch();
        refused(apo_scorer_logprobs(scorer, &batch, nullptr, sums, nullptr, &error), APO_E_ARGUMENT, "token 2 is 29");
        packs = {};
        packs.add({1, 2}, {{}});
        batch = packs.batch();
        refused(apo_scorer_logprobs(scorer, &batch, nullptr, sums, nullptr, &error), APO_E_ARGUMENT, "answer 0 has length 0");
        packs = shared();
        batch = packs.batch();
        refused(apo_scorer_logprobs(scorer, &batch, nullptr, sums, nullptr, &error), APO_E_ARGUMENT, "room for 10");
        batch.token_count = 3;
        refused(apo_scorer_logprobs(scorer, &batch, nullptr, sums, nullptr, &error), APO_E_ARGUMENT, "token_count");
        refused(apo_scorer_values(scorer, &batch, sums, nullptr, &error), APO_E_STATE, "no value head");
        packs = {};
        packs.add({1}, {{2, 3}});
        batch = packs.batch();
        apo_progress progress{0, 0, 1, 0};
        refused(apo_scorer_logprobs(scorer, &batch, nullptr, sums, &progress, &error), APO_E_CANCELLED, "cancelled");
        CHECK(apo_scorer_close(scorer, &error) == APO_OK);

        apo_trainer* trainer = nullptr;
        apo_trainer* second = nullptr;
        const apo_trainer_options options{10, 0, 0, 0, 0, 0};
        CHECK(apo_trainer_create(world.model, nullptr, &options, &trainer, &error) == APO_OK);
        refused(apo_trainer_create(world.model, nullptr, &options, &second, &error), APO_E_STATE, "a trainer already");
        refused(apo_trainer_backward(trainer, sums, nullptr, &error), APO_E_STATE, "needs a forward");
        const apo_adamw zero{1e-3, 0.9, 0.95, 1e-8, 0, 1, 0};
        refused(apo_trainer_step(trainer, &zero, nullptr, &error), APO_E_ARGUMENT, "step is 0");
        CHECK(apo_trainer_close(trainer, &error) == APO_OK);

        apo_generator* generator = nullptr;
        const apo_generator_options small{1, 0, 16};
        CHECK(apo_generator_create(world.model, nullptr, &small, &generator, &error) == APO_OK);
        const std::vector<int32_t> tokens(60, 1);
        const int32_t length = 60;
        const uint64_t key = 0;
        const apo_prompts prompts{1, 0, tokens.data(), &length, &key};
        apo_sampling sampling{};
        sampling.k = 1, sampling.max_new_tokens = 4, sampling.temperature = 1, sampling.top_p = 1;
        int32_t out[4], out_length, finish;
        apo_answers answers{out, &out_length, &finish, sums, nullptr};
        refused(apo_generate(generator, &prompts, &sampling, &answers, nullptr, &error), APO_E_ARGUMENT, "need a cache");
        sampling.max_new_tokens = 5;
        refused(apo_generate(generator, &prompts, &sampling, &answers, nullptr, &error), APO_E_ARGUMENT, "64 positions");
        sampling.top_p = 0;
        refused(apo_generate(generator, &prompts, &sampling, &answers, nullptr, &error), APO_E_ARGUMENT, "top_p");
        CHECK(apo_generator_close(generator, &error) == APO_OK);
    });
}

// What training four answers' likelihood leaves.
struct Trained {
    double loss = 0;              // of the last forward
    std::vector<float> masters;   // of tensor 0
};

// From the same start with each form of the optimizer's state.
Trained train(const apo_test::Backend& backend, int32_t dtype, const apo_trainer_options& options, int steps) {
    World world(backend, tiny(), dtype);
    apo_trainer* trainer = nullptr;
    CHECK(apo_trainer_create(world.model, nullptr, &options, &trainer, &error) == APO_OK);
    const Packs packs = shared();
    const apo_batch batch = packs.batch();
    std::vector<double> sums(size_t(batch.answers)), dsums(size_t(batch.answers), -1.0 / 14);
    Trained result;
    for (int step = 1; step <= steps; step++) {
        CHECK(apo_trainer_forward(trainer, &batch, nullptr, sums.data(), nullptr, &error) == APO_OK);
        result.loss = 0;
        for (double sum : sums) result.loss -= sum / 14;
        CHECK(apo_trainer_backward(trainer, dsums.data(), nullptr, &error) == APO_OK);
        const apo_adamw adamw{3e-3, 0.9, 0.95, 1e-8, 0, 1, step};
        CHECK(apo_trainer_step(trainer, &adamw, nullptr, &error) == APO_OK);
    }
    const bool eight_bit = options.optimizer_state == APO_OPTIMIZER_8BIT;
    int64_t packed = -1;
    CHECK(apo_trainer_packed_bytes(trainer, APO_STATE_MOMENT2, &packed, &error) == APO_OK);
    CHECK((packed > 0) == eight_bit);
    float value = 0;
    CHECK(apo_trainer_read(trainer, APO_STATE_MOMENT1, 0, 3, 1, &value, &error) == (eight_bit ? APO_E_UNSUPPORTED : APO_OK));
    CHECK(apo_trainer_read_packed(trainer, APO_STATE_MOMENT1, packed, 1, &value, &error) == APO_E_ARGUMENT);
    apo_tensor_info info;
    CHECK(apo_model_tensor(world.model, 0, &info, &error) == APO_OK);
    result.masters.resize(size_t(info.count));
    CHECK(apo_trainer_read(trainer, APO_STATE_MASTER, 0, 0, info.count, result.masters.data(), &error) == APO_OK);
    CHECK(apo_trainer_close(trainer, &error) == APO_OK);
    return result;
}

apo_trainer_options optimizer(int32_t state, int32_t offload) { return {100, 0, state, 7, offload, 0}; }

TEST(moments_of_8_bits_train_as_f32_ones_do) {
    const apo_test::Backend cpu = apo_test::engine_backends().front();
    for (int32_t dtype : {APO_F32, APO_BF16}) {
        const double start = train(cpu, dtype, optimizer(APO_OPTIMIZER_F32, 0), 1).loss;
        for (int steps : {10, 40}) {
            const double wide = train(cpu, dtype, optimizer(APO_OPTIMIZER_F32, 0), steps).loss;
            const double narrow = train(cpu, dtype, optimizer(APO_OPTIMIZER_8BIT, 0), steps).loss;
            CHECK(wide < 0.9 * start);
            // Of the way that f32 went, all but a fiftieth.
            CHECK_CLOSE(narrow, wide, 0.02 * (start - wide));
        }
    }
}

TEST(an_offloaded_optimizer_gives_the_same_bits) {
    on_engines([](const apo_test::Backend& backend) {
        for (int32_t dtype : {APO_F32, APO_BF16}) {
            for (int32_t state : {APO_OPTIMIZER_F32, APO_OPTIMIZER_8BIT}) {
                const Trained here = train(backend, dtype, optimizer(state, 0), 2), there = train(backend, dtype, optimizer(state, 1), 2);
                CHECK(here.loss == there.loss && here.masters == there.masters);
            }
        }
    });
}

// A bf16 model keeps what a step of a small rate changes: its masters are f32 in two halves.
TEST(masters_of_bf16_weights_have_all_bits_of_f32) {
    on_engines([](const apo_test::Backend& backend) {
        World world(backend, tiny(), APO_BF16);
        apo_trainer* trainer = nullptr;
        const apo_trainer_options options = optimizer(APO_OPTIMIZER_F32, 0);
        CHECK(apo_trainer_create(world.model, nullptr, &options, &trainer, &error) == APO_OK);
        const std::vector<float> written{1.0000001f, -0.3333333f, 3.0e-39f, 1.00390625f, -1.01171875f, 0.0f, 65537.5f};
        std::vector<float> masters(written.size()), weights(written.size());
        const int64_t count = int64_t(written.size());
        CHECK(apo_trainer_write(trainer, APO_STATE_MASTER, 1, 2, count, written.data(), &error) == APO_OK);
        CHECK(apo_trainer_read(trainer, APO_STATE_MASTER, 1, 2, count, masters.data(), &error) == APO_OK);
        CHECK(masters == written);
        CHECK(apo_model_read(world.model, 1, 2, count, weights.data(), APO_F32, &error) == APO_OK);
        // A model without a trainer, such as a reference of the same file, rounds them alike.
        std::vector<float> without(written.size());
        CHECK(apo_model_write(world.model, 1, 100, count, written.data(), APO_F32, &error) == APO_OK);
        CHECK(apo_model_read(world.model, 1, 100, count, without.data(), APO_F32, &error) == APO_OK);
        CHECK(without == weights);
        for (size_t i = 0; i < written.size(); i++) CHECK_CLOSE(weights[i], written[i], std::fabs(written[i]) / 256 + 0x1p-134);
        CHECK(apo_trainer_close(trainer, &error) == APO_OK);
    });
}

TEST(an_offloaded_model_scores_with_the_same_bits) {
    on_engines([](const apo_test::Backend& backend) {
        apo_model_config config = tiny();
        config.layers = 5;
        for (int32_t dtype : {APO_F32, APO_BF16}) {
            World world(backend, config, dtype);
            const std::vector<double> expected = score(world, shared(), 100);
            apo_model* here = world.model;
            const apo_model_options offloaded{dtype, 1, APO_QUANTIZE_NONE, 0};
            CHECK(apo_model_create(world.engine, &config, &offloaded, &world.model, &error) == APO_OK);
            CHECK(apo_model_copy(world.model, here, &error) == APO_OK);
            for (int64_t max_tokens : {100, 12}) CHECK(score(world, shared(), max_tokens) == expected);
            std::vector<float> a(24), b(24);
            CHECK(apo_model_read(here, 20, 0, 24, a.data(), APO_F32, &error) == APO_OK);
            CHECK(apo_model_read(world.model, 20, 0, 24, b.data(), APO_F32, &error) == APO_OK);
            CHECK(a == b);
            if (world.engine->ops.allocate_host != world.engine->ops.allocate) {
                const apo_trainer_options options = optimizer(APO_OPTIMIZER_F32, 0);
                const apo_generator_options generator_options{1, 0, 16};
                apo_trainer* trainer = nullptr;
                apo_generator* generator = nullptr;
                CHECK(apo_trainer_create(world.model, nullptr, &options, &trainer, &error) == APO_E_STATE);
                CHECK(apo_generator_create(world.model, nullptr, &generator_options, &generator, &error) == APO_E_STATE);
                CHECK(std::string(error.message).find("offloaded") != std::string::npos);
            }
            CHECK(apo_model_close(here, &error) == APO_OK);
        }
    });
}

TEST(a_plan_is_what_is_allocated_in_parts) {
    const apo_model_config config = tiny();
    const apo_trainer_options keep{64, 0, 0, 0, 0, 0}, recompute{64, 1, 0, 0, 0, 0};
    const apo_generator_options generator{4, 0, 64};
    apo_memory_plan all, less;
    CHECK(apo_plan(&config, APO_BF16, APO_QUANTIZE_NONE, APO_CPU, 1, nullptr, &keep, &generator, &all, &error) == APO_OK);
    CHECK(apo_plan(&config, APO_BF16, APO_QUANTIZE_NONE, APO_CPU, 1, nullptr, &recompute, nullptr, &less, &error) == APO_OK);
    CHECK(all.moments == 2 * all.gradients && 2 * all.master == all.gradients && all.generator > 0 && less.generator == 0);
    CHECK(less.trainer_activations < all.trainer_activations);
    CHECK(all.backend == 0 && all.offloaded == 0);
}

// A plan for a GPU needs none. The bounds are what an H200 and an H100 have.
TEST(an_8b_model_trains_within_a_gpu) {
    apo_model_config llama{};
    llama.vocab_size = 128256, llama.hidden_size = 4096, llama.intermediate_size = 14336, llama.layers = 32, llama.heads = 32, llama.kv_heads = 8;
    llama.head_dim = 128, llama.max_positions = 8192, llama.rms_norm_eps = 1e-5, llama.rope_theta = 500000;
    auto device_bytes = [&](int32_t state, int32_t offload) {
        const apo_trainer_options options{8192, 1, state, 0, offload, 0};
        apo_memory_plan p;
        CHECK(apo_plan(&llama, APO_BF16, APO_QUANTIZE_NONE, APO_CUDA, 1, nullptr, &options, nullptr, &p, &error) == APO_OK);
        CHECK(p.offloaded == (offload ? p.master + p.moments : 0));
        CHECK(p.weights_offloaded < p.weights / 5);
        return p.weights + p.gradients + p.master + p.moments - p.offloaded + p.trainer_activations + p.trainer_workspace + p.scorer + p.backend;
    };
    CHECK(device_bytes(APO_OPTIMIZER_F32, 0) <= 139000000000);
    CHECK(device_bytes(APO_OPTIMIZER_8BIT, 0) <= 80000000000);
    CHECK(device_bytes(APO_OPTIMIZER_F32, 1) <= 80000000000);
}
