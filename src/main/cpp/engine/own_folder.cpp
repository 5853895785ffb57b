#include "own_folder.h"

#include <dlfcn.h>

namespace apo {

std::string beside_engine(const char* library) {
    Dl_info info;
    if (dladdr(reinterpret_cast<const void*>(&beside_engine), &info) == 0 || info.dli_fname == nullptr) return library;
    const std::string own = info.dli_fname;
    const size_t slash = own.rfind('/');
    return slash == std::string::npos ? std::string("./") + library : own.substr(0, slash + 1) + library;
}

}  // namespace apo
