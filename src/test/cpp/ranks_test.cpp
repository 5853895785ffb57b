// Ranks, and training whose state they share, on threads of this process.
#include "ranks_course.h"

using namespace apo_test;

TEST(ranks_gather_and_broadcast_in_the_order_of_ranks) {
    all_well(on_ranks(3, [](apo_ranks* ranks) {
        const apo_ranks_info me = info_of(ranks);
        apo_error error{};
        for (int32_t round = 0; round < 20; round++) {
            const int32_t mine[2] = {me.rank, round};
            int32_t all[6] = {};
            must(apo_ranks_gather(ranks, mine, sizeof mine, all, &error), error);
            int32_t root = me.rank == round % 3 ? round : -1;
            must(apo_ranks_broadcast(ranks, &root, sizeof root, round % 3, &error), error);
            for (int32_t r = 0; r < 3; r++) {
                if (all[2 * r] != r || all[2 * r + 1] != round || root != round) throw std::runtime_error("wrong");
            }
            must(apo_ranks_barrier(ranks, &error), error);
        }
    }));
}

// xgboost#11217, nccl#582
TEST(a_rank_that_fails_ends_the_others_instead_of_leaving_them_waiting) {
    const std::vector<std::string> failures = on_ranks(3, [](apo_ranks* ranks) {
        if (info_of(ranks).rank == 1) throw std::runtime_error("its own");
        apo_error error{};
        must(apo_ranks_barrier(ranks, &error), error);
    });
    CHECK(failures[0].find("rank 0 of 3: rank 1 has ended") != std::string::npos);
    CHECK(failures[1] == "its own");
    CHECK(failures[2].find("rank 1 has ended") != std::string::npos);
}

// torchtitan#766, DeepSpeed#966
TEST(training_on_ranks_is_that_of_one) {
    const Machine machine;
    for (const Backend& backend : engine_backends()) {
        for (const Setup& setup : setups_on(backend)) {
            const Trained one = train_on(backend, 1, setup);
            for (int32_t size : sizes_on(backend)) {
                for (int32_t shard : {APO_SHARD_NONE, APO_SHARD_OPTIMIZER, APO_SHARD_GRADIENTS, APO_SHARD_WEIGHTS}) {
                    Setup shared = setup;
                    shared.shard = shard;
                    const Trained many = train_on(backend, size, shared);
                    const bool rounded = setup.dtype == APO_BF16;
                    CHECK_CLOSE(many.norms[0], one.norms[0], (rounded ? 1e-3 : 1e-6) * one.norms[0]);
                    CHECK_CLOSE(apart(one.weights, many.weights), 0, rounded ? 1e-2 : 2e-6);
                    if (!one.moments.empty()) CHECK_CLOSE(apart(one.moments, many.moments), 0, rounded ? 1e-2 : 2e-6);
                }
            }
        }
    }
}

TEST(a_rank_alone_has_the_bits_of_an_engine_that_has_joined_none) {
    const Machine machine;
    for (const Backend& backend : engine_backends()) {
        if (!has_ranks(backend, 1)) continue;
        for (Setup setup : setups_on(backend)) {
            const Trained none = train_on(backend, 1, setup);
            setup.joined = true;
            for (int32_t shard : {APO_SHARD_NONE, APO_SHARD_OPTIMIZER, APO_SHARD_GRADIENTS, APO_SHARD_WEIGHTS}) {
                setup.shard = shard;
                const Trained alone = train_on(backend, 1, setup);
                CHECK(none.weights == alone.weights && none.norms == alone.norms && none.moments == alone.moments);
            }
        }
    }
}

TEST(stages_have_the_same_bits_where_each_rank_has_one_micro_batch) {
    const Machine machine;
    for (const Backend& backend : engine_backends()) {
        if (!has_ranks(backend, 6)) continue;
        for (Setup setup : setups_on(backend)) {
            setup.shard = APO_SHARD_NONE;
            const Trained none = train_on(backend, 6, setup);
            for (int32_t shard : {APO_SHARD_OPTIMIZER, APO_SHARD_GRADIENTS, APO_SHARD_WEIGHTS}) {
                setup.shard = shard;
                const Trained shared = train_on(backend, 6, setup);
                CHECK(none.weights == shared.weights && none.norms == shared.norms && none.moments == shared.moments);
            }
        }
    }
}

