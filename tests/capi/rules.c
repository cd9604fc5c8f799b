/* What a callback must not do is refused with a code and has no effect; what it may not answer is taken as "later".
 * rules <name servers> <group> <topic> <messages>: one queue */
#include "check.h"

#include <stdatomic.h>
#include <time.h>

static rmq_consumer *consumer;
static const char *group, *topic;
/* How often each callback has seen its refusals, and messages that came again. */
static atomic_long in_message, in_event, in_log, in_allocate, again, reported, after_the_end;
static atomic_int stopped;

#define REFUSED(code, call) CHECK((call) == (code) && rmq_last_error_code() == (code))

static void ends_are_refused(void)
{
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_shutdown(consumer, 0));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_shutdown(consumer, -1));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_wait_stopped(consumer, 0));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_wait_stopped(consumer, -1));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_destroy(consumer));
}

static int32_t on_messages(rmq_consumer *self, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    static const int32_t answers[] = {0, 7, -1254429520, RMQ_CONSUME_COMMIT, RMQ_CONSUME_SUSPEND, RMQ_CONSUME_ROLLBACK,
                                      RMQ_CONSUME_DEFERRED};
    rmq_batch *polled = (rmq_batch *)(void *)&polled;
    long seen;
    (void)userdata;
    CHECK(self == consumer);
    atomic_fetch_add(&after_the_end, atomic_load(&stopped));
    ends_are_refused();
    REFUSED(RMQ_E_STATE, rmq_consumer_start(consumer));
    REFUSED(RMQ_E_STATE, rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL));
    REFUSED(RMQ_E_STATE, rmq_consumer_set_event_callback(consumer, RMQ_EVENT_EVERY, NULL, NULL, NULL));
    REFUSED(RMQ_E_STATE, rmq_consumer_set_allocate_callback(consumer, NULL, NULL, NULL));
    REFUSED(RMQ_E_STATE, rmq_consumer_poll(consumer, 1, 0, &polled));
    CHECK(polled == NULL);
    REFUSED(RMQ_E_STATE, rmq_consumer_wakeup(consumer));
    REFUSED(RMQ_E_STATE, rmq_consumer_assign(consumer, "[]"));
    REFUSED(RMQ_E_STATE, rmq_consumer_set_wakeup_callback(consumer, NULL, NULL, NULL));
    /* A lent batch is settled by the answer. */
    REFUSED(RMQ_E_STATE, rmq_batch_ack(batch));
    REFUSED(RMQ_E_STATE, rmq_batch_ack_until(batch, 0));
    REFUSED(RMQ_E_STATE, rmq_batch_ack_at(batch, 0));
    REFUSED(RMQ_E_STATE, rmq_batch_retry(batch, 0));
    REFUSED(RMQ_E_STATE, rmq_batch_retry_at(batch, 0, 0));
    REFUSED(RMQ_E_STATE, rmq_batch_suspend(batch, -1));
    CHECK(rmq_batch_unsettled(batch) == 0);
    REFUSED(RMQ_E_INVALID_ARG, rmq_context_set_delay_level(context, -2));
    REFUSED(RMQ_E_INVALID_ARG, rmq_context_set_ack_index(context, rmq_batch_count(batch)));
    REFUSED(RMQ_E_INVALID_ARG, rmq_context_set_suspend_ms(context, 9));
    REFUSED(RMQ_E_INVALID_ARG, rmq_context_set_auto_commit(context, 2));
    /* None of it had an effect. */
    CHECK(rmq_consumer_state(consumer) == RMQ_STATE_RUNNING || rmq_consumer_state(consumer) == RMQ_STATE_STARTING ||
          rmq_consumer_state(consumer) == RMQ_STATE_STOPPING);
    seen = atomic_fetch_add(&in_message, 1);
    if (rmq_message_reconsume_times(rmq_batch_at(batch, 0)) > 0) {
        atomic_fetch_add(&again, 1);
        return RMQ_CONSUME_SUCCESS;
    }
    return answers[(size_t)seen % (sizeof answers / sizeof *answers)];
}

