#include "golden_model.h"

#include <cstring>
#include <set>

#include "test.h"

namespace apo_test {

namespace {

bool exists(const std::string& path) { return std::ifstream(path).good(); }

void read_file(const std::string& path, Tensors& tensors) {
    for (const auto& [name, tensor] : read_stored(path)) {
        if (tensor.dtype != "F32") throw std::runtime_error(path + ": " + name + " is " + tensor.dtype);
        tensors[name] = tensor.all<float>();
    }
}

}  // namespace

StoredTensors read_stored(const std::string& path) {
    StoredTensors tensors;
    std::ifstream file(path, std::ios::binary);
    uint64_t header_bytes = 0;
    file.read(reinterpret_cast<char*>(&header_bytes), 8);
    if (!file || header_bytes > (uint64_t(100) << 20)) throw std::runtime_error("cannot read " + path);
    std::string header(header_bytes, ' ');
    file.read(header.data(), std::streamsize(header_bytes));
    const Json parsed = Json::parse(header);
    for (const auto& [name, entry] : parsed.members()) {
        if (name == "__metadata__") continue;
        const auto begin = uint64_t(entry["data_offsets"][0].number()), end = uint64_t(entry["data_offsets"][1].number());
        StoredTensor& tensor = tensors[name];
        tensor.dtype = entry["dtype"].text();
        tensor.bytes.resize(end - begin);
        file.seekg(std::streamoff(8 + header_bytes + begin));
        file.read(reinterpret_cast<char*>(tensor.bytes.data()), std::streamsize(end - begin));
        if (!file) throw std::runtime_error(path + ": " + name + " is cut off");
    }
    return tensors;
}

std::string fixture(const std::string& name) { return std::string(METAAPO_FIXTURES) + "/" + name; }

Tensors read_tensors(const std::string& path) {
    Tensors tensors;
    const std::string index = path + "/model.safetensors.index.json";
    if (exists(index)) {
        std::set<std::string> shards;
        const Json parsed = Json::read(index);
        for (const auto& [name, shard] : parsed["weight_map"].members()) shards.insert(shard.text());
        for (const std::string& shard : shards) read_file(path + "/" + shard, tensors);
    } else {
        read_file(exists(path + "/model.safetensors") ? path + "/model.safetensors" : path, tensors);
    }
    return tensors;
}

GoldenConfig::GoldenConfig(const std::string& folder) {
    const Json json = Json::read(folder + "/config.json");
    auto integer = [&](const char* key) { return int32_t(json[key].number()); };
    apo_model_config& c = config;
    c.vocab_size = integer("vocab_size"), c.hidden_size = integer("hidden_size"), c.intermediate_size = integer("intermediate_size");
    c.layers = integer("num_hidden_layers"), c.heads = integer("num_attention_heads"), c.kv_heads = integer("num_key_value_heads");
    c.head_dim = json.has("head_dim") ? integer("head_dim") : c.hidden_size / c.heads;
    c.max_positions = integer("max_position_embeddings");
    c.tied_head = json["tie_word_embeddings"].truth();
    c.qkv_bias = json["model_type"].text() == "qwen2";
    c.rms_norm_eps = json["rms_norm_eps"].number();
    const Json& rope = json.has("rope_parameters") ? json["rope_parameters"] : json;
    c.rope_theta = rope["rope_theta"].number();
    if (rope.has("rope_type") && rope["rope_type"].text() == "llama3") {
        c.rope = APO_ROPE_LLAMA3;
        c.rope_factor = rope["factor"].number();
        c.rope_low_freq_factor = rope["low_freq_factor"].number();
        c.rope_high_freq_factor = rope["high_freq_factor"].number();
        c.rope_original_max_positions = rope["original_max_position_embeddings"].number();
    }
    c.has_padding = 1, c.padding_id = integer("pad_token_id");
    if (!json.has("layer_types")) return;
    for (size_t l = 0; l < json["layer_types"].size(); l++) {
        windows.push_back(json["layer_types"][l].text() == "sliding_attention" ? integer("sliding_window") : 0);
    }
    c.windows = windows.data();
}

std::vector<int32_t> stop_ids(const std::string& folder) {
    const std::string generation = folder + "/generation_config.json";
    const Json json = Json::read(exists(generation) ? generation : folder + "/config.json");
    const Json& id = json["eos_token_id"];
    return id.size() > 0 ? id.ints() : std::vector<int32_t>{int32_t(id.number())};
}

apo_model* load_model(apo_engine& engine, const std::string& folder, int32_t dtype) {
    const GoldenConfig golden(folder);
    const Tensors tensors = read_tensors(folder);
    apo_error error;
    auto check = [&](apo_status status) {
        if (status != APO_OK) throw std::runtime_error(error.message);
    };
    apo_model* model = nullptr;
    const apo_model_options options{dtype, 0, APO_QUANTIZE_NONE, 0};
    check(apo_model_create(&engine, &golden.config, &options, &model, &error));
    int32_t count = 0;
    check(apo_model_tensor_count(model, &count, &error));
    for (int32_t i = 0; i < count; i++) {
        apo_tensor_info info;
        check(apo_model_tensor(model, i, &info, &error));
        const std::vector<float>& values = tensors.at(info.name);
        if (int64_t(values.size()) != info.count) throw std::runtime_error(std::string(info.name) + " has another size in the file");
        check(apo_model_write(model, i, 0, info.count, values.data(), APO_F32, &error));
    }
    return model;
}

apo_model* load_nf4_model(apo_engine& engine, const std::string& folder, int32_t dtype) {
    const GoldenConfig golden(folder);
    const StoredTensors tensors = read_stored(folder + "/model.safetensors");
    apo_error error;
    auto check = [&](apo_status status) {
        if (status != APO_OK) throw std::runtime_error(error.message);
    };
    apo_model* model = nullptr;
    const apo_model_options options{dtype, 0, APO_QUANTIZE_NF4, 0};
    check(apo_model_create(&engine, &golden.config, &options, &model, &error));
    int32_t count = 0;
    check(apo_model_tensor_count(model, &count, &error));
    for (int32_t i = 0; i < count; i++) {
        apo_tensor_info info;
        check(apo_model_tensor(model, i, &info, &error));
        const std::string name = info.name;
        const StoredTensor& stored = tensors.at(name);
        if (info.whole == 0) {
            if (stored.dtype != "BF16") throw std::runtime_error(name + " is " + stored.dtype);
            check(apo_model_write(model, i, 0, info.count, stored.bytes.data(), APO_BF16, &error));
            continue;
        }
        const StoredTensor& state = tensors.at(name + ".quant_state.bitsandbytes__nf4");
        const Json json = Json::parse(std::string(state.as<char>(), state.bytes.size()));
        const apo_packed_matrix packed{stored.as<uint8_t>(), tensors.at(name + ".nested_absmax").as<float>(), tensors.at(name + ".absmax").as<uint8_t>(),
                                       tensors.at(name + ".nested_quant_map").as<float>(), float(json["nested_offset"].number())};
        check(apo_model_write_packed(model, i, &packed, &error));
    }
    return model;
}

}  // namespace apo_test