TEST(a_repeated_course_on_ranks_has_the_same_bits) {
    const Machine machine;
    for (const Backend& backend : engine_backends()) {
        if (!has_ranks(backend, 3)) continue;
        for (Setup setup : setups_on(backend)) {
            setup.shard = APO_SHARD_WEIGHTS;
            const Trained first = train_on(backend, 3, setup), again = train_on(backend, 3, setup);
            CHECK(first.weights == again.weights && first.norms == again.norms && first.moments == again.moments);
        }
    }
}

// DeepSpeed#8262
TEST(scorers_of_shared_weights_run_as_often_on_every_rank) {
    const Machine machine;
    for (const Backend& backend : engine_backends()) {
        if (!has_ranks(backend, 4)) continue;
        const Setup setup;
        const std::vector<Packs> all = rows();
        std::vector<double> alone(2 * all.size()), together(2 * all.size());
        auto score = [&](apo_ranks* ranks, std::vector<double>& sums) {
            const apo_ranks_info me = info_of(ranks);
            apo_error error{};
            apo_engine* engine = engine_of(backend, me.rank);
            must(apo_engine_join(engine, ranks, &error), error);
            const apo_model_config config = config_of(setup);
            const apo_model_options options{APO_F32, 0, APO_QUANTIZE_NONE, 1};
            apo_model *model = nullptr, *copy = nullptr;
            must(apo_model_create(engine, &config, &options, &model, &error), error);
            must(apo_model_initialize(model, 1, 0.3, &error), error);
            must(apo_model_create(engine, &config, &options, &copy, &error), error);
            must(apo_model_copy(copy, model, &error), error);
            apo_scorer* scorer = nullptr;
            must(apo_scorer_create(copy, nullptr, 12, &scorer, &error), error);
            // Rank 0 has one row, the next two, and so on; the last of several has none.
            size_t row = 0;
            for (int32_t r = 0; r < me.size; r++) {
                Packs packs;
                const size_t first = row, count = me.size == 1 ? all.size() : r == me.size - 1 ? 0 : size_t(r + 1);
                for (size_t i = 0; i < count; i++, row++) {
                    packs.add({all[row].tokens.begin(), all[row].tokens.begin() + all[row].prompt_lengths[0]},
                              {kAnswers[row % 4], kAnswers[(row + 1) % 4]});
                }
                if (r != me.rank) continue;
                const apo_batch batch = packs.batch();
                double none = 0;
                must(apo_scorer_logprobs(scorer, &batch, nullptr, count == 0 ? &none : sums.data() + 2 * first, nullptr, &error), error);
            }
            must(apo_scorer_close(scorer, &error), error);
            must(apo_model_close(copy, &error), error);
            must(apo_model_close(model, &error), error);
            must(apo_engine_close(engine, &error), error);
        };
        all_well(on_ranks(1, [&](apo_ranks* ranks) { score(ranks, alone); }));
        all_well(on_ranks(4, [&](apo_ranks* ranks) { score(ranks, together); }));
        for (size_t i = 0; i < alone.size(); i++) CHECK_CLOSE(together[i], alone[i], 1e-4);
    }
}

TEST(joining_ranks_is_refused_out_of_order) {
    const Machine machine;
    for (const Backend& backend : engine_backends()) {
        if (!has_ranks(backend, 1)) continue;
        all_well(on_ranks(1, [&](apo_ranks* ranks) {
            apo_error error{};
            apo_engine* engine = engine_of(backend, info_of(ranks).rank);
            const apo_model_config config = tiny();
            const apo_model_options options{APO_F32, 0, APO_QUANTIZE_NONE, 0};
            apo_model* model = nullptr;
            must(apo_model_create(engine, &config, &options, &model, &error), error);
            if (apo_engine_join(engine, ranks, &error) != APO_E_STATE) throw std::runtime_error("joined with a model open");
            must(apo_model_close(model, &error), error);
            must(apo_engine_join(engine, ranks, &error), error);
            if (apo_engine_join(engine, ranks, &error) != APO_E_STATE) throw std::runtime_error("joined twice");
            if (apo_ranks_close(ranks, &error) != APO_E_STATE) throw std::runtime_error("closed with an engine open");
            must(apo_engine_close(engine, &error), error);
        }));
    }
}
