// Where the engine's own library lies, and so those that it opens at run time.
#pragma once

#include <string>

namespace apo {

// The path of a library of this name beside the engine's own; the name alone where that cannot be told.
std::string beside_engine(const char* library);

}  // namespace apo
