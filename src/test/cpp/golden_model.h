// Golden models of the fixtures for the native tests: f32 tensors of safetensors files, and a model of the engine with them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "json.h"
#include "metaapo.h"

namespace apo_test {

// A tensor of a safetensors file as it is stored.
struct StoredTensor {
    std::string dtype;
    std::vector<uint8_t> bytes;
    // As numbers of a type of that size.
    template <class T>
    const T* as() const {
        return reinterpret_cast<const T*>(bytes.data());
    }
    template <class T>
    std::vector<T> all() const {
        return {as<T>(), as<T>() + bytes.size() / sizeof(T)};
    }
};
using StoredTensors = std::map<std::string, StoredTensor>;

// All tensors of a safetensors file.
StoredTensors read_stored(const std::string& path);

// Tensors by name.
using Tensors = std::map<std::string, std::vector<float>>;

// The path of a fixture.
std::string fixture(const std::string& name);

// All tensors of a safetensors file, or of the shards of a model folder. F32 only.
Tensors read_tensors(const std::string& path);

// The shape of a folder's config.json (transformers 4 and 5), with an LM head.
struct GoldenConfig {
    explicit GoldenConfig(const std::string& folder);
    GoldenConfig(const GoldenConfig&) = delete;

    apo_model_config config{};
    std::vector<int32_t> windows;  // by layer
};

// Token ids that end an answer, of generation_config.json or config.json.
std::vector<int32_t> stop_ids(const std::string& folder);

// A model of a folder whose projections bitsandbytes has packed as NF4 with double quantisation; the caller closes it.
apo_model* load_nf4_model(apo_engine& engine, const std::string& folder, int32_t dtype);

// A model of the folder's weights; the caller closes it.
apo_model* load_model(apo_engine& engine, const std::string& folder, int32_t dtype);

}  // namespace apo_test
