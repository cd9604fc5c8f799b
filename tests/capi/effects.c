/* Functions whose effect only a broker shows, each seen by what it changes.
 * effects <name servers> <group> <topic of six messages in one queue, tags TagA and TagB in turn> */
#include "check.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES 6
#define IN_TIME 30000

static const char *name_servers, *topic;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static rmq_consumer *make(const char *group, const char *suffix, const char *const *properties)
{
    char name[128];
    rmq_config *config;
    rmq_consumer *consumer;
    snprintf(name, sizeof name, "%s-%s", group, suffix);
    config = member_config(name_servers, name);
    for (; *properties != NULL; properties += 2)
        WORKS(rmq_config_set(config, properties[0], properties[1], NULL, 0));
    consumer = rmq_consumer_new(config, NULL, 0);
    CHECK(consumer != NULL);
    rmq_config_destroy(config);
    return consumer;
}

static const char *const NOTHING[] = {NULL};

/* As brokers compute it: without the sign bit. */
static int32_t crc32_of(const uint8_t *bytes, size_t len)
{
    uint32_t crc = 0xffffffffU;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320U : crc >> 1;
    }
    return (int32_t)(~crc & 0x7fffffffU);
}

static void check_fields(const rmq_message *message)
{
    size_t len;
    const uint8_t *body = rmq_message_body(message, &len);
    int64_t born = rmq_message_born_timestamp(message), stored = rmq_message_store_timestamp(message);
    CHECK(rmq_message_body_crc(message) == crc32_of(body, len));
    CHECK(born > now_ms() - 3600000 && born <= stored + 1000 && stored <= now_ms() + 1000);
    CHECK(rmq_message_flag(message) == 0 && rmq_message_sys_flag(message) == 0);
    CHECK(rmq_message_prepared_transaction_offset(message) == 0);
    CHECK(strncmp(rmq_message_keys(message, NULL), topic, strlen(topic)) == 0);
    CHECK(len == strlen(rmq_message_keys(message, NULL)));
}

/* Polls until nothing comes for a moment after `wanted` messages; answers how many came. */
static size_t poll_all(rmq_consumer *consumer, size_t wanted)
{
    size_t got = 0, i;
    rmq_batch *batch;
    rmq_code code;
    while ((code = rmq_consumer_poll(consumer, 32, got < wanted ? IN_TIME : 100, &batch)) == RMQ_OK) {
        for (i = 0; i < rmq_batch_count(batch); i++)
            check_fields(rmq_batch_at(batch, i));
        got += rmq_batch_count(batch);
        WORKS(rmq_batch_ack(batch));
        rmq_batch_destroy(batch);
    }
    CHECK(code == RMQ_E_TIMEOUT);
    return got;
}

static int json_has(rmq_code (*function)(const rmq_consumer *, char *, size_t, size_t *), const rmq_consumer *consumer,
                    const char *part)
{
    char *json;
    size_t needed;
    int has;
    WORKS(function(consumer, NULL, 0, &needed));
    needed += 4096; /* It may grow meanwhile. */
    json = malloc(needed);
    WORKS(function(consumer, json, needed, NULL));
    has = strstr(json, part) != NULL;
    free(json);
    return has;
}

static void filters(const char *group)
{
    rmq_consumer *consumer = make(group, "filters", NOTHING);
    char owned[128];
    WORKS(rmq_consumer_filter_regex(consumer, topic, "keys", "-[135]$"));
    WORKS(rmq_consumer_filter_regex(consumer, topic, "property:no such", NULL));
    WORKS(rmq_consumer_subscribe_selector(consumer, topic, "tag", "TagB"));
    CHECK(json_has(rmq_consumer_subscriptions_json, consumer, "\"expression\":\"TagB\""));
    WORKS(rmq_consumer_start(consumer));
    CHECK(poll_all(consumer, 3) == 3);
    /* What a broker says of a condition that makes no sense is the answer. */
    CHECK(rmq_consumer_subscribe_selector(consumer, topic, "SQL92", "a = = b") > 0);
    CHECK(rmq_last_error_code() > 0 && *rmq_last_broker_remark() != '\0');
    WORKS(rmq_consumer_destroy(consumer));

    consumer = make(group, "pattern", NOTHING);
    snprintf(owned, sizeof owned, "%.60s.?", topic);
    WORKS(rmq_consumer_subscribe_pattern(consumer, owned, NULL, "TagA"));
    WORKS(rmq_consumer_start(consumer));
    CHECK(poll_all(consumer, MESSAGES / 2) == MESSAGES / 2);
    WORKS(rmq_consumer_unsubscribe_pattern(consumer, owned));
    snprintf(owned, sizeof owned, "\"topic\":\"%s\"", topic);
    CHECK(!json_has(rmq_consumer_subscriptions_json, consumer, owned));
    for (int tries = 0; json_has(rmq_consumer_assignment_json, consumer, owned); tries++) {
        CHECK(tries < 3000);
        usleep(10000);
    }
    WORKS(rmq_consumer_destroy(consumer));
}

