// A small test runner: TEST(name) { … CHECK(…) … }, one line for each failure, a closing line with the counts.
#pragma once

#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace apo_test {

struct Test {
    std::string name, file;  // file: without its folder
    std::function<void()> body;
};

inline std::vector<Test>& tests() {
    static std::vector<Test> all;
    return all;
}

// Failures of the running test.
inline int& failures() {
    static int count = 0;
    return count;
}

struct Register {
    Register(const char* name, const std::string& file, std::function<void()> body) {
        tests().push_back({name, file.substr(file.rfind('/') + 1), std::move(body)});
    }
};

// Where true, values are not looked at: nothing has computed them.
inline bool& without_values() {
    static bool is = false;
    return is;
}

inline void fail(const char* file, int line, const std::string& message) {
    if (failures()++ < 5) std::printf("  %s:%d: %s\n", file, line, message.c_str());
}

// Of a value that is not as it should be.
inline void not_so(const char* file, int line, const std::string& message) {
    if (!without_values()) fail(file, line, message);
}

inline void check_close(const char* file, int line, const char* what, double found, double expected, double tolerance) {
    if (!(std::fabs(found - expected) <= tolerance)) {
        char text[256];
        std::snprintf(text, sizeof text, "%s is %.9g, expected %.9g within %.2g", what, found, expected, tolerance);
        not_so(file, line, text);
    }
}

}  // namespace apo_test

#define TEST(name)                                                    \
    static void test_##name();                                        \
    static apo_test::Register register_##name(#name, __FILE__, test_##name);    \
    static void test_##name()
#define CHECK(condition) \
    if (!(condition)) apo_test::not_so(__FILE__, __LINE__, "not so: " #condition)
#define CHECK_CLOSE(found, expected, tolerance) \
    apo_test::check_close(__FILE__, __LINE__, #found, double(found), double(expected), double(tolerance))
