/* Consumes from a broker and holds every promise of the callback contract to its word.
 * delivery <name servers> <group> <topic> <messages> */
#include "check.h"

#include <pthread.h>
#include <unistd.h>

struct host {
    pthread_mutex_t lock;
    long seen;
    int after_shutdown, stopped, freed;
    rmq_consumer *other;
    rmq_message *kept;
    char kept_body[1024], kept_topic[256];
    size_t kept_len;
    const char *topic;
};

static void check_message(const struct host *host, const rmq_batch *batch, const rmq_message *message)
{
    size_t len = 0, needed = 0, i;
    const char *key, *value, *text;
    char *json;
    CHECK(strcmp(rmq_message_topic(message, &len), host->topic) == 0 && len == strlen(host->topic));
    CHECK(strcmp(rmq_message_stored_topic(message, NULL), rmq_batch_topic(batch, NULL)) == 0);
    CHECK(strcmp(rmq_message_broker_name(message, NULL), rmq_batch_broker(batch, NULL)) == 0);
    CHECK(rmq_message_queue_id(message) == rmq_batch_queue_id(batch));
    CHECK(rmq_message_queue_offset(message) >= 0 && rmq_message_commit_log_offset(message) >= 0);
    CHECK(rmq_message_store_size(message) > 0 && rmq_message_reconsume_times(message) >= 0);
    CHECK(rmq_message_msg_id(message, &len) != NULL && len == strlen(rmq_message_msg_id(message, NULL)));
    CHECK(strlen(rmq_message_offset_msg_id(message, NULL)) >= 32);
    CHECK(strchr(rmq_message_born_host(message, NULL), ':') != NULL);
    CHECK(strchr(rmq_message_store_host(message, NULL), ':') != NULL);
    CHECK(rmq_message_body(message, &len) != NULL);
    for (i = 0; i < rmq_message_property_count(message); i++) {
        size_t value_len;
        WORKS(rmq_message_property_at(message, i, &key, &len, &value, &value_len));
        CHECK(strlen(key) == len && strlen(value) == value_len);
        text = rmq_message_property(message, key, &len);
        CHECK(text != NULL && strlen(text) == len);
        WORKS(rmq_message_property_at(message, i, NULL, NULL, NULL, NULL));
    }
    CHECK(rmq_message_property_at(message, i, &key, NULL, NULL, NULL) == RMQ_E_INVALID_ARG);
    CHECK(rmq_message_property(message, "no such property", &len) == NULL && len == 0);
    CHECK(rmq_message_property(message, BAD_UTF8, &len) == NULL);
    CHECK(rmq_message_tags(message, NULL) == rmq_message_property(message, "TAGS", NULL));

    CHECK(rmq_message_to_json(message, NULL, 0, &needed) == RMQ_OK && needed > 2);
    json = malloc(needed);
    CHECK(rmq_message_to_json(message, json, needed - 1, &needed) == RMQ_E_BUFFER_TOO_SMALL && *json == '\0');
    WORKS(rmq_message_to_json(message, json, needed, NULL));
    CHECK(json[0] == '{' && strlen(json) == needed - 1);
    free(json);
}

