// What every function of metaapo.h does: turn exceptions into a status and an apo_error, so that none crosses the boundary.
#pragma once

#include <cstdio>
#include <new>
#include <type_traits>

#include "error.h"

namespace apo {

inline apo_status report(apo_error* error, apo_status status, const char* message) noexcept {
    if (error != nullptr) {
        error->code = status;
        std::snprintf(error->message, sizeof error->message, "%s", message);
    }
    return status;
}

template <class Body>
apo_status guarded(apo_error* error, Body body) noexcept {
    try {
        body();
        return APO_OK;
    } catch (const Error& e) {
        return report(error, e.status(), e.what());
    } catch (const std::bad_alloc&) {
        return report(error, APO_E_MEMORY, "out of host memory");
    } catch (const std::exception& e) {
        return report(error, APO_E_INTERNAL, e.what());
    } catch (...) {
        return report(error, APO_E_INTERNAL, "an unknown exception in the engine");
    }
}

inline void required(const void* pointer, const char* name) {
    if (pointer == nullptr) fail(APO_E_ARGUMENT, "%s is null", name);
}

template <class T, class = std::enable_if_t<!std::is_void_v<T>>>
T& required(T* pointer, const char* name) {
    if (pointer == nullptr) fail(APO_E_ARGUMENT, "%s is null", name);
    return *pointer;
}

}  // namespace apo
