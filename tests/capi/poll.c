/* Polls and defers, and holds every promise of explicit settlement to its word.
 * poll <name servers> <group> <topic with six messages in one queue> <"fork" or nothing> */
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define IN_TIME 40000

struct host {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    rmq_batch *kept[6];
    int calls;
};

static rmq_consumer *make(const char *name_servers, const char *group)
{
    rmq_config *config = member_config(name_servers, group);
    rmq_consumer *consumer;
    consumer = rmq_consumer_new(config, NULL, 0);
    CHECK(consumer != NULL);
    rmq_config_destroy(config);
    return consumer;
}

static void refuse(rmq_batch *batch)
{
    FAILS(RMQ_E_INVALID_ARG, "index is 3: the batch has 3 messages", rmq_batch_ack_at(batch, 3));
    FAILS(RMQ_E_INVALID_ARG, "index is 3: the batch has 3 messages", rmq_batch_ack_until(batch, 3));
    FAILS(RMQ_E_INVALID_ARG, "delay_level is -2: allowed is -1 and more", rmq_batch_retry(batch, -2));
    FAILS(RMQ_E_INVALID_ARG, "millis is 5: allowed is 10 to 30000, or -1", rmq_batch_suspend(batch, 5));
    FAILS(RMQ_E_STATE, "suspend: consume.mode is concurrent; only an orderly queue can rest",
          rmq_batch_suspend(batch, -1));
    CHECK(rmq_batch_unsettled(batch) == 3);
}

static void fork_and_settle(rmq_batch *batch)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        CHECK(rmq_batch_ack(batch) == RMQ_E_FORKED);
        CHECK(rmq_batch_retain(batch) == NULL && rmq_last_error_code() == RMQ_E_FORKED);
        CHECK(rmq_message_topic(rmq_batch_at(batch, 0), NULL) != NULL);
        rmq_batch_destroy(batch);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A handle that ends settles nothing as long as there is another. */
static void settle_one_by_one(rmq_batch *batch)
{
    rmq_batch *other = rmq_batch_retain(batch);
    WORKS(rmq_batch_ack_at(batch, 1));
    FAILS(RMQ_E_STATE, "ack: settled before, or given back after consume.timeout.ms", rmq_batch_ack_at(other, 1));
    CHECK(rmq_batch_unsettled(other) == 2);
    WORKS(rmq_batch_ack_until(other, 1));
    rmq_batch_destroy(batch);
    CHECK(rmq_batch_unsettled(other) == 1);
    WORKS(rmq_batch_ack(other));
    FAILS(RMQ_E_STATE, "retry: settled before, or given back after consume.timeout.ms", rmq_batch_retry(other, 0));
    CHECK(rmq_batch_unsettled(other) == 0 && rmq_batch_count(other) == 3);
    rmq_batch_destroy(other);
}

/* The three messages of a batch come again, one because it was asked for and two because the batch ended. */
static void abandon(rmq_consumer *consumer, rmq_batch *batch, const char *topic)
{
    size_t i, seen = 0;
    WORKS(rmq_batch_retry_at(batch, 0, 1));
    rmq_batch_destroy(batch);
    while (seen < 3) {
        WORKS(rmq_consumer_poll(consumer, SIZE_MAX, IN_TIME, &batch));
        CHECK(strncmp(rmq_batch_topic(batch, NULL), "%RETRY%", 7) == 0);
        for (i = 0; i < rmq_batch_count(batch); i++) {
            CHECK(rmq_message_reconsume_times(rmq_batch_at(batch, i)) == 1);
            CHECK(strcmp(rmq_message_topic(rmq_batch_at(batch, i), NULL), topic) == 0);
        }
        seen += rmq_batch_count(batch);
        WORKS(rmq_batch_ack(batch));
        rmq_batch_destroy(batch);
    }
    CHECK(seen == 3);
}

static void *poll_until_the_end(void *consumer)
{
    rmq_batch *batch;
    CHECK(rmq_consumer_poll(consumer, 1, -1, &batch) == RMQ_E_CLOSED && batch == NULL);
    return NULL;
}

