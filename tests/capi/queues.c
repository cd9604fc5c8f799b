/* Controls a queue and looks at the effect of each call.
 * queues <name servers> <group> <topic of one queue> <broker> <messages> */
#include "check.h"

#include <stdatomic.h>
#include <time.h>

static atomic_long consumed;

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    const char *topic = rmq_batch_topic(batch, NULL), *broker = rmq_batch_broker(batch, NULL);
    int64_t position = -1;
    (void)context, (void)userdata;
    /* All of it is allowed from a callback. */
    WORKS(rmq_consumer_position(consumer, topic, broker, rmq_batch_queue_id(batch), &position));
    WORKS(rmq_consumer_commit(consumer));
    CHECK(position > rmq_message_queue_offset(rmq_batch_at(batch, 0)));
    atomic_fetch_add(&consumed, (long)rmq_batch_count(batch));
    return RMQ_CONSUME_SUCCESS;
}

int main(int argc, char **argv)
{
    const struct timespec moment = {0, 1000 * 1000};
    char json[1024];
    int64_t min = -1, max = -1, at = -1, messages;
    const char *topic, *broker;
    rmq_config *config = rmq_config_new();
    rmq_consumer *consumer;
    CHECK(argc == 6);
    topic = argv[3], broker = argv[4], messages = strtoll(argv[5], NULL, 10);
    WORKS(rmq_config_set_namesrv_addr(config, argv[1]));
    WORKS(rmq_config_set_group(config, argv[2]));
    consumer = rmq_consumer_new(config, NULL, 0);
    CHECK(consumer != NULL);
    rmq_config_destroy(config);
    WORKS(rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL));
    snprintf(json, sizeof json, "[{\"topic\": \"%s\"}]", topic);
    WORKS(rmq_consumer_assign(consumer, json));
    FAILS(RMQ_E_STATE, "subscribe: queues were assigned by rmq_consumer_assign, and one consumer does one of both",
          rmq_consumer_subscribe(consumer, topic, NULL));
    WORKS(rmq_consumer_pause(consumer, topic, NULL, -1));
    WORKS(rmq_consumer_start(consumer));

    WORKS(rmq_consumer_watermarks(consumer, topic, broker, 0, &min, &max));
    CHECK(min == 0 && max == messages);
    WORKS(rmq_consumer_seek_end(consumer, topic, broker, 0));
    WORKS(rmq_consumer_position(consumer, topic, broker, 0, &at));
    CHECK(at == max);
    WORKS(rmq_consumer_commit(consumer));
    WORKS(rmq_consumer_committed(consumer, topic, broker, 0, &at));
    CHECK(at == max);
    WORKS(rmq_consumer_seek_begin(consumer, topic, broker, 0));
    WORKS(rmq_consumer_commit_queue(consumer, topic, broker, 0));
    WORKS(rmq_consumer_committed(consumer, topic, broker, 0, &at));
    CHECK(at == 0);
    WORKS(rmq_consumer_seek(consumer, topic, broker, 0, max - 5));
    CHECK(rmq_consumer_seek(consumer, topic, broker, 0, max + 1) == RMQ_E_INVALID_ARG);
    CHECK(strstr(rmq_last_error_message(), ": the queue ") != NULL);
    WORKS(rmq_consumer_position(consumer, topic, broker, 0, &at));
    CHECK(at == max - 5 && atomic_load(&consumed) == 0);
    WORKS(rmq_consumer_seek_timestamp(consumer, topic, broker, 0, 0));
    WORKS(rmq_consumer_position(consumer, topic, broker, 0, &at));
    CHECK(at == 0);
    CHECK(rmq_consumer_position(consumer, topic, broker, 7, &at) == RMQ_E_NOT_ASSIGNED);
    CHECK(rmq_consumer_commit_queue(consumer, topic, broker, 7) == RMQ_E_NOT_ASSIGNED);
    CHECK(rmq_consumer_committed(consumer, topic, broker, 7, &at) == RMQ_E_NO_ROUTE);

    WORKS(rmq_consumer_resume(consumer, NULL, broker, 0));
    while (atomic_load(&consumed) < (long)messages)
        nanosleep(&moment, NULL);
    WORKS(rmq_consumer_assignment_json(consumer, json, sizeof json, NULL));
    CHECK(strstr(json, "\"lag\":") != NULL && strstr(json, "\"paused\":false") != NULL);
    WORKS(rmq_consumer_assign(consumer, "[]"));
    WORKS(rmq_consumer_destroy(consumer));
    return 0;
}
