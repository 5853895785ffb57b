// What a rank says of others that it has waited for too long.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace apo {

// here (ranks): who waits too; `waited` seconds, `at` what they were to come to, such as "a gather of 8 bytes". Where all are here, they
// wait for each other.
inline std::string late_ranks(const std::vector<char>& here, double waited, const std::string& at) {
    constexpr int kNamed = 8;
    std::string who;
    int late = 0;
    for (size_t r = 0; r < here.size(); r++) {
        if (here[r]) continue;
        if (late < kNamed) who += (late == 0 ? "" : ", ") + std::to_string(r);
        late++;
    }
    if (late > kNamed) who += " and " + std::to_string(late - kNamed) + " more";
    char text[64];
    std::snprintf(text, sizeof text, "waited for %.4g s in a step for ", waited);
    const std::string others = late == 0 ? "ranks that wait for it too" : std::string(late == 1 ? "rank " : "ranks ") + who;
    return text + others + ", at " + at + "; see what hangs there, or give a longer ranks.timeout";
}

}  // namespace apo
