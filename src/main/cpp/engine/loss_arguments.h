// Checks of the preference loss's arguments, for the pure function and the trainer alike.
#pragma once

#include "metaapo.h"

namespace apo {

void check_objective(const apo_objective* objective);
void check_meta(const apo_meta* meta);
// answers: how many there are; counts_needed: token_counts must be given.
void check_pairs(const apo_pairs* pairs, int64_t answers, bool counts_needed);

}  // namespace apo
