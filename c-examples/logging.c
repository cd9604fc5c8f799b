/* Consumes a topic and shows what the library logs, and its statistics: by a log callback, or by events that are polled.
 *
 *   logging <callback|events> <group> <topic> [messages] [seconds]
 *
 * Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. It ends when as many messages are consumed,
 * 10 unless given, and statistics say so, or after so many seconds, 60 unless given. The exit code is 0 when that many
 * came. */
#define _POSIX_C_SOURCE 200809L

#include <rmq.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static atomic_long consumed;

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)context, (void)userdata;
    atomic_fetch_add(&consumed, (long)rmq_batch_count(batch));
    return RMQ_CONSUME_SUCCESS;
}

static const char *level_name(int32_t level)
{
    switch (level) {
    case RMQ_LOG_ERROR: return "error";
    case RMQ_LOG_WARN: return "warn";
    case RMQ_LOG_INFO: return "info";
    default: return "debug";
    }
}

/* Called from any thread of the library, several at once: one printf writes a line as a whole. */
static void on_log(int32_t level, const char *target, const char *message, void *userdata)
{
    printf("%s %s %s: %s\n", (const char *)userdata, level_name(level), target, message);
}

/* Prints one event. */
static void show(const rmq_event *event)
{
    switch (rmq_event_kind(event)) {
    case RMQ_EVENT_LOG:
        on_log(rmq_event_level(event), rmq_event_target(event), rmq_event_text(event), "event");
        break;
    case RMQ_EVENT_STATS:
        printf("stats %s\n", rmq_event_json(event));
        break;
    default: /* Queues that come and go, failures, of which one may stand for many, and kinds that are newer. */
        printf("news %s, count %ld\n", rmq_event_text(event), (long)rmq_event_count(event));
    }
}

/* Polls events until there were statistics after the last message, or the time is over. The first ones that come then
 * may have waited here since before. */
static void watch(rmq_consumer *consumer, long messages, time_t end)
{
    int after = 0;
    while (after < 2 && time(NULL) < end) {
        rmq_event *event;
        int all = atomic_load(&consumed) >= messages;
        rmq_code code = rmq_consumer_poll_event(consumer, 100, &event);
        if (code == RMQ_OK) {
            show(event);
            after += all && rmq_event_kind(event) == RMQ_EVENT_STATS;
            rmq_event_destroy(event);
        } else if (code != RMQ_E_TIMEOUT) {
            break;
        }
    }
}

static int fails(const char *what)
{
    fprintf(stderr, "%s\n", what);
    return 2;
}

int main(int argc, char **argv)
{
    char error[256] = "";
    long messages = argc > 4 ? strtol(argv[4], NULL, 10) : 10, seconds = argc > 5 ? strtol(argv[5], NULL, 10) : 60;
    rmq_consumer *consumer = NULL;
    rmq_config *config;
    int by_events;
    if (argc < 4)
        return fails("usage: NAMESRV_ADDR=host:port logging <callback|events> <group> <topic> [messages] [seconds]");
    by_events = strcmp(argv[1], "events") == 0;
    config = rmq_config_new();
    if (rmq_config_set(config, "consumer.group", argv[2], error, sizeof error) == RMQ_OK &&
        rmq_config_set(config, "consume.from", "first_offset", error, sizeof error) == RMQ_OK &&
        rmq_config_set(config, "log.level", "debug", error, sizeof error) == RMQ_OK &&
        rmq_config_set(config, "log.queue", by_events ? "true" : "false", error, sizeof error) == RMQ_OK &&
        rmq_config_set(config, "stats.interval.ms", "200", error, sizeof error) == RMQ_OK &&
        /* With log.queue it is set in vain. */
        rmq_config_set_log_callback(config, on_log, "callback", NULL) == RMQ_OK)
        consumer = rmq_consumer_new(config, error, sizeof error);
    rmq_config_destroy(config);
    if (consumer == NULL)
        return fails(error);
    if (rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL) != RMQ_OK ||
        rmq_consumer_subscribe(consumer, argv[3], "*") != RMQ_OK || rmq_consumer_start(consumer) != RMQ_OK) {
        fails(rmq_last_error_message());
        rmq_consumer_destroy(consumer);
        return 2;
    }
    watch(consumer, messages, time(NULL) + seconds);
    rmq_consumer_destroy(consumer);
    return atomic_load(&consumed) >= messages ? 0 : 1;
}