static void check_refusals(const struct host *host, rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context)
{
    FAILS(RMQ_E_IN_CALLBACK,
          "rmq_consumer_shutdown: not from a callback of the same consumer; do it on another thread",
          rmq_consumer_shutdown(consumer, 0));
    FAILS(RMQ_E_IN_CALLBACK,
          "rmq_consumer_destroy: not from a callback of the same consumer; do it on another thread",
          rmq_consumer_destroy(consumer));
    CHECK(rmq_consumer_set_message_callback(consumer, NULL, NULL, NULL) == RMQ_E_STATE);
    CHECK(rmq_consumer_state(consumer) > 0 && rmq_consumer_client_id(consumer) != NULL);
    /* Another consumer is none of its business. */
    CHECK(rmq_consumer_state(host->other) == RMQ_STATE_CREATED);
    CHECK(rmq_batch_at(batch, rmq_batch_count(batch)) == NULL);
    CHECK(rmq_context_set_ack_index(context, rmq_batch_count(batch)) == RMQ_E_INVALID_ARG);
    WORKS(rmq_context_set_ack_index(context, rmq_batch_count(batch) - 1));
    CHECK(rmq_context_set_delay_level(context, -2) == RMQ_E_INVALID_ARG);
    WORKS(rmq_context_set_delay_level(context, 1));
    CHECK(rmq_context_queue_id(context) == rmq_batch_queue_id(batch));
    CHECK(rmq_context_topic(context, NULL) == rmq_batch_topic(batch, NULL));
    CHECK(rmq_context_broker(context, NULL) == rmq_batch_broker(batch, NULL));
}

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    struct host *host = userdata;
    size_t i, len;
    pthread_mutex_lock(&host->lock);
    host->after_shutdown += host->stopped;
    CHECK(rmq_batch_count(batch) > 0);
    for (i = 0; i < rmq_batch_count(batch); i++)
        check_message(host, batch, rmq_batch_at(batch, i));
    check_refusals(host, consumer, batch, context);
    if (host->kept == NULL) {
        const rmq_message *first = rmq_batch_at(batch, 0);
        const uint8_t *body = rmq_message_body(first, &len);
        CHECK(len < sizeof host->kept_body);
        memcpy(host->kept_body, body, len);
        host->kept_len = len;
        snprintf(host->kept_topic, sizeof host->kept_topic, "%s", rmq_message_topic(first, NULL));
        host->kept = rmq_message_retain(first);
    }
    host->seen += (long)rmq_batch_count(batch);
    pthread_mutex_unlock(&host->lock);
    return RMQ_CONSUME_SUCCESS;
}

static void free_host(void *userdata)
{
    ((struct host *)userdata)->freed++;
}

int main(int argc, char **argv)
{
    struct host host = {.lock = PTHREAD_MUTEX_INITIALIZER};
    rmq_config *config = rmq_config_new();
    rmq_consumer *consumer;
    rmq_message *again;
    long wanted = 0, seen = 0;
    const uint8_t *body;
    int tenths;
    size_t len;
    CHECK(argc == 5);
    host.topic = argv[3];
    wanted = strtol(argv[4], NULL, 10);
    host.other = minimal_consumer();
    WORKS(rmq_config_set_namesrv_addr(config, argv[1]));
    WORKS(rmq_config_set_group(config, argv[2]));
    WORKS(rmq_config_set(config, "consume.from", "first_offset", NULL, 0));
    consumer = rmq_consumer_new(config, NULL, 0);
    CHECK(consumer != NULL);
    rmq_config_destroy(config);
    WORKS(rmq_consumer_set_message_callback(consumer, on_messages, &host, free_host));
    WORKS(rmq_consumer_subscribe(consumer, argv[3], "*"));
    WORKS(rmq_consumer_start(consumer));
    CHECK(rmq_consumer_start(consumer) == RMQ_E_STATE);
    for (tenths = 0; tenths < 300 && seen < wanted; tenths++) {
        usleep(100000);
        pthread_mutex_lock(&host.lock);
        seen = host.seen;
        pthread_mutex_unlock(&host.lock);
    }
    WORKS(rmq_consumer_shutdown(consumer, -1));
    pthread_mutex_lock(&host.lock);
    host.stopped = 1;
    pthread_mutex_unlock(&host.lock);
    CHECK(host.freed == 0);
    WORKS(rmq_consumer_destroy(consumer));
    WORKS(rmq_consumer_destroy(host.other));
    CHECK(host.freed == 1 && host.after_shutdown == 0);

    /* What was kept outlives its batch and its consumer, and can be copied again. */
    CHECK(host.kept != NULL && strcmp(rmq_message_topic(host.kept, NULL), host.kept_topic) == 0);
    again = rmq_message_retain(host.kept);
    rmq_message_release(host.kept);
    body = rmq_message_body(again, &len);
    CHECK(len == host.kept_len && memcmp(body, host.kept_body, len) == 0);
    rmq_message_release(again);
    printf("%ld messages\n", host.seen);
    return host.seen >= wanted ? 0 : 1;
}
