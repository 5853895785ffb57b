// Random adapters on small random models, for tests through the C API.
#pragma once

#include <cstring>
#include <random>
#include <stdexcept>

#include "golden_adapter.h"
#include "packs.h"
#include "tiny_model.h"

namespace apo_test {

inline apo_error& last_error() {
    static apo_error one;
    return one;
}

// Ranks and scales of all kinds: other ones in each projection, none in some, so that groups and layers differ.
inline AdapterTables mixed_tables() {
    return {{3, 1, 2, 4, 2, 5, 1, /* layer 1 */ 2, 0, 4, 0, 0, 3, 6}, {2, 0.5, 1, 1.5, 1, 3, 2, 1, 1, 2, 1, 1, 0.5, 1.25}};
}

inline std::vector<apo_tensor_info> tensors_of(apo_adapter* adapter) {
    int32_t count = 0;
    CHECK(apo_adapter_tensor_count(adapter, &count, &last_error()) == APO_OK);
    std::vector<apo_tensor_info> all(size_t(count), apo_tensor_info{});
    for (int32_t i = 0; i < count; i++) CHECK(apo_adapter_tensor(adapter, i, &all[size_t(i)], &last_error()) == APO_OK);
    return all;
}

// An adapter none of whose weights is zero; the caller closes it.
inline apo_adapter* random_adapter(apo_model* model, const AdapterTables& tables, int32_t head = APO_HEAD_LM, double dropout = 0) {
    const apo_adapter_config config = tables.config(head, dropout, 5);
    apo_adapter* adapter = nullptr;
    CHECK(apo_adapter_create(model, &config, &adapter, &last_error()) == APO_OK);
    std::mt19937 random(11);
    std::normal_distribution<float> normal(0, 0.2f);
    const std::vector<apo_tensor_info> tensors = tensors_of(adapter);
    for (size_t i = 0; i < tensors.size(); i++) {
        std::vector<float> values(size_t(tensors[i].count));
        for (float& x : values) x = normal(random);
        CHECK(apo_adapter_write(adapter, int32_t(i), 0, tensors[i].count, values.data(), APO_F32, &last_error()) == APO_OK);
    }
    return adapter;
}

// A random model with a random adapter.
struct AdaptedWorld : World {
    AdaptedWorld(const Backend& backend, const AdapterTables& tables, int32_t head = APO_HEAD_LM, double dropout = 0, int32_t dtype = APO_F32,
                 apo_model_config config = tiny(), int32_t quantize = APO_QUANTIZE_NONE)
        : World(backend, config, dtype, quantize), adapter(random_adapter(model, tables, head, dropout)) {}
    ~AdaptedWorld() { CHECK(apo_adapter_close(adapter, &last_error()) == APO_OK); }

    apo_adapter* adapter;
};

struct Scored {
    std::vector<double> sums;
    std::vector<float> logps;
    bool operator==(const Scored& o) const { return sums == o.sums && logps == o.logps; }
};

inline Scored score(apo_model* model, apo_adapter* adapter, const Packs& packs) {
    apo_scorer* scorer = nullptr;
    CHECK(apo_scorer_create(model, adapter, 100, &scorer, &last_error()) == APO_OK);
    const apo_batch batch = packs.batch();
    Scored scored{std::vector<double>(size_t(batch.answers)), std::vector<float>(14)};
    CHECK(apo_scorer_logprobs(scorer, &batch, scored.logps.data(), scored.sums.data(), nullptr, &last_error()) == APO_OK);
    CHECK(apo_scorer_close(scorer, &last_error()) == APO_OK);
    return scored;
}

// An open trainer of an adapter.
class Training {
public:
    Training(apo_model* model, apo_adapter* adapter, bool recompute = false, int32_t state = APO_OPTIMIZER_F32) : adapter_(adapter) {
        const apo_trainer_options options{100, recompute, state, 7, 0, 0};
        CHECK(apo_trainer_create(model, adapter, &options, &handle, &last_error()) == APO_OK);
    }
    ~Training() { CHECK(apo_trainer_close(handle, &last_error()) == APO_OK); }
    Training(const Training&) = delete;

    // Sums, with the gradient of their sum with these factors added.
    std::vector<double> accumulate(const Packs& packs, const std::vector<double>& factors) {
        const apo_batch batch = packs.batch();
        std::vector<double> sums(size_t(batch.answers));
        CHECK(apo_trainer_forward(handle, &batch, nullptr, sums.data(), nullptr, &last_error()) == APO_OK);
        CHECK(apo_trainer_backward(handle, factors.data(), nullptr, &last_error()) == APO_OK);
        return sums;
    }
    // sum of factor * sum under the masks of the step's first rows.
    double loss(const Packs& packs, const std::vector<double>& factors) {
        const apo_batch batch = packs.batch();
        std::vector<double> sums(size_t(batch.answers));
        CHECK(apo_trainer_zero_gradients(handle, &last_error()) == APO_OK);
        CHECK(apo_trainer_forward(handle, &batch, nullptr, sums.data(), nullptr, &last_error()) == APO_OK);
        double total = 0;
        for (size_t i = 0; i < sums.size(); i++) total += factors[i] * sums[i];
        return total;
    }
    void step(int64_t number) {
        const apo_adamw adamw{3e-3, 0.9, 0.95, 1e-8, 0.01, 1, number};
        CHECK(apo_trainer_step(handle, &adamw, nullptr, &last_error()) == APO_OK);
    }
    // Of all tensors, one behind the other.
    std::vector<float> read(int32_t state) const {
        std::vector<float> all;
        const std::vector<apo_tensor_info> tensors = tensors_of(adapter_);
        for (size_t i = 0; i < tensors.size(); i++) {
            const size_t at = all.size();
            all.resize(at + size_t(tensors[i].count));
            CHECK(apo_trainer_read(handle, state, int32_t(i), 0, tensors[i].count, all.data() + at, &last_error()) == APO_OK);
        }
        return all;
    }
    void write(int32_t state, const std::vector<float>& all) {
        const std::vector<apo_tensor_info> tensors = tensors_of(adapter_);
        int64_t at = 0;
        for (size_t i = 0; i < tensors.size(); at += tensors[i++].count) {
            CHECK(apo_trainer_write(handle, state, int32_t(i), 0, tensors[i].count, all.data() + at, &last_error()) == APO_OK);
        }
    }

    apo_trainer* handle = nullptr;

private:
    apo_adapter* adapter_;
};

inline const std::vector<double> kFactors{0.7, -0.4, 0.7, -0.4};

inline void refused(apo_status status, apo_status expected, const char* words) {
    CHECK(status == expected);
    if (std::strstr(last_error().message, words) == nullptr) fail(__FILE__, __LINE__, std::string("\"") + words + "\" is not in: " + last_error().message);
}

}  // namespace apo_test
