// Tests that run as several processes: mpirun runs this program again, with their name.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "engine/mpi_loader.h"
#include "error.h"

namespace apo_test {

// How many processes mpirun has started, of which this is one; 0: it has not.
inline int launched() {
    const char* size = std::getenv("OMPI_COMM_WORLD_SIZE");
    return size == nullptr ? 0 : std::atoi(size);
}

// Why no processes of MPI can be started here, or an empty text.
inline std::string no_mpi() {
    try {
        apo::mpi_name();
    } catch (const apo::Error& e) {
        return e.what();
    }
    return std::system("command -v mpirun >/dev/null 2>&1") == 0 ? "" : "mpirun is not there";
}

inline void skipped(const char* test, const std::string& why) { std::printf("skipped %s: %s\n", test, why.c_str()); }

// Runs tests of this program whose names have `filter` as `ranks` processes; mpirun's exit status.
inline int under_mpirun(int ranks, const char* filter) {
    char self[4096] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) return -1;
    // MPI leaves memory behind when it ends.
    const std::string command = std::string("OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 ASAN_OPTIONS=detect_leaks=0 mpirun -q --bind-to none --oversubscribe -n ") +
                                std::to_string(ranks) + " '" + self + "' " + filter;
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace apo_test
