/* Divides the queues of a topic in a way of its own: the queues with an even number go to the first half of the members,
 * the odd ones to the second, within each half in turn.
 *
 *   allocate <group> <topic> [messages] [seconds]
 *
 * Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. It ends when as many messages as expected
 * came (0: at once when the queues are assigned), with exit code 0, or when the seconds are over. */
#define _POSIX_C_SOURCE 200809L

#include <rmq.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static atomic_long consumed;
static atomic_int divided;

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)context, (void)userdata;
    atomic_fetch_add(&consumed, (long)rmq_batch_count(batch));
    return RMQ_CONSUME_SUCCESS;
}

/* Every member runs this on the same lists, so it must come to the same division on each: it uses nothing else. */
static int32_t on_allocate(rmq_consumer *consumer, const rmq_allocation *allocation, size_t *taken, size_t *count,
                           void *userdata)
{
    size_t members = rmq_allocation_member_count(allocation), first_half = (members + 1) / 2, queue, turn[2] = {0, 0};
    const char *me = rmq_allocation_client_id(allocation, NULL), *topic = rmq_allocation_topic(allocation, NULL);
    (void)consumer, (void)userdata;
    /* The topic of messages that are delivered again must have an owner too; the usual way is good enough. */
    if (strncmp(topic, "%RETRY%", 7) == 0)
        return RMQ_ALLOCATE_AVG;
    for (queue = 0; queue < rmq_allocation_queue_count(allocation); queue++) {
        int odd = members > 1 && rmq_allocation_queue_id(allocation, queue) % 2;
        size_t owner = odd ? first_half + turn[1]++ % (members - first_half) : turn[0]++ % first_half;
        if (strcmp(rmq_allocation_member_at(allocation, owner, NULL), me) == 0) {
            taken[(*count)++] = queue;
            printf("%s takes %s %s queue %d\n", me, topic, rmq_allocation_queue_broker(allocation, queue, NULL),
                   (int)rmq_allocation_queue_id(allocation, queue));
        }
    }
    fflush(stdout);
    atomic_store(&divided, 1);
    return RMQ_ALLOCATE_SUCCESS;
}

static rmq_consumer *make(const char *group, const char *topic)
{
    char error[256];
    rmq_config *config = rmq_config_new();
    rmq_consumer *consumer = NULL;
    if (rmq_config_set(config, "consumer.group", group, error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "consume.from", "first_offset", error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "allocate.strategy", "custom", error, sizeof error) != RMQ_OK ||
        (consumer = rmq_consumer_new(config, error, sizeof error)) == NULL)
        fprintf(stderr, "%s\n", error);
    rmq_config_destroy(config);
    if (consumer != NULL && (rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL) != RMQ_OK ||
                             rmq_consumer_set_allocate_callback(consumer, on_allocate, NULL, NULL) != RMQ_OK ||
                             rmq_consumer_subscribe(consumer, topic, "*") != RMQ_OK ||
                             rmq_consumer_start(consumer) != RMQ_OK)) {
        fprintf(stderr, "%s\n", rmq_last_error_message());
        rmq_consumer_destroy(consumer);
        return NULL;
    }
    return consumer;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {0, 10 * 1000 * 1000};
    long expected = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    long steps = (argc > 4 ? strtol(argv[4], NULL, 10) : 60) * 100;
    rmq_consumer *consumer;
    if (argc < 3) {
        fprintf(stderr, "usage: NAMESRV_ADDR=host:port allocate <group> <topic> [messages] [seconds]\n");
        return 2;
    }
    if ((consumer = make(argv[1], argv[2])) == NULL)
        return 2;
    while ((atomic_load(&consumed) < expected || !atomic_load(&divided)) && steps-- > 0)
        nanosleep(&pause, NULL);
    /* The shutdown waits for a callback that runs; the division is left to the others. */
    if (rmq_consumer_destroy(consumer) != RMQ_OK)
        fprintf(stderr, "%s\n", rmq_last_error_message());
    printf("%ld messages, %ld expected\n", atomic_load(&consumed), expected);
    return atomic_load(&consumed) >= expected && atomic_load(&divided) ? 0 : 1;
}
