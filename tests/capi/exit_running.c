/* Returns from main while a consumer runs: its callbacks, or threads that poll, are in the middle of it.
 * exit_running <name servers> <group> <topic> push|poll */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static atomic_long consumed;

static void rest(long micros)
{
    const struct timespec pause = {0, micros * 1000};
    nanosleep(&pause, NULL);
}

/* Busy in the library and in the heap, as a callback is, whenever the process ends. */
static void work(const rmq_message *message)
{
    rmq_message *copy = rmq_message_retain(message);
    size_t len;
    char *text = malloc(4096);
    CHECK(copy != NULL && text != NULL && rmq_message_body(copy, &len) != NULL);
    WORKS(rmq_message_to_json(copy, text, 4096, NULL));
    free(text);
    rmq_message_release(copy);
    atomic_fetch_add(&consumed, 1);
}

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)context, (void)userdata;
    work(rmq_batch_at(batch, 0));
    rest(200);
    work(rmq_batch_at(batch, 0));
    return RMQ_CONSUME_SUCCESS;
}

static void on_event(rmq_consumer *consumer, const rmq_event *event, void *userdata)
{
    (void)userdata;
    CHECK(rmq_event_json(event) != NULL && rmq_consumer_state(consumer) > 0);
}

static void *polls(void *consumer)
{
    rmq_batch *batch;
    for (;;)
        if (rmq_consumer_poll(consumer, 1, -1, &batch) == RMQ_OK) {
            work(rmq_batch_at(batch, 0));
            rmq_batch_ack(batch);
            rmq_batch_destroy(batch);
        }
    return NULL;
}

int main(int argc, char **argv)
{
    rmq_config *config = rmq_config_new();
    rmq_consumer *consumer;
    pthread_t thread;
    int i, push;
    CHECK(argc == 5);
    push = strcmp(argv[4], "push") == 0;
    WORKS(rmq_config_set_namesrv_addr(config, argv[1]));
    WORKS(rmq_config_set_group(config, argv[2]));
    WORKS(rmq_config_set(config, "consume.from", "first_offset", NULL, 0));
    WORKS(rmq_config_set(config, "consume.thread.max", "8", NULL, 0));
    consumer = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    CHECK(consumer != NULL);
    if (push)
        WORKS(rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL));
    WORKS(rmq_consumer_set_event_callback(consumer, RMQ_EVENT_EVERY, on_event, NULL, NULL));
    WORKS(rmq_consumer_subscribe(consumer, argv[3], "*"));
    WORKS(rmq_consumer_start(consumer));
    for (i = 0; !push && i < 3; i++)
        CHECK(pthread_create(&thread, NULL, polls, consumer) == 0);
    for (i = 0; atomic_load(&consumed) < 20 && i < 100000; i++)
        rest(100);
    CHECK(atomic_load(&consumed) >= 20);
    return 0;
}
