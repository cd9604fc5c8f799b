/* Two consumers in one process, each with a group and a cluster of its own.
 *
 *   several <name servers> <group> <topic> <name servers> <group> <topic> [messages] [seconds]
 *
 * The two clusters may be the same one. Ends when each consumer got that many messages (10), with the exit code 0, or
 * after that many seconds (60), with 1. */
#define _POSIX_C_SOURCE 200809L

#include <rmq.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What the callbacks of one consumer share: its userdata. */
struct side {
    const char *name;
    atomic_long consumed;
    rmq_consumer *consumer;
};

/* Runs on threads of the consumer it belongs to; the other consumer has threads of its own. */
static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    struct side *side = userdata;
    size_t i, count = rmq_batch_count(batch);
    (void)consumer, (void)context;
    for (i = 0; i < count; i++) {
        const rmq_message *message = rmq_batch_at(batch, i);
        const char *key = rmq_message_keys(message, NULL);
        printf("%s: %s of broker %s, key %s\n", side->name, rmq_message_topic(message, NULL),
               rmq_batch_broker(batch, NULL), key ? key : "-");
    }
    atomic_fetch_add(&side->consumed, (long)count);
    return RMQ_CONSUME_SUCCESS;
}

static void on_log(int32_t level, const char *target, const char *message, void *userdata)
{
    const struct side *side = userdata;
    (void)level;
    fprintf(stderr, "%s: %s: %s\n", side->name, target, message);
}

/* Nothing is shared between consumers: each has its configuration, connections, threads and log. */
static int start(struct side *side, const char *name_servers, const char *group, const char *topic)
{
    char error[256];
    rmq_config *config = rmq_config_new();
    rmq_config_set_log_callback(config, on_log, side, NULL);
    if (rmq_config_set(config, "namesrv.addr", name_servers, error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "consumer.group", group, error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "consume.from", "first_offset", error, sizeof error) != RMQ_OK ||
        (side->consumer = rmq_consumer_new(config, error, sizeof error)) == NULL) {
        fprintf(stderr, "%s: %s\n", side->name, error);
        rmq_config_destroy(config);
        return 0;
    }
    rmq_config_destroy(config);
    if (rmq_consumer_set_message_callback(side->consumer, on_messages, side, NULL) != RMQ_OK ||
        rmq_consumer_subscribe(side->consumer, topic, "*") != RMQ_OK ||
        rmq_consumer_start(side->consumer) != RMQ_OK) {
        fprintf(stderr, "%s: %s\n", side->name, rmq_last_error_message());
        return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    const struct timespec tick = {0, 10 * 1000 * 1000};
    static struct side first = {.name = "first"}, second = {.name = "second"};
    long wanted = argc > 7 ? strtol(argv[7], NULL, 10) : 10, seconds = argc > 8 ? strtol(argv[8], NULL, 10) : 60;
    time_t end;
    int complete = 0;
    if (argc < 7) {
        fprintf(stderr, "usage: several <name servers> <group> <topic> <name servers> <group> <topic> [messages] "
                        "[seconds]\n");
        return 2;
    }
    if (start(&first, argv[1], argv[2], argv[3]) && start(&second, argv[4], argv[5], argv[6])) {
        end = time(NULL) + seconds;
        while (!complete && time(NULL) < end) {
            nanosleep(&tick, NULL);
            complete = atomic_load(&first.consumed) >= wanted && atomic_load(&second.consumed) >= wanted;
        }
    }
    /* Each is stopped by itself, also when only one of them was made; the callbacks have returned then. */
    if (first.consumer)
        rmq_consumer_destroy(first.consumer);
    if (second.consumer)
        rmq_consumer_destroy(second.consumer);
    printf("first %ld, second %ld\n", atomic_load(&first.consumed), atomic_load(&second.consumed));
    return complete ? 0 : 1;
}
