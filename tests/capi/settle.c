/* Takes messages by poll or by a deferring callback and settles them one by one, in random order, from four threads.
 * settle <name servers> <group> <topic> <messages> <poll or defer> <microseconds for each message>
 * Says "<queue> <offset>" for each message before it is settled. Ends when all are settled, and never with 0 messages. */
#include "check.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
/* A message is picked among so many, as long as they come. */
#define AMONG 500
#define ROOM 4096

struct item {
    rmq_batch *batch;
    size_t index;
};

struct host {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct item items[ROOM];
    size_t count;
    long settled, wanted;
    useconds_t pause;
};

/* Each message has a handle of its own to its batch. */
static void add(struct host *host, const rmq_batch *batch)
{
    size_t i;
    pthread_mutex_lock(&host->lock);
    for (i = 0; i < rmq_batch_count(batch); i++) {
        CHECK(host->count < ROOM);
        host->items[host->count].batch = rmq_batch_retain(batch);
        CHECK(host->items[host->count].batch != NULL);
        host->items[host->count++].index = i;
    }
    pthread_cond_broadcast(&host->changed);
    pthread_mutex_unlock(&host->lock);
}

static int done(const struct host *host)
{
    return host->wanted > 0 && host->settled >= host->wanted;
}

static void *settle(void *argument)
{
    struct host *host = argument;
    unsigned seed = (unsigned)(uintptr_t)&host ^ (unsigned)time(NULL);
    const rmq_message *message;
    struct timespec until;
    struct item item;
    size_t at;
    char line[64];
    pthread_mutex_lock(&host->lock);
    while (!done(host)) {
        if (host->count < AMONG) {
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += 20 * 1000 * 1000;
            until.tv_sec += until.tv_nsec / 1000000000;
            until.tv_nsec %= 1000000000;
            if (pthread_cond_timedwait(&host->changed, &host->lock, &until) == 0 || host->count == 0)
                continue;
        }
        at = (size_t)rand_r(&seed) % host->count;
        item = host->items[at];
        host->items[at] = host->items[--host->count];
        pthread_mutex_unlock(&host->lock);

        message = rmq_batch_at(item.batch, item.index);
        snprintf(line, sizeof line, "%d %lld\n", (int)rmq_message_queue_id(message),
                 (long long)rmq_message_queue_offset(message));
        CHECK(write(STDOUT_FILENO, line, strlen(line)) == (ssize_t)strlen(line));
        if (host->pause > 0)
            usleep(host->pause);
        WORKS(rmq_batch_ack_at(item.batch, item.index));
        CHECK(rmq_batch_ack_at(item.batch, item.index) == RMQ_E_STATE);
        rmq_batch_destroy(item.batch);

        pthread_mutex_lock(&host->lock);
        host->settled++;
    }
    pthread_cond_broadcast(&host->changed);
    pthread_mutex_unlock(&host->lock);
    return NULL;
}

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)context;
    add(userdata, batch);
    return RMQ_CONSUME_DEFERRED;
}

static void *wake_at_the_end(void *argument)
{
    rmq_consumer *consumer = ((void **)argument)[0];
    struct host *host = ((void **)argument)[1];
    pthread_mutex_lock(&host->lock);
    while (!done(host))
        pthread_cond_wait(&host->changed, &host->lock);
    pthread_mutex_unlock(&host->lock);
    WORKS(rmq_consumer_wakeup(consumer));
    return NULL;
}

static void poll_all(rmq_consumer *consumer, struct host *host)
{
    void *waker_needs[2] = {consumer, host};
    pthread_t waker;
    rmq_batch *batch;
    rmq_code code;
    CHECK(pthread_create(&waker, NULL, wake_at_the_end, waker_needs) == 0);
    while ((code = rmq_consumer_poll(consumer, 20, -1, &batch)) == RMQ_OK) {
        CHECK(rmq_batch_unsettled(batch) == rmq_batch_count(batch) && rmq_batch_count(batch) <= 20);
        add(host, batch);
        rmq_batch_destroy(batch);
    }
    CHECK(code == RMQ_E_WOKEN && batch == NULL);
    CHECK(pthread_join(waker, NULL) == 0);
}

int main(int argc, char **argv)
{
    static struct host host = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    rmq_config *config = rmq_config_new();
    rmq_consumer *consumer;
    pthread_t threads[THREADS];
    int i, polls;
    CHECK(argc == 7);
    host.wanted = strtol(argv[4], NULL, 10);
    host.pause = (useconds_t)strtol(argv[6], NULL, 10);
    polls = strcmp(argv[5], "poll") == 0;
    WORKS(rmq_config_set_namesrv_addr(config, argv[1]));
    WORKS(rmq_config_set_group(config, argv[2]));
    WORKS(rmq_config_set(config, "consume.from", "first_offset", NULL, 0));
    WORKS(rmq_config_set(config, "consume.batch.size", "7", NULL, 0));
    WORKS(rmq_config_set(config, "consume.thread.max", "4", NULL, 0));
    WORKS(rmq_config_set(config, "consume.thread.min", "1", NULL, 0));
    consumer = rmq_consumer_new(config, NULL, 0);
    CHECK(consumer != NULL);
    rmq_config_destroy(config);
    if (!polls)
        WORKS(rmq_consumer_set_message_callback(consumer, on_messages, &host, NULL));
    WORKS(rmq_consumer_subscribe(consumer, argv[3], "*"));
    WORKS(rmq_consumer_start(consumer));
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, settle, &host) == 0);
    if (polls)
        poll_all(consumer, &host);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    WORKS(rmq_consumer_destroy(consumer));
    CHECK(host.count == 0);
    return 0;
}