static void on_event(rmq_consumer *self, const rmq_event *event, void *userdata)
{
    rmq_event *polled;
    (void)userdata;
    CHECK(self == consumer);
    atomic_fetch_add(&after_the_end, atomic_load(&stopped));
    ends_are_refused();
    REFUSED(RMQ_E_STATE, rmq_consumer_poll_event(consumer, 0, &polled));
    CHECK(polled == NULL);
    if (rmq_event_kind(event) == RMQ_EVENT_ERROR && strstr(rmq_event_text(event), "callback") != NULL)
        atomic_fetch_add(&reported, 1);
    atomic_fetch_add(&in_event, 1);
}

static int32_t on_allocate(rmq_consumer *self, const rmq_allocation *allocation, size_t *taken, size_t *count,
                           void *userdata)
{
    (void)taken, (void)count, (void)userdata;
    CHECK(self == consumer && rmq_allocation_queue_count(allocation) > 0);
    ends_are_refused();
    atomic_fetch_add(&in_allocate, 1);
    return RMQ_ALLOCATE_AVG;
}

static void on_log(int32_t level, const char *target, const char *message, void *userdata)
{
    int64_t offset;
    rmq_batch *batch;
    rmq_event *event;
    (void)level, (void)target, (void)message, (void)userdata;
    if (consumer == NULL)
        return;
    ends_are_refused();
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_poll(consumer, 1, -1, &batch));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_poll_event(consumer, -1, &event));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_assign(consumer, "[]"));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_subscribe_selector(consumer, topic, "SQL92", "a > 1"));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_commit(consumer));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_commit_queue(consumer, topic, "b", 0));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_committed(consumer, topic, "b", 0, &offset));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_position(consumer, topic, "b", 0, &offset));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_watermarks(consumer, topic, "b", 0, &offset, NULL));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_seek(consumer, topic, "b", 0, 0));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_seek_begin(consumer, topic, "b", 0));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_seek_end(consumer, topic, "b", 0));
    REFUSED(RMQ_E_IN_CALLBACK, rmq_consumer_seek_timestamp(consumer, topic, "b", 0, 0));
    atomic_fetch_add(&in_log, 1);
}

int main(int argc, char **argv)
{
    const struct timespec pause = {0, 1000000};
    long wanted;
    int i;
    rmq_config *config;
    CHECK(argc == 5);
    group = argv[2], topic = argv[3], wanted = atol(argv[4]);
    config = member_config(argv[1], group);
    WORKS(rmq_config_set(config, "allocate.strategy", "custom", NULL, 0));
    WORKS(rmq_config_set(config, "log.level", "debug", NULL, 0));
    WORKS(rmq_config_set_log_callback(config, on_log, NULL, NULL));
    consumer = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    CHECK(consumer != NULL);
    WORKS(rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL));
    WORKS(rmq_consumer_set_event_callback(consumer, RMQ_EVENT_EVERY, on_event, NULL, NULL));
    WORKS(rmq_consumer_set_allocate_callback(consumer, on_allocate, NULL, NULL));
    WORKS(rmq_consumer_subscribe(consumer, topic, "*"));
    WORKS(rmq_consumer_start(consumer));
    for (i = 0; i < 30000 && (atomic_load(&again) < wanted || atomic_load(&reported) == 0); i++)
        nanosleep(&pause, NULL);
    WORKS(rmq_consumer_shutdown(consumer, -1));
    atomic_store(&stopped, 1);
    printf("message %ld, event %ld, log %ld, allocate %ld, again %ld, reported %ld\n", atomic_load(&in_message),
           atomic_load(&in_event), atomic_load(&in_log), atomic_load(&in_allocate), atomic_load(&again),
           atomic_load(&reported));
    CHECK(atomic_load(&again) == wanted && atomic_load(&in_message) == 2 * wanted && atomic_load(&reported) > 0);
    CHECK(atomic_load(&in_event) > 0 && atomic_load(&in_log) > 0 && atomic_load(&in_allocate) > 0);
    WORKS(rmq_consumer_shutdown(consumer, 0));
    CHECK(rmq_consumer_start(consumer) == RMQ_E_STATE);
    WORKS(rmq_consumer_destroy(consumer));
    CHECK(atomic_load(&after_the_end) == 0);
    return 0;
}
