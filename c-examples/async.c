/* A callback that only hands over: it retains its messages, answers RMQ_CONSUME_DEFERRED, and threads of the program
 * settle them later, in whatever order they get done.
 *
 *   async <group> <topic> <messages>
 *
 * Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. */
#include <rmq.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 4
/* More are never kept: the property unsettled.max, beyond which the library hands out no more. */
#define ROOM 256

/* Batches on their way from the callback to the threads. A callback that runs may bring one more than the bound. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    rmq_batch *batches[ROOM + 64];
    size_t count;
    long settled, wanted;
} work = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    int32_t answer = RMQ_RECONSUME_LATER;
    (void)consumer, (void)context, (void)userdata;
    pthread_mutex_lock(&work.lock);
    /* At the end nobody would settle it. */
    if (work.settled < work.wanted && (work.batches[work.count] = rmq_batch_retain(batch)) != NULL) {
        work.count++;
        pthread_cond_signal(&work.changed);
        answer = RMQ_CONSUME_DEFERRED;
    }
    pthread_mutex_unlock(&work.lock);
    return answer;
}

static int handle(const rmq_message *message)
{
    const char *key = rmq_message_keys(message, NULL);
    printf("%s\n", key ? key : rmq_message_msg_id(message, NULL));
    return 1;
}

static void *settle(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&work.lock);
    for (;;) {
        rmq_batch *batch;
        rmq_code code;
        while (work.count == 0 && work.settled < work.wanted)
            pthread_cond_wait(&work.changed, &work.lock);
        if (work.count == 0)
            break;
        batch = work.batches[--work.count];
        pthread_mutex_unlock(&work.lock);

        /* consume.batch.size is 1, so each batch is one message. */
        code = handle(rmq_batch_at(batch, 0)) ? rmq_batch_ack(batch) : rmq_batch_retry(batch, 0);
        if (code != RMQ_OK) /* it took too long, or the queue is another member's now: it comes again */
            fprintf(stderr, "%s\n", rmq_last_error_message());
        rmq_batch_destroy(batch);

        pthread_mutex_lock(&work.lock);
        work.settled++;
        if (work.settled >= work.wanted)
            pthread_cond_broadcast(&work.changed);
    }
    pthread_mutex_unlock(&work.lock);
    return NULL;
}

int main(int argc, char **argv)
{
    char error[256], room[16];
    pthread_t threads[THREADS];
    rmq_config *config;
    rmq_consumer *consumer;
    int i;
    if (argc < 3) {
        fprintf(stderr, "usage: NAMESRV_ADDR=host:port async <group> <topic> <messages>\n");
        return 2;
    }
    work.wanted = argc > 3 ? strtol(argv[3], NULL, 10) : 1;
    snprintf(room, sizeof room, "%d", ROOM);
    config = rmq_config_new();
    if (rmq_config_set(config, "consumer.group", argv[1], error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "consume.from", "first_offset", error, sizeof error) != RMQ_OK ||
        rmq_config_set(config, "unsettled.max", room, error, sizeof error) != RMQ_OK ||
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
    for (i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, settle, NULL) != 0)
            return 2;
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    /* Every batch is settled by now, so this does not wait. */
    if (rmq_consumer_destroy(consumer) != RMQ_OK)
        fprintf(stderr, "%s\n", rmq_last_error_message());
    printf("%ld settled\n", work.settled);
    return work.settled >= work.wanted ? 0 : 1;
}
