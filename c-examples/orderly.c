/* Consumes a topic in order: one message of a queue at a time. Every tenth message is not ready at its first try, so its
 * queue rests for a moment; the other queues go on.
 *
 *   orderly <group> <topic> <messages> [manual]
 *
 * Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. With "manual" nothing is committed by
 * itself: the callback does it after every tenth message, and what came after the last commit is delivered again to
 * whoever has the queue next. The exit code is 0 when all messages came, each queue's in order. */
#define _POSIX_C_SOURCE 200809L

#include <rmq.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVERY 10
#define QUEUES 1024

static atomic_long consumed, suspends, commits, disorders;
static int by_hand;

/* The next offset of each queue. A queue is in one callback at a time, so its entry needs no lock. */
static int64_t next_offset[QUEUES];

static void on_log(int32_t level, const char *target, const char *message, void *userdata)
{
    (void)userdata;
    fprintf(stderr, "[%s] %s: %s\n", level <= RMQ_LOG_ERROR ? "error" : "warning", target, message);
}

/* Runs on threads of the library: several at once, but never two for one queue. */
static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    /* consume.batch.size is 1. */
    const rmq_message *message = rmq_batch_at(batch, 0);
    int64_t offset = rmq_message_queue_offset(message);
    int32_t queue = rmq_batch_queue_id(batch) % QUEUES;
    (void)consumer, (void)userdata;
    if (offset % EVERY == EVERY / 2 && rmq_message_reconsume_times(message) == 0) {
        atomic_fetch_add(&suspends, 1);
        rmq_context_set_suspend_ms(context, 50); /* instead of suspend.queue.ms */
        return RMQ_CONSUME_SUSPEND;
    }
    if (offset < next_offset[queue])
        atomic_fetch_add(&disorders, 1);
    next_offset[queue] = offset + 1;
    atomic_fetch_add(&consumed, 1);
    if (by_hand && offset % EVERY == EVERY - 1) {
        atomic_fetch_add(&commits, 1);
        return RMQ_CONSUME_COMMIT; /* this message and all since the last commit */
    }
    return RMQ_CONSUME_SUCCESS;
}

static rmq_consumer *start(const char *group, const char *topic)
{
    char error[256] = "";
    rmq_consumer *consumer = NULL;
    rmq_config *config = rmq_config_new();
    rmq_config_set_log_callback(config, on_log, NULL, NULL);
    if (rmq_config_set(config, "consumer.group", group, error, sizeof error) == RMQ_OK &&
        rmq_config_set(config, "consume.mode", "orderly", error, sizeof error) == RMQ_OK &&
        rmq_config_set(config, "orderly.auto.commit", by_hand ? "false" : "true", error, sizeof error) == RMQ_OK &&
        rmq_config_set(config, "consume.from", "first_offset", error, sizeof error) == RMQ_OK)
        consumer = rmq_consumer_new(config, error, sizeof error);
    rmq_config_destroy(config);
    if (consumer == NULL) {
        fprintf(stderr, "%s\n", error);
        return NULL;
    }
    if (rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL) != RMQ_OK ||
        rmq_consumer_subscribe(consumer, topic, "*") != RMQ_OK || rmq_consumer_start(consumer) != RMQ_OK) {
        fprintf(stderr, "%s\n", rmq_last_error_message());
        rmq_consumer_destroy(consumer);
        return NULL;
    }
    return consumer;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {0, 10 * 1000 * 1000};
    rmq_consumer *consumer;
    long expected, ticks;
    if (argc < 4) {
        fprintf(stderr, "usage: NAMESRV_ADDR=host:port orderly <group> <topic> <messages> [manual]\n");
        return 2;
    }
    expected = strtol(argv[3], NULL, 10);
    by_hand = argc > 4 && strcmp(argv[4], "manual") == 0;
    consumer = start(argv[1], argv[2]);
    if (consumer == NULL)
        return 2;
    for (ticks = 0; ticks < 60 * 100 && atomic_load(&consumed) < expected; ticks++)
        nanosleep(&pause, NULL);
    /* Waits for the running callbacks, commits, and gives the locks back. */
    if (rmq_consumer_destroy(consumer) != RMQ_OK)
        fprintf(stderr, "%s\n", rmq_last_error_message());
    printf("%ld messages %s, %ld suspends, %ld commits\n", atomic_load(&consumed),
           atomic_load(&disorders) == 0 ? "in order" : "out of order", atomic_load(&suspends), atomic_load(&commits));
    return atomic_load(&consumed) >= expected && atomic_load(&disorders) == 0 ? 0 : 1;
}
