// Tables of rotary position embedding (arXiv 2104.09864) with the scalings that transformers names default, linear, llama3.
#pragma once

#include <vector>

#include "metaapo.h"

namespace apo {

struct RopeTable {
    std::vector<float> cos, sin;  // (max_positions, D/2)
};

RopeTable make_rope_table(const apo_model_config& config);

}  // namespace apo
