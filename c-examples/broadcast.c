/* Gets every message of a topic, and so does each instance of it: for caches, switches, anything that each process
 * keeps for itself. It remembers where it stopped, and goes on there when it is started again.
 *
 *   broadcast <group> <topic> [instance] [messages] [seconds]
 *
 * Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. Give each instance on one machine a name of
 * its own. With messages = 0 it runs until Ctrl-C. Messages with the tag "bad" fail on purpose. */
#define _POSIX_C_SOURCE 200809L

#include <rmq.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static atomic_long consumed;
static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* Runs on threads of the library, several at once. */
static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    const rmq_message *message = rmq_batch_at(batch, 0);
    const char *tag = rmq_message_tags(message, NULL);
    size_t len;
    const uint8_t *body = rmq_message_body(message, &len);
    (void)consumer, (void)context, (void)userdata;
    printf("queue %d offset %lld: %.*s\n", (int)rmq_message_queue_id(message),
           (long long)rmq_message_queue_offset(message), len > 60 ? 60 : (int)len, (const char *)body);
    atomic_fetch_add(&consumed, 1);
    /* In broadcasting it does not come again: who wants another try makes it here. */
    return tag != NULL && strcmp(tag, "bad") == 0 ? RMQ_RECONSUME_LATER : RMQ_CONSUME_SUCCESS;
}

/* Failed messages, and offsets that cannot be read or saved, are told here; one event at a time. */
static void on_event(rmq_consumer *consumer, const rmq_event *event, void *userdata)
{
    (void)consumer, (void)userdata;
    fprintf(stderr, "%s: %s\n", rmq_event_kind(event) == RMQ_EVENT_WARNING ? "warning" : "error",
            rmq_event_text(event));
}

/* The consumer, set up and not started; NULL after an error that was printed. */
static rmq_consumer *set_up(const char *group, const char *topic, const char *instance)
{
    char error[256];
    rmq_consumer *consumer = NULL;
    rmq_config *config = rmq_config_new();
    if (rmq_config_set(config, "consumer.group", group, error, sizeof error) == RMQ_OK &&
        rmq_config_set(config, "message.model", "broadcasting", error, sizeof error) == RMQ_OK &&
        rmq_config_set(config, "instance.name", instance, error, sizeof error) == RMQ_OK &&
        rmq_config_set(config, "consume.from", "first_offset", error, sizeof error) == RMQ_OK)
        consumer = rmq_consumer_new(config, error, sizeof error);
    rmq_config_destroy(config);
    if (consumer == NULL) {
        fprintf(stderr, "%s\n", error);
        return NULL;
    }
    if (rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL) != RMQ_OK ||
        rmq_consumer_set_event_callback(consumer, RMQ_EVENT_WARNING | RMQ_EVENT_ERROR, on_event, NULL, NULL) != RMQ_OK ||
        rmq_consumer_subscribe(consumer, topic, "*") != RMQ_OK) {
        fprintf(stderr, "%s\n", rmq_last_error_message());
        rmq_consumer_destroy(consumer);
        return NULL;
    }
    return consumer;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {0, 10 * 1000 * 1000};
    const char *instance = argc > 3 ? argv[3] : "DEFAULT";
    long expected = argc > 4 ? strtol(argv[4], NULL, 10) : 0;
    time_t end = time(NULL) + (argc > 5 ? strtol(argv[5], NULL, 10) : 60);
    rmq_consumer *consumer;
    if (argc < 3) {
        fprintf(stderr, "usage: NAMESRV_ADDR=host:port broadcast <group> <topic> [instance] [messages] [seconds]\n");
        return 2;
    }
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    consumer = set_up(argv[1], argv[2], instance);
    if (consumer == NULL)
        return 2;
    if (rmq_consumer_start(consumer) != RMQ_OK) { /* RMQ_E_DUPLICATE_CLIENT: the instance runs already */
        fprintf(stderr, "%s\n", rmq_last_error_message());
        rmq_consumer_destroy(consumer);
        return 2;
    }
    while (!interrupted && (expected == 0 || (atomic_load(&consumed) < expected && time(NULL) < end)))
        nanosleep(&pause, NULL);
    if (rmq_consumer_destroy(consumer) != RMQ_OK) /* saves the offsets */
        fprintf(stderr, "%s\n", rmq_last_error_message());
    printf("%ld messages\n", atomic_load(&consumed));
    return atomic_load(&consumed) >= expected ? 0 : 1;
}
