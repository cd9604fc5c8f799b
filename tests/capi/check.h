/* Checks for the C programs: a failure names the place and ends the program with 1. */
#ifndef CHECK_H
#define CHECK_H

#include <rmq.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "%s:%d: %s\n  last error: %d %s\n", __FILE__, __LINE__, #condition,   \
                    (int)rmq_last_error_code(), rmq_last_error_message());                        \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

/* The call answers the code, and on failure the thread's last error has the text. */
#define FAILS(code, text, call)                                                                   \
    do {                                                                                          \
        CHECK((call) == (code));                                                                  \
        CHECK(rmq_last_error_code() == (code));                                                   \
        CHECK(strcmp(rmq_last_error_message(), (text)) == 0);                                     \
    } while (0)

#define WORKS(call) CHECK((call) == RMQ_OK)

/* Not UTF-8 from byte 1 on. */
#define BAD_UTF8 "a\xff"

static inline rmq_config *minimal_config(void)
{
    rmq_config *config = rmq_config_new();
    CHECK(config != NULL);
    WORKS(rmq_config_set_group(config, "G"));
    WORKS(rmq_config_set_namesrv_addr(config, "127.0.0.1:1;127.0.0.1:2"));
    return config;
}

/* For a member that reads its topics from the first message on. */
static inline rmq_config *member_config(const char *name_servers, const char *group)
{
    rmq_config *config = rmq_config_new();
    CHECK(config != NULL);
    WORKS(rmq_config_set_namesrv_addr(config, name_servers));
    WORKS(rmq_config_set_group(config, group));
    WORKS(rmq_config_set(config, "consume.from", "first_offset", NULL, 0));
    WORKS(rmq_config_set(config, "start.timeout.ms", "60000", NULL, 0)); /* valgrind is slow on a busy machine */
    return config;
}

static inline rmq_consumer *minimal_consumer(void)
{
    rmq_config *config = minimal_config();
    rmq_consumer *consumer = rmq_consumer_new(config, NULL, 0);
    CHECK(consumer != NULL);
    rmq_config_destroy(config);
    return consumer;
}

#endif
