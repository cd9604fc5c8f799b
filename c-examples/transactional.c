/* Consumes the messages of committed transactions and shows the transaction of each.
 *
 *   transactional <group> <topic> [messages] [seconds]
 *
 * Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. The exit code is 0 when as many messages as
 * asked for, 10 unless given, came in time, 60 seconds unless given. */
#define _POSIX_C_SOURCE 200809L

#include <rmq.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static atomic_long consumed;

/* Brokers hand out a message of a transaction only when its producer has committed: there is nothing to check. */
static void show(const rmq_message *message)
{
    const char *transaction = rmq_message_transaction_id(message, NULL), *key = rmq_message_keys(message, NULL);
    const char *producer = rmq_message_property(message, "PGROUP", NULL);
    const char *asked = rmq_message_property(message, "TRANSACTION_CHECK_TIMES", NULL);
    printf("%s %s ", rmq_message_topic(message, NULL), key ? key : "-");
    if (transaction == NULL)
        printf("no transaction\n");
    else
        printf("transaction %s of %s, its producer was asked %s times\n", transaction, producer ? producer : "?",
               asked ? asked : "0");
}

/* Runs on threads of the library, several at once. */
static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    size_t i, count = rmq_batch_count(batch);
    (void)consumer, (void)context, (void)userdata;
    for (i = 0; i < count; i++)
        show(rmq_batch_at(batch, i));
    atomic_fetch_add(&consumed, (long)count);
    return RMQ_CONSUME_SUCCESS;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {0, 10 * 1000 * 1000};
    long expected = argc > 3 ? strtol(argv[3], NULL, 10) : 10, seconds = argc > 4 ? strtol(argv[4], NULL, 10) : 60;
    time_t end = time(NULL) + seconds;
    char error[256];
    rmq_config *config;
    rmq_consumer *consumer;
    if (argc < 3) {
        fprintf(stderr, "usage: NAMESRV_ADDR=host:port transactional <group> <topic> [messages] [seconds]\n");
        return 2;
    }
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
        rmq_consumer_subscribe(consumer, argv[2], "*") != RMQ_OK || rmq_consumer_start(consumer) != RMQ_OK) {
        fprintf(stderr, "%s\n", rmq_last_error_message());
        rmq_consumer_destroy(consumer);
        return 2;
    }
    while (atomic_load(&consumed) < expected && time(NULL) < end)
        nanosleep(&pause, NULL);
    if (rmq_consumer_destroy(consumer) != RMQ_OK)
        fprintf(stderr, "%s\n", rmq_last_error_message());
    printf("%ld messages\n", atomic_load(&consumed));
    return atomic_load(&consumed) >= expected ? 0 : 1;
}