static void polls(const char *name_servers, const char *group, const char *topic, int forks)
{
    rmq_consumer *consumer = make(name_servers, group);
    rmq_batch *first, *second, *none;
    pthread_t poller;
    FAILS(RMQ_E_STATE, "poll: the consumer is created; start it first", rmq_consumer_poll(consumer, 1, 0, &none));
    WORKS(rmq_consumer_subscribe(consumer, topic, "*"));
    WORKS(rmq_consumer_start(consumer));
    WORKS(rmq_consumer_poll(consumer, 3, IN_TIME, &first));
    WORKS(rmq_consumer_poll(consumer, 3, IN_TIME, &second));
    CHECK(rmq_batch_count(first) == 3 && rmq_batch_count(second) == 3);
    FAILS(RMQ_E_TIMEOUT, "poll: nothing came in time", rmq_consumer_poll(consumer, 1, 0, &none));
    refuse(first);
    if (forks)
        fork_and_settle(first);
    settle_one_by_one(first);
    abandon(consumer, second, topic);

    WORKS(rmq_consumer_wakeup(consumer));
    FAILS(RMQ_E_WOKEN, "poll: a wake-up ended it", rmq_consumer_poll(consumer, 1, -1, &none));
    CHECK(rmq_code_is_retriable(RMQ_E_WOKEN) == 1);
    CHECK(pthread_create(&poller, NULL, poll_until_the_end, consumer) == 0);
    WORKS(rmq_consumer_shutdown(consumer, -1));
    CHECK(pthread_join(poller, NULL) == 0);
    CHECK(rmq_consumer_wakeup(consumer) == RMQ_E_CLOSED);
    WORKS(rmq_consumer_destroy(consumer));
}

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    static const char lent[] = "ack: the batch is lent to a callback, whose answer settles it; retain it first";
    struct host *host = userdata;
    rmq_batch *kept;
    int call;
    (void)context;
    CHECK(rmq_consumer_poll(consumer, 1, 0, &kept) == RMQ_E_STATE && rmq_consumer_wakeup(consumer) == RMQ_E_STATE);
    FAILS(RMQ_E_STATE, lent, rmq_batch_ack(batch));
    CHECK(rmq_batch_unsettled(batch) == 0);
    kept = rmq_batch_retain(batch);
    CHECK(kept != NULL && rmq_batch_unsettled(kept) == 1);
    FAILS(RMQ_E_STATE, lent, rmq_batch_ack(batch));
    pthread_mutex_lock(&host->lock);
    call = host->calls++;
    CHECK(call < 6);
    if (call > 0)
        host->kept[call] = kept;
    pthread_cond_signal(&host->changed);
    pthread_mutex_unlock(&host->lock);
    if (call > 0)
        return RMQ_CONSUME_DEFERRED;
    /* An answer settles what was kept and not settled. */
    rmq_batch_destroy(kept);
    return RMQ_CONSUME_SUCCESS;
}

static void defers(const char *name_servers, const char *group, const char *topic)
{
    struct host host = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    rmq_consumer *consumer = make(name_servers, group);
    int i;
    WORKS(rmq_consumer_set_message_callback(consumer, on_messages, &host, NULL));
    WORKS(rmq_consumer_subscribe(consumer, topic, "*"));
    WORKS(rmq_consumer_start(consumer));
    pthread_mutex_lock(&host.lock);
    while (host.calls < 6)
        pthread_cond_wait(&host.changed, &host.lock);
    pthread_mutex_unlock(&host.lock);
    CHECK(rmq_consumer_shutdown(consumer, 100) == RMQ_E_TIMEOUT);
    CHECK(strstr(rmq_last_error_message(), "5 messages are not settled") != NULL);
    for (i = 5; i > 0; i--)
        WORKS(rmq_batch_ack(host.kept[i]));
    WORKS(rmq_consumer_destroy(consumer));
    /* A batch outlives its consumer: it can be read, and no more. */
    for (i = 1; i < 6; i++) {
        CHECK(strcmp(rmq_message_topic(rmq_batch_at(host.kept[i], 0), NULL), topic) == 0);
        FAILS(RMQ_E_CLOSED, "the consumer of this batch is gone", rmq_batch_ack(host.kept[i]));
        CHECK(rmq_batch_retain(host.kept[i]) == NULL && rmq_last_error_code() == RMQ_E_CLOSED);
        rmq_batch_destroy(host.kept[i]);
    }
}

int main(int argc, char **argv)
{
    char group[64];
    CHECK(argc >= 4);
    polls(argv[1], argv[2], argv[3], argc > 4);
    snprintf(group, sizeof group, "%s-defers", argv[2]);
    defers(argv[1], group, argv[3]);
    return 0;
}
