// A model with an adapter worked into its weights.
#pragma once

#include "network.h"

namespace apo {

// target = source with W + s B A for each path, the product and sum in f32, rounded once into target's dtype; the head is the
// adapter's where it has one of its own. Throws APO_E_ARGUMENT for other shapes or heads, and where target is source.
void merge(apo_model& target, const apo_model& source, apo_adapter& adapter);

}  // namespace apo
