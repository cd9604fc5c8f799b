/* What Go calls. A goroutine may go on in another thread after each call, and the text of a failure is its thread's: so
 * a call and its text are one C function here. */
#ifndef GO_RMQ_SHIM_H
#define GO_RMQ_SHIM_H

#include <rmq.h>

#include <stdlib.h>
#include <string.h>

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