static int32_t answer_nonsense(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)batch, (void)context;
    return (*(int *)userdata)++ == 0 ? 42 : RMQ_CONSUME_SUCCESS;
}

/* A bad return value is an event, told apart from the news of queues. */
static void events(const char *group)
{
    rmq_consumer *consumer = make(group, "events", NOTHING);
    rmq_event *event;
    int calls = 0, assigned = 0, told = 0;
    WORKS(rmq_consumer_set_message_callback(consumer, answer_nonsense, &calls, NULL));
    WORKS(rmq_consumer_subscribe(consumer, topic, NULL));
    WORKS(rmq_consumer_start(consumer));
    while (!assigned || !told) {
        WORKS(rmq_consumer_poll_event(consumer, IN_TIME, &event));
        CHECK(*rmq_event_text(event) != '\0' && *rmq_event_json(event) == '{');
        switch (rmq_event_kind(event)) {
        case RMQ_EVENT_ASSIGNED:
            assigned |= strstr(rmq_event_text(event), topic) != NULL;
            CHECK(rmq_event_code(event) == RMQ_OK && rmq_event_level(event) == RMQ_LOG_INFO);
            break;
        case RMQ_EVENT_ERROR:
            told |= strstr(rmq_event_text(event), "returned 42") != NULL;
            CHECK(rmq_event_code(event) != RMQ_OK && rmq_event_level(event) == RMQ_LOG_ERROR);
            break;
        default:
            break;
        }
        rmq_event_destroy(event);
    }
    CHECK(json_has(rmq_consumer_last_error, consumer, "returned 42"));
    CHECK(!json_has(rmq_consumer_fatal_error, consumer, "a"));
    WORKS(rmq_consumer_destroy(consumer));
}

struct order {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t suspended, again;
    int64_t last;
};

/* The first message comes again after its own rest; the fourth commits what was held since the first. */
static int32_t consume_in_order(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    struct order *order = userdata;
    int64_t offset = rmq_message_queue_offset(rmq_batch_at(batch, 0));
    int32_t answer = RMQ_CONSUME_SUCCESS;
    (void)consumer;
    if (strcmp(rmq_batch_topic(batch, NULL), topic) != 0)
        return RMQ_CONSUME_SUCCESS;
    WORKS(rmq_context_set_auto_commit(context, 0));
    pthread_mutex_lock(&order->lock);
    if (offset == 0 && order->suspended == 0) {
        order->suspended = now_ms();
        WORKS(rmq_context_set_suspend_ms(context, 200));
        answer = RMQ_CONSUME_SUSPEND;
    } else {
        if (offset == 0)
            order->again = now_ms();
        if (offset == 3)
            answer = RMQ_CONSUME_COMMIT;
        order->last = offset;
    }
    pthread_cond_broadcast(&order->changed);
    pthread_mutex_unlock(&order->lock);
    return answer;
}

static void orders(const char *group)
{
    /* Its own rest would be longer than the test waits. */
    static const char *const ORDERLY[] = {"consume.mode", "orderly", "suspend.queue.ms", "30000", NULL};
    struct order order = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, -1};
    rmq_consumer *consumer = make(group, "orderly", ORDERLY);
    char committed[64];
    WORKS(rmq_consumer_set_message_callback(consumer, consume_in_order, &order, NULL));
    WORKS(rmq_consumer_subscribe(consumer, topic, NULL));
    WORKS(rmq_consumer_start(consumer));
    pthread_mutex_lock(&order.lock);
    while (order.last < MESSAGES - 1)
        pthread_cond_wait(&order.changed, &order.lock);
    CHECK(order.again - order.suspended >= 200 && order.again - order.suspended < 25000);
    pthread_mutex_unlock(&order.lock);
    WORKS(rmq_consumer_commit(consumer));
    snprintf(committed, sizeof committed, "\"committed\":4,");
    CHECK(json_has(rmq_consumer_assignment_json, consumer, committed));
    WORKS(rmq_consumer_destroy(consumer));
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    name_servers = argv[1];
    topic = argv[3];
    filters(argv[2]);
    events(argv[2]);
    orders(argv[2]);
    return 0;
}
