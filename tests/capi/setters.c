/* What the typed setters of a configuration do to a consumer.
 * setters <name servers> <group> <topic with 40 messages in one queue> <folder> */
#include "check.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES 40

struct host {
    pthread_mutex_t lock;
    size_t seen, largest;
    int running, most;
    int32_t answer;
    const char *instance;
};

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    struct host *host = userdata;
    size_t count = rmq_batch_count(batch);
    (void)consumer, (void)context;
    pthread_mutex_lock(&host->lock);
    if (count > host->largest)
        host->largest = count;
    if (++host->running > host->most)
        host->most = host->running;
    pthread_mutex_unlock(&host->lock);
    usleep(5000);
    pthread_mutex_lock(&host->lock);
    host->running--;
    host->seen += count;
    pthread_mutex_unlock(&host->lock);
    return host->answer;
}

static rmq_config *configure(char **argv, const char *suffix)
{
    rmq_config *config = rmq_config_new();
    char group[64];
    snprintf(group, sizeof group, "%s%s", argv[2], suffix);
    WORKS(rmq_config_set_group(config, group));
    WORKS(rmq_config_set_namesrv_addr(config, argv[1]));
    WORKS(rmq_config_set(config, "consume.from", "first_offset", NULL, 0));
    return config;
}

static rmq_consumer *start(rmq_config *config, const char *topic, struct host *host)
{
    rmq_consumer *consumer = rmq_consumer_new(config, NULL, 0);
    CHECK(consumer != NULL);
    rmq_config_destroy(config);
    WORKS(rmq_consumer_set_message_callback(consumer, on_messages, host, NULL));
    WORKS(rmq_consumer_subscribe(consumer, topic, "*"));
    WORKS(rmq_consumer_start(consumer));
    return consumer;
}

static void await(struct host *host, size_t wanted)
{
    size_t seen = 0;
    int tries;
    for (tries = 0; tries < 40000 && seen < wanted; tries++) {
        usleep(1000);
        pthread_mutex_lock(&host->lock);
        seen = host->seen;
        pthread_mutex_unlock(&host->lock);
    }
    CHECK(seen >= wanted);
}

/* Two threads, and up to five messages for each. */
static void threads_and_batches(char **argv)
{
    struct host host = {.lock = PTHREAD_MUTEX_INITIALIZER, .answer = RMQ_CONSUME_SUCCESS};
    rmq_config *config = configure(argv, "");
    rmq_consumer *consumer;
    WORKS(rmq_config_set_consume_threads(config, 2));
    WORKS(rmq_config_set_batch_size(config, 5));
    WORKS(rmq_config_set_instance_name(config, "ledger"));
    consumer = start(config, argv[3], &host);
    CHECK(strstr(rmq_consumer_client_id(consumer), "@ledger") != NULL);
    await(&host, MESSAGES);
    WORKS(rmq_consumer_destroy(consumer));
    CHECK(host.most == 2 && host.largest == 5 && host.seen == MESSAGES);
}

/* Each of two members gets everything. */
static void broadcasting(char **argv)
{
    struct host hosts[2] = {{.lock = PTHREAD_MUTEX_INITIALIZER, .answer = RMQ_CONSUME_SUCCESS, .instance = "one"},
                            {.lock = PTHREAD_MUTEX_INITIALIZER, .answer = RMQ_CONSUME_SUCCESS, .instance = "two"}};
    rmq_consumer *members[2];
    int i;
    for (i = 0; i < 2; i++) {
        rmq_config *config = configure(argv, "-all");
        WORKS(rmq_config_set_message_model(config, RMQ_MESSAGE_MODEL_BROADCASTING));
        WORKS(rmq_config_set_instance_name(config, hosts[i].instance));
        WORKS(rmq_config_set(config, "offset.store.path", argv[4], NULL, 0));
        members[i] = start(config, argv[3], &hosts[i]);
    }
    for (i = 0; i < 2; i++)
        await(&hosts[i], MESSAGES);
    for (i = 0; i < 2; i++) {
        WORKS(rmq_consumer_destroy(members[i]));
        CHECK(hosts[i].seen == MESSAGES);
    }
}

/* None is tried twice: what failed once is a dead letter. */
static void no_retries(char **argv)
{
    struct host host = {.lock = PTHREAD_MUTEX_INITIALIZER, .answer = RMQ_RECONSUME_LATER};
    struct host dead = {.lock = PTHREAD_MUTEX_INITIALIZER, .answer = RMQ_CONSUME_SUCCESS};
    rmq_config *config = configure(argv, "-dead");
    rmq_consumer *consumer, *reader;
    char group[64], topic[96];
    WORKS(rmq_config_set_max_reconsume_times(config, 0));
    consumer = start(config, argv[3], &host);
    await(&host, MESSAGES);
    snprintf(group, sizeof group, "%s-dead", argv[2]);
    WORKS(rmq_dead_letter_topic(group, topic, sizeof topic, NULL));
    reader = start(configure(argv, "-reader"), topic, &dead);
    await(&dead, MESSAGES);
    WORKS(rmq_consumer_destroy(consumer));
    WORKS(rmq_consumer_destroy(reader));
    CHECK(host.seen == MESSAGES && dead.seen == MESSAGES);
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    threads_and_batches(argv);
    broadcasting(argv);
    no_retries(argv);
    return 0;
}
