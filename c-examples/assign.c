/* Reads the last messages of one queue: assigns it, seeks, pauses, commits, and leaves its group alone.
 *
 *   assign <group> <topic> <broker> <queue> [messages]
 *
 * Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. The exit code is 0 when as many messages as
 * asked for (5 unless given), or all there are, came within 30 seconds. */
#define _POSIX_C_SOURCE 200809L

#include <rmq.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static atomic_long consumed;

/* Runs on threads of the library, several at once. */
static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    size_t i, count = rmq_batch_count(batch);
    (void)consumer, (void)context, (void)userdata;
    for (i = 0; i < count; i++) {
        size_t len;
        const rmq_message *message = rmq_batch_at(batch, i);
        const uint8_t *body = rmq_message_body(message, &len);
        printf("offset %lld: %.*s\n", (long long)rmq_message_queue_offset(message), len > 60 ? 60 : (int)len,
               (const char *)body);
    }
    atomic_fetch_add(&consumed, (long)count);
    return RMQ_CONSUME_SUCCESS;
}

static int wait_for(long expected)
{
    const struct timespec pause = {0, 10 * 1000 * 1000};
    int left = 3000;
    while (atomic_load(&consumed) < expected && left-- > 0)
        nanosleep(&pause, NULL);
    return atomic_load(&consumed) >= expected;
}

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, rmq_last_error_message());
    return 1;
}

/* Works on one queue of a started consumer. */
static int read_last(rmq_consumer *consumer, const char *topic, const char *broker, int32_t queue, long messages)
{
    int64_t min, max, from, position, committed;
    if (rmq_consumer_watermarks(consumer, topic, broker, queue, &min, &max) != RMQ_OK)
        return failed("watermarks");
    printf("the queue has %lld to %lld\n", (long long)min, (long long)max);
    from = max - min > messages ? max - messages : min;
    if (rmq_consumer_seek(consumer, topic, broker, queue, from) != RMQ_OK)
        return failed("seek");
    /* It was paused before the start: nothing came from where the group stood. */
    if (rmq_consumer_resume(consumer, topic, broker, queue) != RMQ_OK)
        return failed("resume");
    if (!wait_for((long)(max - from))) {
        fprintf(stderr, "%ld messages came in time\n", atomic_load(&consumed));
        return 1;
    }
    if (rmq_consumer_pause(consumer, topic, broker, queue) != RMQ_OK ||
        rmq_consumer_commit_queue(consumer, topic, broker, queue) != RMQ_OK)
        return failed("commit");
    if (rmq_consumer_position(consumer, topic, broker, queue, &position) != RMQ_OK ||
        rmq_consumer_committed(consumer, topic, broker, queue, &committed) != RMQ_OK)
        return failed("offsets");
    printf("position %lld, committed %lld\n", (long long)position, (long long)committed);
    return 0;
}

int main(int argc, char **argv)
{
    char text[512];
    long messages = argc > 5 ? strtol(argv[5], NULL, 10) : 5;
    int result = 2;
    rmq_config *config;
    rmq_consumer *consumer;
    if (argc < 5) {
        fprintf(stderr, "usage: NAMESRV_ADDR=host:port assign <group> <topic> <broker> <queue> [messages]\n");
        return 2;
    }
    config = rmq_config_new();
    if (rmq_config_set(config, "consumer.group", argv[1], text, sizeof text) != RMQ_OK ||
        (consumer = rmq_consumer_new(config, text, sizeof text)) == NULL) {
        fprintf(stderr, "%s\n", text);
        rmq_config_destroy(config);
        return 2;
    }
    rmq_config_destroy(config);
    snprintf(text, sizeof text, "[{\"topic\": \"%s\", \"broker\": \"%s\", \"queue_id\": %s}]", argv[2], argv[3], argv[4]);
    if (rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL) != RMQ_OK ||
        rmq_consumer_assign(consumer, text) != RMQ_OK || rmq_consumer_pause(consumer, NULL, NULL, -1) != RMQ_OK ||
        rmq_consumer_start(consumer) != RMQ_OK)
        failed("start");
    else
        result = read_last(consumer, argv[2], argv[3], (int32_t)strtol(argv[4], NULL, 10), messages);
    if (rmq_consumer_destroy(consumer) != RMQ_OK)
        failed("destroy");
    return result;
}
