// Ranks that are threads of one process, for tests and for programs that drive several devices themselves.
#pragma once

#include <vector>

#include "transport.h"

namespace apo {

// Transports of `size` ranks, each for a thread of its own. One that is closed or aborted fails the others' calls, so that none waits
// for it for ever.
std::vector<Transport> local_transports(int32_t size);

}  // namespace apo
