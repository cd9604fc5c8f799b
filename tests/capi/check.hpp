// Checks for the C++ programs: a failure names the place and ends the program with 1.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <rmq.hpp>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            std::exit(1);                                                                         \
        }                                                                                         \
    } while (0)

// The call throws an rmq::Error with this code and a text that has this part.
inline void throws(rmq_code code, const std::string &part, const std::function<void()> &call)
{
    try {
        call();
    } catch (const rmq::Error &e) {
        if (e.code() == code && std::string(e.what()).find(part) != std::string::npos)
            return;
        std::fprintf(stderr, "threw %s: %s instead of %s: %s\n", e.name(), e.what(), rmq_code_name(code), part.c_str());
        std::exit(1);
    }
    std::fprintf(stderr, "did not throw %s: %s\n", rmq_code_name(code), part.c_str());
    std::exit(1);
}

#endif
