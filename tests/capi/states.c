/* A consumer that is never started: its states, what is refused, what belongs to which thread. */
#include "check.h"

#include <pthread.h>

static int32_t consume(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)batch, (void)context, (void)userdata;
    return RMQ_CONSUME_SUCCESS;
}

static void *fails_elsewhere(void *consumer)
{
    CHECK(rmq_last_error_code() == RMQ_OK && *rmq_last_error_message() == '\0');
    CHECK(rmq_consumer_unsubscribe(consumer, NULL) == RMQ_E_INVALID_ARG);
    return NULL;
}

int main(void)
{
    char text[64];
    size_t needed;
    pthread_t thread;
    const char *before = rmq_last_error_message();
    rmq_consumer *consumer = minimal_consumer();

    CHECK(rmq_consumer_state(consumer) == RMQ_STATE_CREATED && !rmq_consumer_is_started(consumer));
    CHECK(strchr(rmq_consumer_client_id(consumer), '@') != NULL);
    CHECK(rmq_consumer_client_id(consumer) == rmq_consumer_client_id(consumer));
    WORKS(rmq_consumer_last_error(consumer, text, sizeof text, &needed));
    CHECK(*text == '\0' && needed == 1);
    CHECK(rmq_consumer_last_error(consumer, text, 0, &needed) == RMQ_E_BUFFER_TOO_SMALL);
    WORKS(rmq_consumer_assignment_json(consumer, NULL, 0, &needed));
    WORKS(rmq_consumer_stats_json(consumer, NULL, 0, &needed));
    CHECK(needed > 1);

    WORKS(rmq_consumer_subscribe(consumer, "TopicTest", "TagA || TagB"));
    FAILS(RMQ_E_INVALID_ARG, "topic is not UTF-8 from byte 1 on", rmq_consumer_subscribe(consumer, BAD_UTF8, "*"));
    FAILS(RMQ_E_INVALID_ARG, "expression is not UTF-8 from byte 1 on",
          rmq_consumer_subscribe(consumer, "TopicTest", BAD_UTF8));
    CHECK(rmq_consumer_subscribe(consumer, "", "*") == RMQ_E_INVALID_ARG);
    WORKS(rmq_consumer_unsubscribe(consumer, "TopicTest"));
    WORKS(rmq_consumer_unsubscribe(consumer, "never subscribed"));
    WORKS(rmq_consumer_set_message_callback(consumer, consume, NULL, NULL));

    /* The text of a failure is the thread's own, and its address stays. */
    CHECK(rmq_consumer_shutdown(consumer, -7) == RMQ_E_INVALID_ARG);
    CHECK(pthread_create(&thread, NULL, fails_elsewhere, consumer) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(strcmp(rmq_last_error_message(), "timeout_ms is -7: allowed is -1 and more") == 0);
    CHECK(rmq_last_error_message() == before);

    /* Stopped is final, and stopping twice is no failure. */
    WORKS(rmq_consumer_shutdown(consumer, 1000));
    CHECK(rmq_consumer_state(consumer) == RMQ_STATE_STOPPED);
    WORKS(rmq_consumer_shutdown(consumer, 0));
    CHECK(rmq_consumer_start(consumer) == RMQ_E_STATE);
    CHECK(rmq_consumer_set_message_callback(consumer, consume, NULL, NULL) == RMQ_E_STATE);
    WORKS(rmq_consumer_destroy(consumer));
    return 0;
}
