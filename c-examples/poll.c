/* Takes messages when it wants them: a loop of polls, each batch settled when it is done.
 *
 *   poll <group> <topic> [messages]
 *
 * Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. Ends after that many messages; with 0, which
 * is the default, at Ctrl-C. A message without a body is delivered again, once, and then goes to the dead letters. */
#define _POSIX_C_SOURCE 200809L

#include <rmq.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the poll that waits. A signal handler may not do that, but a thread that waits for the signal may. */
static void *wait_for_the_end(void *consumer)
{
    sigset_t ending;
    int signal;
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    if (sigwait(&ending, &signal) == 0)
        rmq_consumer_wakeup(consumer);
    return NULL;
}

static int handle(const rmq_message *message)
{
    size_t len;
    const uint8_t *body = rmq_message_body(message, &len);
    if (len == 0)
        return 0;
    printf("queue %d offset %lld: %.*s\n", (int)rmq_message_queue_id(message),
           (long long)rmq_message_queue_offset(message), (int)len, (const char *)body);
    return 1;
}

static long settle(const rmq_batch *batch)
{
    size_t i, count = rmq_batch_count(batch);
    for (i = 0; i < count; i++) {
        const rmq_message *message = rmq_batch_at(batch, i);
        rmq_code code;
        if (handle(message))
            code = rmq_batch_ack_at(batch, i);
        else /* soon again, at delay level 1; the second time it is hopeless */
            code = rmq_batch_retry_at(batch, i, rmq_message_reconsume_times(message) == 0 ? 1 : -1);
        if (code != RMQ_OK) /* it took too long, or the queue is another member's now: it comes again */
            fprintf(stderr, "%s\n", rmq_last_error_message());
    }
    return (long)count;
}

static rmq_consumer *start(const char *group, const char *topic)
{
    char error[256];
    rmq_consumer *consumer;
    rmq_config *config = rmq_config_new();
    if (rmq_config_set(config, "consumer.group", group, error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "consume.from", "first_offset", error, sizeof error) != RMQ_OK ||
        (consumer = rmq_consumer_new(config, error, sizeof error)) == NULL) {
        fprintf(stderr, "%s\n", error);
        rmq_config_destroy(config);
        return NULL;
    }
    rmq_config_destroy(config);
    /* Without a message callback the messages wait for rmq_consumer_poll. */
    if (rmq_consumer_subscribe(consumer, topic, "*") != RMQ_OK || rmq_consumer_start(consumer) != RMQ_OK) {
        fprintf(stderr, "%s\n", rmq_last_error_message());
        rmq_consumer_destroy(consumer);
        return NULL;
    }
    return consumer;
}

int main(int argc, char **argv)
{
    long wanted = argc > 3 ? strtol(argv[3], NULL, 10) : 0, seen = 0;
    rmq_consumer *consumer;
    rmq_batch *batch;
    rmq_code code = RMQ_OK;
    pthread_t waiter;
    sigset_t ending;
    if (argc < 3) {
        fprintf(stderr, "usage: NAMESRV_ADDR=host:port poll <group> <topic> [messages]\n");
        return 2;
    }
    /* Before the first thread, so that only the one that waits gets the signals. */
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ending, NULL);
    consumer = start(argv[1], argv[2]);
    if (consumer == NULL)
        return 2;
    if (pthread_create(&waiter, NULL, wait_for_the_end, consumer) != 0)
        return 2;
    while ((wanted == 0 || seen < wanted) && (code = rmq_consumer_poll(consumer, 32, -1, &batch)) == RMQ_OK) {
        seen += settle(batch);
        rmq_batch_destroy(batch); /* what is not settled by now would be delivered again */
    }
    if (code != RMQ_OK && code != RMQ_E_WOKEN)
        fprintf(stderr, "%s\n", rmq_last_error_message());
    pthread_kill(waiter, SIGTERM);
    pthread_join(waiter, NULL);
    if (rmq_consumer_destroy(consumer) != RMQ_OK)
        fprintf(stderr, "%s\n", rmq_last_error_message());
    printf("%ld messages\n", seen);
    return code == RMQ_OK || code == RMQ_E_WOKEN ? 0 : 1;
}
