/* What Go calls. A goroutine may go on in another thread after each call, and the text of a failure is its thread's: so
 * a call and its text are one C function here. */
#ifndef GO_RMQ_SHIM_H
#define GO_RMQ_SHIM_H

#include <rmq.h>

#include <stdlib.h>
#include <string.h>

/* INTERIM */
typedef struct {
    const char *topic; size_t topic_len;
    const uint8_t *body; size_t body_len;
    const char *tags; size_t tags_len;
    const char *keys; size_t keys_len;
    const char *msg_id; size_t msg_id_len;
    int64_t queue_offset; int64_t born_timestamp; int64_t store_timestamp;
    int32_t queue_id; int32_t reconsume_times;
} rmq_message_view;
static inline size_t rmq_batch_views(const rmq_batch *batch, rmq_message_view *views, size_t stride, size_t max)
{
    size_t i, count = rmq_batch_count(batch);
    (void)stride;
    for (i = 0; i < count && i < max; i++) {
        const rmq_message *m = rmq_batch_at(batch, i);
        rmq_message_view *v = &views[i];
        v->topic = rmq_message_topic(m, &v->topic_len);
        v->body = rmq_message_body(m, &v->body_len);
        v->tags = rmq_message_tags(m, &v->tags_len);
        v->keys = rmq_message_keys(m, &v->keys_len);
        v->msg_id = rmq_message_msg_id(m, &v->msg_id_len);
        v->queue_offset = rmq_message_queue_offset(m);
        v->born_timestamp = rmq_message_born_timestamp(m);
        v->store_timestamp = rmq_message_store_timestamp(m);
        v->queue_id = rmq_message_queue_id(m);
        v->reconsume_times = rmq_message_reconsume_times(m);
    }
    return i;
}
/* INTERIM END */

/* The text is NULL with RMQ_OK, else to be freed. */
typedef struct {
    rmq_code code;
    char *text;
} outcome;

/* A batch, and views of its messages, with room for max. */
typedef struct {
    rmq_batch *batch;
    size_t count, max;
    rmq_message_view *views;
} polled;

static inline outcome outcome_of(rmq_code code)
{
    outcome outcome = {code, NULL};
    if (code != RMQ_OK)
        outcome.text = strdup(rmq_last_error_message());
    return outcome;
}

static inline outcome shim_set(rmq_config *config, const char *name, const char *value)
{
    return outcome_of(rmq_config_set(config, name, value, NULL, 0));
}

static inline outcome shim_new(const rmq_config *config, rmq_consumer **consumer)
{
    *consumer = rmq_consumer_new(config, NULL, 0);
    return outcome_of(*consumer == NULL ? rmq_last_error_code() : RMQ_OK);
}

static inline outcome shim_subscribe(rmq_consumer *consumer, const char *topic, const char *expression)
{
    return outcome_of(rmq_consumer_subscribe(consumer, topic, expression));
}

static inline outcome shim_start(rmq_consumer *consumer)
{
    return outcome_of(rmq_consumer_start(consumer));
}

static inline outcome shim_destroy(rmq_consumer *consumer)
{
    return outcome_of(rmq_consumer_destroy(consumer));
}

static inline void shim_views(polled *polled)
{
    polled->count = rmq_batch_views(polled->batch, polled->views, sizeof *polled->views, polled->max);
}

/* Everything there is to know of a batch, in one crossing. */
static inline outcome shim_poll(rmq_consumer *consumer, int32_t timeout_ms, polled *polled)
{
    rmq_code code = rmq_consumer_poll(consumer, polled->max, timeout_ms, &polled->batch);
    if (code == RMQ_OK)
        shim_views(polled);
    return outcome_of(code);
}

static inline outcome shim_ack(rmq_batch *batch)
{
    return outcome_of(rmq_batch_ack(batch));
}

static inline outcome shim_ack_at(rmq_batch *batch, size_t index)
{
    return outcome_of(rmq_batch_ack_at(batch, index));
}

static inline outcome shim_retry(rmq_batch *batch, int32_t delay_level)
{
    return outcome_of(rmq_batch_retry(batch, delay_level));
}

static inline outcome shim_retry_at(rmq_batch *batch, size_t index, int32_t delay_level)
{
    return outcome_of(rmq_batch_retry_at(batch, index, delay_level));
}

#endif
