/* Consumes a topic and shows what the consumer tells of itself, as JSON.
 *
 *   status <group> <topic> [messages] [seconds]
 *
 * Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. It waits for as many messages, 0 unless
 * given, but not longer than so many seconds, 60 unless given; then it prints the subscriptions, the route of the topic,
 * the assignment and the counters, a line each. The exit code is 0 when all of that could be told. */
#define _POSIX_C_SOURCE 200809L

#include <rmq.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static atomic_long consumed;

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)context, (void)userdata;
    atomic_fetch_add(&consumed, (long)rmq_batch_count(batch));
    return RMQ_CONSUME_SUCCESS;
}

static const char *topic;

/* One of the functions that fill a buffer. */
typedef rmq_code (*teller)(const rmq_consumer *consumer, char *buf, size_t size, size_t *needed);

static rmq_code route(const rmq_consumer *consumer, char *buf, size_t size, size_t *needed)
{
    return rmq_consumer_route_json(consumer, topic, buf, size, needed);
}

/* Asks for the size first; the text may have grown when it is fetched. */
static int show(const char *title, teller tell, const rmq_consumer *consumer)
{
    char *text = NULL, *larger;
    size_t needed = 0;
    rmq_code code = tell(consumer, NULL, 0, &needed);
    while (code == RMQ_OK && (larger = realloc(text, needed)) != NULL) {
        text = larger;
        code = tell(consumer, text, needed, &needed);
        if (code == RMQ_OK) {
            printf("%s %s\n", title, text);
            free(text);
            return 0;
        }
        if (code == RMQ_E_BUFFER_TOO_SMALL)
            code = RMQ_OK;
    }
    fprintf(stderr, "%s: %s\n", title, rmq_last_error_message());
    free(text);
    return 1;
}

/* Waits until the topic has a route, which one that is made later has not at once, and until the messages came. */
static void wait_for(const rmq_consumer *consumer, long messages, long seconds)
{
    const struct timespec pause = {0, 10 * 1000 * 1000};
    time_t end = time(NULL) + seconds;
    while (time(NULL) < end && (atomic_load(&consumed) < messages || route(consumer, NULL, 0, NULL) != RMQ_OK))
        nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
    char error[256];
    rmq_config *config;
    rmq_consumer *consumer;
    int failed;
    if (argc < 3) {
        fprintf(stderr, "usage: NAMESRV_ADDR=host:port status <group> <topic> [messages] [seconds]\n");
        return 2;
    }
    topic = argv[2];
    config = rmq_config_new();
    if (rmq_config_set(config, "consumer.group", argv[1], error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "consume.from", "first_offset", error, sizeof error) != RMQ_OK ||
        (consumer = rmq_consumer_new(config, error, sizeof error)) == NULL) {
        fprintf(stderr, "%s\n", error);
        rmq_config_destroy(config);
        return 2;
    }
    rmq_config_destroy(config);
    if (rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL) != RMQ_OK ||
        rmq_consumer_subscribe(consumer, topic, "*") != RMQ_OK || rmq_consumer_start(consumer) != RMQ_OK) {
        fprintf(stderr, "%s\n", rmq_last_error_message());
        rmq_consumer_destroy(consumer);
        return 2;
    }
    wait_for(consumer, argc > 3 ? strtol(argv[3], NULL, 10) : 0, argc > 4 ? strtol(argv[4], NULL, 10) : 60);
    failed = show("subscriptions", rmq_consumer_subscriptions_json, consumer);
    failed |= show("route", route, consumer);
    failed |= show("assignment", rmq_consumer_assignment_json, consumer);
    failed |= show("stats", rmq_consumer_stats_json, consumer);
    rmq_consumer_destroy(consumer);
    return failed;
}
