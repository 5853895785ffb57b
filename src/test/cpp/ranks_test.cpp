// Ranks: transports, and training whose state they share, on threads of this process.
#include "emulated_gpu.h"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <thread>

#include "counted.h"
#include "engine/engine.h"
#include "metaapo.h"
#include "packs.h"
#include "test.h"
#include "tiny_model.h"

using apo_test::Backend;
using apo_test::engine_backends;
using apo_test::has_ranks;
using apo_test::kAnswers;
using apo_test::kOther;
using apo_test::kPrompt;
using apo_test::Packs;
using apo_test::tiny;

namespace {

// CHECK counts failures of one thread alone; ranks throw.
void must(apo_status status, const apo_error& error) {
    if (status != APO_OK) throw std::runtime_error(error.message);
}

// work(ranks) on a thread for each rank; what a rank throws is its text here, else "".
std::vector<std::string> on_ranks(int32_t size, const std::function<void(apo_ranks*)>& work) {
    std::vector<apo_ranks*> ranks(static_cast<size_t>(size));
    apo_error error{};
    must(apo_ranks_open_local(size, ranks.data(), &error), error);
    std::vector<std::string> failures(static_cast<size_t>(size));
    std::vector<std::thread> threads;
    for (int32_t r = 0; r < size; r++) {
        threads.emplace_back([&, r] {
            try {
                work(ranks[size_t(r)]);
            } catch (const std::exception& e) {
                failures[size_t(r)] = e.what();
                apo_ranks_abort(ranks[size_t(r)], 1);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (apo_ranks* one : ranks) CHECK(apo_ranks_close(one, &error) == APO_OK);
    return failures;
}

void all_well(const std::vector<std::string>& failures) {
    for (const std::string& failure : failures) CHECK(failure.empty());
    for (const std::string& failure : failures) {
        if (!failure.empty()) std::printf("    %s\n", failure.c_str());
    }
}

// A machine that is emulated has a GPU for each rank.
struct Machine {
    Machine() { emulation::machine().devices = 8; }
    apo_test::MachineGuard guard;
};

// Whole models on emulated GPUs take their time: a selection runs there.
bool is_emulated(const Backend& backend) { return backend.open.device == APO_CUDA && apo_test::options().cuda_index < 0; }

// Several ranks; as many as there are GPUs, too.
std::vector<int32_t> sizes_on(const Backend& backend) {
    if (is_emulated(backend)) return {3};
    std::vector<int32_t> sizes;
    for (int32_t size : {2, 3, 4}) {
        if (has_ranks(backend, size)) sizes.push_back(size);
    }
    const int32_t gpus = apo_test::options().cuda_index < 0 ? 0 : backend.ops->device_count() - backend.open.device_index;
    if (gpus > 4 && has_ranks(backend, gpus)) sizes.push_back(gpus);
    return sizes;
}

// A rank's own device, with one thread on the CPU.
apo_engine* engine_of(const Backend& backend, int32_t rank) {
    apo_engine_options open = backend.open;
    if (open.device == APO_CPU) {
        open.threads = 1;
    } else {
        open.device_index += rank;
    }
    return new apo_engine(*backend.ops, open);
}

apo_ranks_info info_of(apo_ranks* ranks) {
    apo_error error{};
    apo_ranks_info info{};
    must(apo_ranks_info_of(ranks, &info, &error), error);
    return info;
}

struct Setup {
    int32_t dtype = APO_F32, optimizer = APO_OPTIMIZER_F32, shard = APO_SHARD_NONE, recompute = 0, offload = 0;
    bool tied = false, adapter = false;
    bool joined = false;  // where there is one rank; several have to
};

struct Trained {
    std::vector<float> weights, moments;  // of all tensors, one behind the other; the ranks' parts together
    std::vector<double> norms;
    int64_t bytes = 0;  // of the plan
};

// The rows of a step: each a pack of two answers.
std::vector<Packs> rows() {
    std::vector<Packs> rows;
    for (int i = 0; i < 6; i++) {
        Packs p;
        p.add(i % 2 == 0 ? kPrompt : kOther, {kAnswers[size_t(i) % 4], kAnswers[size_t(i + 1) % 4]});
        rows.push_back(p);
    }
    return rows;
}

apo_model_config config_of(const Setup& setup) {
    apo_model_config config = tiny();
    config.vocab_size = 290, config.tied_head = setup.tied;
    return config;
}

// What is trained, and what reads it.
struct Tensors {
    apo_model* model;
    apo_adapter* adapter;
    int32_t count() const {
        apo_error error{};
        int32_t n = 0;
        must(adapter == nullptr ? apo_model_tensor_count(model, &n, &error) : apo_adapter_tensor_count(adapter, &n, &error), error);
        return n;
    }
    apo_tensor_info info(int32_t i) const {
        apo_error error{};
        apo_tensor_info info{};
        must(adapter == nullptr ? apo_model_tensor(model, i, &info, &error) : apo_adapter_tensor(adapter, i, &info, &error), error);
        return info;
    }
    void read(int32_t i, int64_t count, float* target) const {
        apo_error error{};
        must(adapter == nullptr ? apo_model_read(model, i, 0, count, target, APO_F32, &error) : apo_adapter_read(adapter, i, 0, count, target, APO_F32, &error), error);
    }
};

// One rank's course of three steps of the six rows, of which rank r has r, r + R, ...; ranks without a row in a turn are idle.
void train(const Backend& backend, apo_ranks* ranks, const Setup& setup, bool keep_whole_state, Trained& out) {
    const apo_ranks_info me = info_of(ranks);
    apo_error error{};
    apo_engine* engine = engine_of(backend, me.rank);
    if (me.size > 1 || setup.joined) must(apo_engine_join(engine, ranks, &error), error);
    const apo_model_config config = config_of(setup);
    const apo_model_options model_options{setup.dtype, 0, APO_QUANTIZE_NONE, setup.shard == APO_SHARD_WEIGHTS};
    apo_model* model = nullptr;
    must(apo_model_create(engine, &config, &model_options, &model, &error), error);
    must(apo_model_initialize(model, 1, 0.3, &error), error);
    apo_adapter* adapter = nullptr;
    if (setup.adapter) {
        const int32_t low_ranks[14] = {4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4};
        double scales[14];
        for (double& scale : scales) scale = 2;
        const apo_adapter_config adapter_config{APO_HEAD_LM, 2, low_ranks, scales, 0, 5};
        must(apo_adapter_create(model, &adapter_config, &adapter, &error), error);
        must(apo_adapter_initialize(adapter, 3, APO_INIT_GAUSSIAN, &error), error);
    }
    const apo_trainer_options options{100, setup.recompute, setup.optimizer, 7, setup.offload, setup.shard};
    apo_trainer* trainer = nullptr;
    must(apo_trainer_create(model, adapter, &options, &trainer, &error), error);
    const std::vector<Packs> all = rows();
    const size_t turns = (all.size() + size_t(me.size) - 1) / size_t(me.size);
    for (int64_t step = 1; step <= 3; step++) {
        for (size_t turn = 0; turn < turns; turn++) {
            const size_t row = turn * size_t(me.size) + size_t(me.rank);
            if (row >= all.size()) {
                must(apo_trainer_idle(trainer, &error), error);
                continue;
            }
            const apo_batch batch = all[row].batch();
            double sums[2];
            const double dsums[2] = {0.7 / 6, -0.4 / 6};
            must(apo_trainer_forward(trainer, &batch, nullptr, sums, nullptr, &error), error);
            must(apo_trainer_backward(trainer, dsums, nullptr, &error), error);
        }
        const apo_adamw adamw{3e-3, 0.9, 0.95, 1e-8, 0.01, 1, step};
        double norm = 0;
        must(apo_trainer_step(trainer, &adamw, &norm, &error), error);
        out.norms.push_back(norm);
    }
    const Tensors tensors{model, adapter};
    for (int32_t i = 0; i < tensors.count(); i++) {
        const int64_t count = tensors.info(i).count;
        const size_t at = out.weights.size();
        out.weights.resize(at + size_t(count));
        tensors.read(i, count, out.weights.data() + at);
        if (setup.optimizer != APO_OPTIMIZER_F32) continue;
        int64_t begin = 0, kept = 0;
        must(apo_trainer_part(trainer, i, &begin, &kept, &error), error);
        std::vector<float> part(size_t(count), 0.0f);
        must(apo_trainer_read(trainer, APO_STATE_MOMENT1, i, begin, kept, part.data() + begin, &error), error);
        if (keep_whole_state) {
            std::vector<float> of_all(size_t(count * me.size));
            must(apo_ranks_gather(ranks, part.data(), count * int64_t(sizeof(float)), of_all.data(), &error), error);
            for (int64_t e = 0; e < count; e++) {
                for (int32_t r = 1; r < me.size; r++) of_all[size_t(e)] += of_all[size_t(r * count + e)];
                part[size_t(e)] = of_all[size_t(e)];
            }
        }
        out.moments.insert(out.moments.end(), part.begin(), part.end());
    }
    must(apo_trainer_close(trainer, &error), error);
    must(apo_adapter_close(adapter, &error), error);
    must(apo_model_close(model, &error), error);
    must(apo_engine_close(engine, &error), error);
}

// Rank 0's, when every rank has come to the same weights.
Trained train_on(const Backend& backend, int32_t size, const Setup& setup) {
    std::vector<Trained> trained(static_cast<size_t>(size));
    all_well(on_ranks(size, [&](apo_ranks* ranks) {
        train(backend, ranks, setup, size > 1 && setup.shard != APO_SHARD_NONE, trained[size_t(info_of(ranks).rank)]);
    }));
    for (const Trained& one : trained) {
        CHECK(one.weights == trained[0].weights);
        CHECK(one.norms == trained[0].norms);
    }
    return trained[0];
}

double apart(const std::vector<float>& a, const std::vector<float>& b) {
    CHECK(a.size() == b.size() && !a.empty());
    double difference = 0, size = 0;
    for (size_t i = 0; i < a.size() && i < b.size(); i++) {
        difference += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
        size += double(a[i]) * a[i];
    }
    return std::sqrt(difference / size);
}

const std::vector<Setup>& setups() {
    static const std::vector<Setup> all = [] {
        std::vector<Setup> some(5);
        some[1].tied = true, some[1].recompute = 1;
        some[2].dtype = APO_BF16, some[2].offload = 1;
        some[3].dtype = APO_BF16, some[3].optimizer = APO_OPTIMIZER_8BIT, some[3].tied = true;
        some[4].adapter = true;
        return some;
    }();
    return all;
}

std::vector<Setup> setups_on(const Backend& backend) {
    if (is_emulated(backend)) return {setups()[0], setups()[3]};
    return setups();
}

}  // namespace

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
