// A course of training on ranks, on threads of this process or as one of several processes.
#pragma once

#include "emulated_gpu.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <thread>

#include "engine/engine.h"
#include "metaapo.h"
#include "packs.h"
#include "test.h"
#include "tiny_model.h"

namespace apo_test {

// CHECK counts failures of one thread alone; ranks throw.
inline void must(apo_status status, const apo_error& error) {
    if (status != APO_OK) throw std::runtime_error(error.message);
}

// work(ranks) on a thread for each rank; what a rank throws is its text here, else "".
inline std::vector<std::string> on_ranks(int32_t size, const std::function<void(apo_ranks*)>& work) {
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

inline void all_well(const std::vector<std::string>& failures) {
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
inline bool is_emulated(const Backend& backend) { return backend.open.device == APO_CUDA && apo_test::options().cuda_index < 0; }

// Several ranks; as many as there are GPUs, too.
inline std::vector<int32_t> sizes_on(const Backend& backend) {
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
inline apo_engine* engine_of(const Backend& backend, int32_t rank) {
    apo_engine_options open = backend.open;
    if (open.device == APO_CPU) {
        open.threads = 1;
    } else {
        open.device_index += rank;
    }
    return new apo_engine(*backend.ops, open);
}

inline apo_ranks_info info_of(apo_ranks* ranks) {
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
inline std::vector<Packs> rows() {
    std::vector<Packs> rows;
    for (int i = 0; i < 6; i++) {
        Packs p;
        p.add(i % 2 == 0 ? kPrompt : kOther, {kAnswers[size_t(i) % 4], kAnswers[size_t(i + 1) % 4]});
        rows.push_back(p);
    }
    return rows;
}

inline apo_model_config config_of(const Setup& setup) {
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
inline void train(const Backend& backend, apo_ranks* ranks, const Setup& setup, bool keep_whole_state, Trained& out) {
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
inline Trained train_on(const Backend& backend, int32_t size, const Setup& setup) {
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

inline double apart(const std::vector<float>& a, const std::vector<float>& b) {
    CHECK(a.size() == b.size() && !a.empty());
    double difference = 0, size = 0;
    for (size_t i = 0; i < a.size() && i < b.size(); i++) {
        difference += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
        size += double(a[i]) * a[i];
    }
    return std::sqrt(difference / size);
}

inline const std::vector<Setup>& setups() {
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

inline std::vector<Setup> setups_on(const Backend& backend) {
    if (is_emulated(backend)) return {setups()[0], setups()[3]};
    return setups();
}

}  // namespace apo_test
