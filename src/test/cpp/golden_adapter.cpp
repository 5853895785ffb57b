#include "golden_adapter.h"

#include <cmath>

#include "test.h"

namespace apo_test {

const std::string kAdapterPrefix = "base_model.model.";

AdapterTables adapter_tables(int32_t layers, int32_t rank, double scale, uint32_t projections) {
    AdapterTables tables;
    for (int32_t i = 0; i < layers * APO_PROJECTIONS; i++) {
        tables.ranks.push_back(projections >> (i % APO_PROJECTIONS) & 1 ? rank : 0);
        tables.scales.push_back(scale);
    }
    return tables;
}

apo_adapter* load_adapter(apo_model* model, const apo_model_config& config, const std::string& folder, int32_t head) {
    const Json json = Json::read(folder + "/adapter_config.json");
    const double rank = json["r"].number(), alpha = json["lora_alpha"].number();
    const double scale = alpha / (json["use_rslora"].truth() ? std::sqrt(rank) : rank);
    const char* const names[APO_PROJECTIONS] = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
    uint32_t targets = 0;
    for (size_t i = 0; i < json["target_modules"].size(); i++) {
        for (int p = 0; p < APO_PROJECTIONS; p++) targets |= uint32_t(json["target_modules"][i].text() == names[p]) << p;
    }
    const AdapterTables tables = adapter_tables(config.layers, int32_t(rank), scale, targets);
    const apo_adapter_config adapter_config = tables.config(head);
    apo_error error;
    auto check = [&](apo_status status) {
        if (status != APO_OK) throw std::runtime_error(error.message);
    };
    apo_adapter* adapter = nullptr;
    check(apo_adapter_create(model, &adapter_config, &adapter, &error));
    const Tensors tensors = read_tensors(folder + "/adapter_model.safetensors");
    int32_t count = 0;
    check(apo_adapter_tensor_count(adapter, &count, &error));
    if (size_t(count) != tensors.size()) throw std::runtime_error(folder + " has other tensors than the adapter");
    for (int32_t i = 0; i < count; i++) {
        apo_tensor_info info;
        check(apo_adapter_tensor(adapter, i, &info, &error));
        const std::vector<float>& values = tensors.at(kAdapterPrefix + info.name);
        if (int64_t(values.size()) != info.count) throw std::runtime_error(std::string(info.name) + " has another size in the file");
        check(apo_adapter_write(adapter, i, 0, info.count, values.data(), APO_F32, &error));
    }
    return adapter;
}

}  // namespace apo_test
