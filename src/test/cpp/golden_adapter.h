// Golden adapters of the fixtures (PEFT's folders) for the native tests.
#pragma once

#include "golden_model.h"

namespace apo_test {

// Names in PEFT's files begin with this.
extern const std::string kAdapterPrefix;

// The ranks and scales of an adapter for (L, 7) projections, as apo_adapter_config wants them.
struct AdapterTables {
    std::vector<int32_t> ranks;
    std::vector<double> scales;
    apo_adapter_config config(int32_t head, double dropout = 0, uint64_t seed = 0) const {
        return {head, int32_t(ranks.size() / APO_PROJECTIONS), ranks.data(), scales.data(), dropout, seed};
    }
};

// The same rank and scale everywhere, or at those of the projections whose bit is set.
AdapterTables adapter_tables(int32_t layers, int32_t rank, double scale, uint32_t projections = 0x7f);

// An adapter of a model of this config with the weights of a folder, whose rank_pattern and alpha_pattern are empty; the caller closes it.
apo_adapter* load_adapter(apo_model* model, const apo_model_config& config, const std::string& folder, int32_t head);

}  // namespace apo_test
