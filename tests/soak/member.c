/* A member of a group that writes down each delivery before it answers for it.
 *
 *   member NAMESRV GROUP TOPIC push|orderly|poll
 *
 * A line a delivery: QUEUE OFFSET KEY ok|fail NANOSECONDS, QUEUE is - for one by the retry topic. Each hundred-and-first
 * message fails the first time. Ends with 0 at SIGTERM. */
#define _POSIX_C_SOURCE 200809L

#include <rmq.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;
static const char *topic;
static int ordered;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void fail(const char *text)
{
    fprintf(stderr, "%s\n", text);
    exit(2);
}

/* Writes the line at once: whoever is killed afterwards has not answered yet. Tells whether the message is to fail. */
static int take(const rmq_message *message)
{
    char line[256];
    const char *key = rmq_message_keys(message, NULL);
    int again = strcmp(rmq_message_stored_topic(message, NULL), topic) != 0;
    long long offset = (long long)rmq_message_queue_offset(message);
    int fails = !again && rmq_message_reconsume_times(message) == 0 && offset % 101 == 100, len;
    struct timespec now;
    char queue[16] = "-";
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!again)
        snprintf(queue, sizeof queue, "%d", (int)rmq_message_queue_id(message));
    len = snprintf(line, sizeof line, "%s %lld %s %s %lld\n", queue, offset, key ? key : "-", fails ? "fail" : "ok",
                   (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    if (write(STDOUT_FILENO, line, (size_t)len) != len)
        fail("cannot write");
    return fails;
}

/* One message a call, as by default. */
static int32_t on_message(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)userdata;
    if (!take(rmq_batch_at(batch, 0)))
        return RMQ_CONSUME_SUCCESS;
    if (ordered)
        rmq_context_set_suspend_ms(context, 20);
    else
        rmq_context_set_delay_level(context, 1);
    return RMQ_RECONSUME_LATER;
}

static void poll_until_stopped(rmq_consumer *consumer)
{
    while (!stopped) {
        rmq_batch *batch = NULL;
        rmq_code code = rmq_consumer_poll(consumer, 32, 100, &batch);
        size_t i;
        if (code == RMQ_E_TIMEOUT)
            continue;
        if (code != RMQ_OK)
            fail(rmq_last_error_message());
        for (i = 0; i < rmq_batch_count(batch); i++)
            if (take(rmq_batch_at(batch, i)))
                rmq_batch_retry_at(batch, i, 1);
        rmq_batch_ack(batch);
        rmq_batch_destroy(batch);
    }
}

int main(int argc, char **argv)
{
    const struct timespec tick = {0, 50 * 1000 * 1000};
    char error[512];
    rmq_config *config = rmq_config_new();
    rmq_consumer *consumer;
    int polls;
    if (argc != 5)
        fail("usage: member NAMESRV GROUP TOPIC push|orderly|poll");
    topic = argv[3];
    ordered = strcmp(argv[4], "orderly") == 0;
    polls = strcmp(argv[4], "poll") == 0;
    signal(SIGTERM, on_signal);
    if (rmq_config_set(config, "namesrv.addr", argv[1], error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "consumer.group", argv[2], error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "consume.from", "first_offset", error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "start.timeout.ms", "0", error, sizeof error) != RMQ_OK ||
        (ordered && rmq_config_set(config, "consume.mode", "orderly", error, sizeof error) != RMQ_OK) ||
        (consumer = rmq_consumer_new(config, error, sizeof error)) == NULL)
        fail(error);
    rmq_config_destroy(config);
    if ((!polls && rmq_consumer_set_message_callback(consumer, on_message, NULL, NULL) != RMQ_OK) ||
        rmq_consumer_subscribe(consumer, topic, "*") != RMQ_OK || rmq_consumer_start(consumer) != RMQ_OK)
        fail(rmq_last_error_message());
    if (polls)
        poll_until_stopped(consumer);
    while (!stopped)
        nanosleep(&tick, NULL);
    if (rmq_consumer_destroy(consumer) != RMQ_OK)
        fail(rmq_last_error_message());
    return 0;
}
