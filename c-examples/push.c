/* Consumes a topic: shows the first messages, counts the rest, stops when all expected ones came.
 *
 *   push <group> <topic> [tags] [messages] [seconds]
 *
 * Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. tags is an expression like "TagA || TagB",
 * * for all. With messages = 0 it runs until Ctrl-C. The exit code is 0 when as many as expected came in time. */
#define _POSIX_C_SOURCE 200809L

#include <rmq.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SHOWN 5

static atomic_long consumed;
static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static void on_log(int32_t level, const char *target, const char *message, void *userdata)
{
    (void)userdata;
    fprintf(stderr, "[%s] %s: %s\n", level <= RMQ_LOG_ERROR ? "error" : "warning", target, message);
}

static void show(const rmq_message *message)
{
    size_t len;
    const uint8_t *body = rmq_message_body(message, &len);
    const char *tag = rmq_message_tags(message, NULL);
    const char *key = rmq_message_keys(message, NULL);
    printf("%s queue %d offset %lld tag %s key %s: %.*s%s\n", rmq_message_topic(message, NULL),
           (int)rmq_message_queue_id(message), (long long)rmq_message_queue_offset(message), tag ? tag : "-",
           key ? key : "-", len > 60 ? 60 : (int)len, (const char *)body, len > 60 ? "..." : "");
}

/* Runs on threads of the library, several at once. */
static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    size_t i, count = rmq_batch_count(batch);
    (void)consumer, (void)context, (void)userdata;
    for (i = 0; i < count; i++)
        if (atomic_fetch_add(&consumed, 1) < SHOWN)
            show(rmq_batch_at(batch, i));
    return RMQ_CONSUME_SUCCESS;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Waits for the messages; prints their number four times a second on a terminal, else once a second. */
static double wait_for(long expected, double seconds)
{
    const struct timespec pause = {0, 10 * 1000 * 1000};
    const int terminal = isatty(STDOUT_FILENO);
    double begin = now(), next = begin + 1;
    while (!interrupted && (expected == 0 || (atomic_load(&consumed) < expected && now() - begin < seconds))) {
        nanosleep(&pause, NULL);
        if (now() >= next) {
            printf(terminal ? "\r%ld messages" : "%ld messages\n", atomic_load(&consumed));
            fflush(stdout);
            next += terminal ? 0.25 : 1;
        }
    }
    return now() - begin;
}

int main(int argc, char **argv)
{
    char error[256];
    const char *tags = argc > 3 ? argv[3] : "*";
    long expected = argc > 4 ? strtol(argv[4], NULL, 10) : 0;
    double seconds = argc > 5 ? strtod(argv[5], NULL) : 60, took;
    rmq_config *config;
    rmq_consumer *consumer;
    if (argc < 3) {
        fprintf(stderr, "usage: NAMESRV_ADDR=host:port push <group> <topic> [tags] [messages] [seconds]\n");
        return 2;
    }
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);

    config = rmq_config_new();
    rmq_config_set_log_callback(config, on_log, NULL, NULL);
    if (rmq_config_set(config, "consumer.group", argv[1], error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "consume.from", "first_offset", error, sizeof error) != RMQ_OK ||
        (consumer = rmq_consumer_new(config, error, sizeof error)) == NULL) {
        fprintf(stderr, "%s\n", error);
        rmq_config_destroy(config);
        return 2;
    }
    rmq_config_destroy(config);
    if (rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL) != RMQ_OK ||
        rmq_consumer_subscribe(consumer, argv[2], tags) != RMQ_OK || rmq_consumer_start(consumer) != RMQ_OK) {
        fprintf(stderr, "%s\n", rmq_last_error_message());
        rmq_consumer_destroy(consumer);
        return 2;
    }
    took = wait_for(expected, seconds);
    if (rmq_consumer_destroy(consumer) != RMQ_OK)
        fprintf(stderr, "%s\n", rmq_last_error_message());
    printf("%s%ld messages in %.2f s, %ld expected\n", isatty(STDOUT_FILENO) ? "\r" : "", atomic_load(&consumed), took,
           expected);
    return atomic_load(&consumed) >= expected ? 0 : 1;
}
