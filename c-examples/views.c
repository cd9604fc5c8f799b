/* Prints messages by their views: one call for a whole batch.
 *
 *     NAMESRV_ADDR=127.0.0.1:9876 ./views GROUP TOPIC COUNT
 *
 * It ends after COUNT messages. Languages in which each call into C costs gain most by views. */
#include <rmq.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 32

static void print(const rmq_batch *batch)
{
    /* The pointers in it live as long as the batch; the texts have no NUL behind them. */
    rmq_message_view views[MOST];
    size_t i, count = rmq_batch_views(batch, views, sizeof views[0], MOST);
    for (i = 0; i < count; i++) {
        const rmq_message_view *view = &views[i];
        printf("%.*s queue %d offset %lld", (int)view->topic_len, view->topic, (int)view->queue_id,
               (long long)view->queue_offset);
        if (view->tags != NULL)
            printf(" tag %.*s", (int)view->tags_len, view->tags);
        printf(": %.*s\n", (int)view->body_len, (const char *)view->body);
    }
}

static int consume(rmq_consumer *consumer, size_t wanted)
{
    rmq_batch *batch;
    size_t seen = 0;
    while (seen < wanted) {
        size_t left = wanted - seen;
        rmq_code code = rmq_consumer_poll(consumer, left < MOST ? left : MOST, -1, &batch);
        if (code != RMQ_OK)
            return code;
        print(batch);
        seen += rmq_batch_count(batch);
        code = rmq_batch_ack(batch);
        rmq_batch_destroy(batch);
        if (code != RMQ_OK)
            return code;
    }
    return RMQ_OK;
}

int main(int argc, char **argv)
{
    rmq_config *config = rmq_config_new();
    rmq_consumer *consumer = NULL;
    rmq_code code = RMQ_E_INVALID_ARG;
    if (argc != 4) {
        fprintf(stderr, "usage: %s GROUP TOPIC COUNT\n", argv[0]);
        rmq_config_destroy(config);
        return 2;
    }
    if (rmq_config_set_group(config, argv[1]) == RMQ_OK &&
        rmq_config_set(config, "consume.from", "first_offset", NULL, 0) == RMQ_OK)
        consumer = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    if (consumer != NULL && rmq_consumer_subscribe(consumer, argv[2], "*") == RMQ_OK &&
        rmq_consumer_start(consumer) == RMQ_OK)
        code = consume(consumer, strtoul(argv[3], NULL, 10));
    if (code != RMQ_OK)
        fprintf(stderr, "%s\n", rmq_last_error_message());
    return rmq_consumer_destroy(consumer) != RMQ_OK || code != RMQ_OK;
}
