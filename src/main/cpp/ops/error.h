// The engine's one exception; the boundary (engine/api_*.cpp) turns it into an apo_error.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "metaapo.h"

namespace apo {

class Error : public std::runtime_error {
public:
    Error(apo_status status, const std::string& message) : std::runtime_error(message), status_(status) {}
    apo_status status() const { return status_; }

private:
    apo_status status_;
};

// Throws an Error with a printf-formatted message.
[[noreturn]] __attribute__((format(printf, 2, 3))) inline void fail(apo_status status, const char* format, ...) {
    char text[1020];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    throw Error(status, text);
}

}  // namespace apo
