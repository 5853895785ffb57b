// Runs all native tests, or those whose name contains the first argument.
#include <cstring>
#include <exception>

#include "test.h"

int main(int argc, char** argv) {
    int passed = 0, failed = 0;
    for (const apo_test::Test& test : apo_test::tests()) {
        if (argc > 1 && test.name.find(argv[1]) == std::string::npos) continue;
        apo_test::failures() = 0;
        try {
            test.body();
        } catch (const std::exception& e) {
            apo_test::fail(__FILE__, __LINE__, std::string("threw: ") + e.what());
        }
        if (apo_test::failures() > 0) std::printf("FAILED %s\n", test.name.c_str());
        (apo_test::failures() == 0 ? passed : failed)++;
    }
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
