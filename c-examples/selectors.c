/* Chooses what it consumes in three ways at once.
 *
 *   selectors <group> <topic> <condition> <keys> [messages] [seconds]
 *
 * <topic> by an SQL92 condition over properties, which the broker evaluates: "price > 10 AND region = 'eu'"; then, in the
 * client, only messages with a key in which the regular expression <keys> is found: "^order-"; and all messages of every
 * topic whose name begins with "<topic>-", also of those that are created later.
 * Name servers come from the environment: NAMESRV_ADDR=host:port. The exit code is 0 when as many as expected came. */
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
        const rmq_message *message = rmq_batch_at(batch, i);
        const char *key = rmq_message_keys(message, NULL);
        const char *price = rmq_message_property(message, "price", NULL);
        printf("%s key %s price %s\n", rmq_message_topic(message, NULL), key ? key : "-", price ? price : "-");
    }
    atomic_fetch_add(&consumed, (long)count);
    return RMQ_CONSUME_SUCCESS;
}

/* Members of one group that subscribe differently lose messages: the library sees it and says so here. */
static void on_event(rmq_consumer *consumer, const rmq_event *event, void *userdata)
{
    (void)consumer, (void)userdata;
    fprintf(stderr, "%s\n", rmq_event_text(event));
}

/* The pattern for topics whose name begins with `topic` and a dash. A dash has no meaning outside of brackets. */
static rmq_code subscribe_family(rmq_consumer *consumer, const char *topic)
{
    char pattern[160];
    snprintf(pattern, sizeof pattern, "%s-.*", topic);
    return rmq_consumer_subscribe_pattern(consumer, pattern, "TAG", "*");
}

static rmq_consumer *make(const char *group, const char *topic, const char *condition, const char *keys)
{
    char error[256];
    rmq_consumer *consumer = NULL;
    rmq_config *config = rmq_config_new();
    if (rmq_config_set(config, "consumer.group", group, error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "consume.from", "first_offset", error, sizeof error) != RMQ_OK ||
        (consumer = rmq_consumer_new(config, error, sizeof error)) == NULL)
        fprintf(stderr, "%s\n", error);
    rmq_config_destroy(config);
    if (consumer == NULL)
        return NULL;
    /* A condition that the broker cannot read, or a broker that does not filter by SQL92, fails the start. */
    if (rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL) != RMQ_OK ||
        rmq_consumer_set_event_callback(consumer, RMQ_EVENT_ERROR | RMQ_EVENT_WARNING, on_event, NULL, NULL) !=
            RMQ_OK ||
        rmq_consumer_subscribe_selector(consumer, topic, "SQL92", condition) != RMQ_OK ||
        rmq_consumer_filter_regex(consumer, topic, "keys", keys) != RMQ_OK ||
        subscribe_family(consumer, topic) != RMQ_OK || rmq_consumer_start(consumer) != RMQ_OK) {
        fprintf(stderr, "%s\n", rmq_last_error_message());
        rmq_consumer_destroy(consumer);
        return NULL;
    }
    return consumer;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {0, 10 * 1000 * 1000};
    long expected = argc > 5 ? strtol(argv[5], NULL, 10) : 1;
    time_t end = time(NULL) + (argc > 6 ? strtol(argv[6], NULL, 10) : 60);
    char subscriptions[4096];
    rmq_consumer *consumer;
    if (argc < 5) {
        fprintf(stderr, "usage: NAMESRV_ADDR=host:port selectors <group> <topic> <condition> <keys> [messages] [seconds]\n");
        return 2;
    }
    if ((consumer = make(argv[1], argv[2], argv[3], argv[4])) == NULL)
        return 2;
    while (atomic_load(&consumed) < expected && time(NULL) < end)
        nanosleep(&pause, NULL);
    if (rmq_consumer_subscriptions_json(consumer, subscriptions, sizeof subscriptions, NULL) == RMQ_OK)
        printf("subscribed: %s\n", subscriptions);
    if (rmq_consumer_destroy(consumer) != RMQ_OK)
        fprintf(stderr, "%s\n", rmq_last_error_message());
    printf("%ld messages\n", atomic_load(&consumed));
    return atomic_load(&consumed) == expected ? 0 : 1;
}
