/* Checks for the programs about the mock: a failure names the place and ends the program with 1. */
#ifndef MOCK_CHECK_H
#define MOCK_CHECK_H

#include "check.h"

#include <rmq_mock.h>

/* Calls of the mock: the code, and on failure the text. */
#define MOCK_WORKS(call)                                                                          \
    do {                                                                                          \
        if ((call) != RMQ_MOCK_OK) {                                                              \
            fprintf(stderr, "%s:%d: %s\n  %s\n", __FILE__, __LINE__, #call,                       \
                    rmq_mock_last_error_message());                                               \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

#define MOCK_FAILS(code, text, call)                                                              \
    do {                                                                                          \
        CHECK((call) == (code));                                                                  \
        if (strcmp(rmq_mock_last_error_message(), (text)) != 0) {                                 \
            fprintf(stderr, "%s:%d: %s\n  %s\n", __FILE__, __LINE__, #call,                       \
                    rmq_mock_last_error_message());                                               \
            exit(1);                                                                              \
        }                                                                                         \
        CHECK(rmq_mock_last_error_code() == (code));                                              \
    } while (0)

static inline rmq_mock_cluster *mock_cluster(int32_t brokers, int32_t slaves)
{
    char error[256];
    rmq_mock_cluster *cluster = rmq_mock_cluster_new(brokers, slaves, 20, error, sizeof error);
    if (cluster == NULL) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    CHECK(error[0] == '\0');
    return cluster;
}

/* A message with that text and tag at broker 0; its offset. */
static inline int64_t mock_produce(rmq_mock_cluster *cluster, const char *topic, int32_t queue, const char *body,
                                   const char *tag)
{
    int64_t offset = -1;
    MOCK_WORKS(rmq_mock_produce(cluster, topic, queue, (const uint8_t *)body, strlen(body), tag, NULL, &offset));
    return offset;
}

/* Long, because valgrind is slow on a busy machine; a test that waits for it makes it shorter. */
static const char *mock_request_timeout_ms = "15000";

/* A consumer of the topic that is started and has no callback; from the first message on. */
static inline rmq_consumer *mock_consumer(const rmq_mock_cluster *cluster, const char *group, const char *topic)
{
    rmq_config *config = member_config(rmq_mock_cluster_namesrv_addr(cluster), group);
    rmq_consumer *consumer;
    WORKS(rmq_config_set(config, "request.timeout.ms", mock_request_timeout_ms, NULL, 0));
    consumer = rmq_consumer_new(config, NULL, 0);
    CHECK(consumer != NULL);
    rmq_config_destroy(config);
    WORKS(rmq_consumer_subscribe(consumer, topic, "*"));
    WORKS(rmq_consumer_start(consumer));
    return consumer;
}

/* The next message has this text; its batch, which is not settled. */
static inline rmq_batch *mock_next(rmq_consumer *consumer, const char *text)
{
    rmq_batch *batch = NULL;
    const uint8_t *body;
    size_t len;
    WORKS(rmq_consumer_poll(consumer, 1, 30000, &batch));
    body = rmq_message_body(rmq_batch_at(batch, 0), &len);
    if (len != strlen(text) || memcmp(body, text, len) != 0) {
        fprintf(stderr, "expected %s, got %.*s\n", text, (int)len, (const char *)body);
        exit(1);
    }
    return batch;
}

/* The next message has this text, and is acknowledged. */
static inline void mock_consume(rmq_consumer *consumer, const char *text)
{
    rmq_batch *batch = mock_next(consumer, text);
    WORKS(rmq_batch_ack(batch));
    rmq_batch_destroy(batch);
}

#endif
