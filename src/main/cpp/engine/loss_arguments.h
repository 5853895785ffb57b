// Checks of the preference loss's arguments, for the pure function and the trainer alike.
#pragma once

#include "metaapo.h"

namespace apo {

// rows: of the features, that a meta-learner with several inputs reads.
void check_meta(const apo_meta* meta, int64_t rows);
// All arguments of a loss over `answers` answers; batch_counts: a batch brings their token counts where the pairs do not.
void check_preference(const apo_pairs* pairs, int64_t answers, const apo_objective* objective, const apo_meta* meta, bool batch_counts);

}  // namespace apo
