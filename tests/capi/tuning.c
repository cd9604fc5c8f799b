/* Changes what may be changed before the start and while a consumer runs, and sees each effect.
 * tuning rate <name servers> <group> <topic with 1000 messages> <consume.mode>
 * tuning polls <name servers> <group> <topic with 1000 messages>
 * tuning threads <name servers> <group> <topic with 1000 messages>
 * tuning namesrv <name servers> <group> <topic> <another topic>: new name servers come as a line of standard input */
#include "check.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define IN_TIME 40.0

struct host {
    pthread_mutex_t lock;
    long seen, others;
    int running, most, unordered;
    useconds_t pause;
    int64_t last[16];
    const char *topic;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static long seen(struct host *host)
{
    long count;
    pthread_mutex_lock(&host->lock);
    count = host->seen;
    pthread_mutex_unlock(&host->lock);
    return count;
}

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    struct host *host = userdata;
    const rmq_message *message = rmq_batch_at(batch, 0);
    int64_t *last = &host->last[rmq_batch_queue_id(batch) % 16];
    (void)consumer, (void)context;
    pthread_mutex_lock(&host->lock);
    if (strcmp(rmq_message_topic(message, NULL), host->topic) == 0)
        host->seen += (long)rmq_batch_count(batch);
    else
        host->others += (long)rmq_batch_count(batch);
    host->unordered += rmq_message_queue_offset(message) != *last;
    *last = rmq_message_queue_offset(message) + (int64_t)rmq_batch_count(batch);
    host->running++;
    if (host->running > host->most)
        host->most = host->running;
    pthread_mutex_unlock(&host->lock);
    if (host->pause > 0)
        usleep(host->pause);
    pthread_mutex_lock(&host->lock);
    host->running--;
    pthread_mutex_unlock(&host->lock);
    return RMQ_CONSUME_SUCCESS;
}

/* Its name server does not exist; the right one is set before the start. */
static rmq_consumer *make(char **argv, const char *mode, struct host *host)
{
    rmq_config *config = rmq_config_new();
    rmq_consumer *consumer;
    WORKS(rmq_config_set_namesrv_addr(config, "127.0.0.1:1"));
    WORKS(rmq_config_set_group(config, argv[3]));
    WORKS(rmq_config_set(config, "consume.from", "first_offset", NULL, 0));
    WORKS(rmq_config_set(config, "consume.mode", mode, NULL, 0));
    consumer = rmq_consumer_new(config, NULL, 0);
    CHECK(consumer != NULL);
    rmq_config_destroy(config);
    if (host != NULL)
        WORKS(rmq_consumer_set_message_callback(consumer, on_messages, host, NULL));
    WORKS(rmq_consumer_subscribe(consumer, argv[4], "*"));
    FAILS(RMQ_E_CONFIG_VALUE,
          "namesrv.addr=\"here\": allowed is host:port, several separated by \";\"; \"here\" has no port",
          rmq_consumer_set_namesrv_addr(consumer, "here"));
    WORKS(rmq_consumer_set_namesrv_addr(consumer, argv[2]));
    return consumer;
}

static void end(rmq_consumer *consumer)
{
    WORKS(rmq_consumer_shutdown(consumer, -1));
    FAILS(RMQ_E_STATE, "set a rate limit: the consumer is stopped; make a new one with rmq_consumer_new",
          rmq_consumer_set_rate_limit(consumer, NULL, 1));
    CHECK(rmq_consumer_set_thread_max(consumer, 1) == RMQ_E_STATE);
    CHECK(rmq_consumer_set_namesrv_addr(consumer, "a:1") == RMQ_E_STATE);
    WORKS(rmq_consumer_destroy(consumer));
}

/* From now on messages come at the rate: at no time more than it allows, with what was saved up; and as many as it
 * allows in `seconds`, though a busy machine may take four times as long. */
static void comes_at(struct host *host, double rate, double seconds)
{
    double begun = now(), took = 0, saved = rate / 10 > 1 ? rate / 10 : 1;
    long before = seen(host), count = 0;
    while ((double)count < rate * seconds) {
        usleep(2000);
        count = seen(host) - before;
        took = now() - begun;
        CHECK((double)count <= rate * took + 2 * saved + 1);
        CHECK(took < 4 * seconds);
    }
}

static void rate(char **argv)
{
    struct host host = {.lock = PTHREAD_MUTEX_INITIALIZER, .topic = argv[4]};
    rmq_consumer *consumer = make(argv, argv[5], &host);
    double deadline;
    FAILS(RMQ_E_INVALID_ARG, "per_second is -1: allowed is 0, which is no limit, and more",
          rmq_consumer_set_rate_limit(consumer, NULL, -1));
    CHECK(rmq_consumer_set_rate_limit(consumer, "a b", 1) == RMQ_E_INVALID_ARG);
    WORKS(rmq_consumer_set_rate_limit(consumer, "another", 1));
    WORKS(rmq_consumer_set_rate_limit(consumer, argv[4], 100));
    WORKS(rmq_consumer_start(consumer));
    for (deadline = now() + IN_TIME; seen(&host) == 0; usleep(1000))
        CHECK(now() < deadline);
    comes_at(&host, 100, 2);
    /* The whole consumer's limit holds beside the topic's, the lower one counts. */
    WORKS(rmq_consumer_set_rate_limit(consumer, NULL, 20));
    comes_at(&host, 20, 1.5);
    WORKS(rmq_consumer_set_rate_limit(consumer, argv[4], 0));
    comes_at(&host, 20, 1);
    CHECK(seen(&host) < 500);
    WORKS(rmq_consumer_set_rate_limit(consumer, NULL, 0));
    for (deadline = now() + IN_TIME; seen(&host) < 1000; usleep(1000))
        CHECK(now() < deadline);
    CHECK(strcmp(argv[5], "orderly") != 0 || host.unordered == 0);
    end(consumer);
    CHECK(host.seen == 1000);
}

static void *poll_all(void *userdata)
{
    void **both = userdata;
    struct host *host = both[1];
    rmq_batch *batch;
    while (rmq_consumer_poll(both[0], 32, -1, &batch) == RMQ_OK) {
        pthread_mutex_lock(&host->lock);
        host->seen += (long)rmq_batch_count(batch);
        pthread_mutex_unlock(&host->lock);
        WORKS(rmq_batch_ack(batch));
        rmq_batch_destroy(batch);
    }
    CHECK(rmq_last_error_code() == RMQ_E_CLOSED);
    return NULL;
}

static void polls(char **argv)
{
    struct host host = {.lock = PTHREAD_MUTEX_INITIALIZER, .topic = argv[4]};
    rmq_consumer *consumer = make(argv, "concurrent", NULL);
    void *both[2];
    pthread_t poller;
    double deadline;
    both[0] = consumer, both[1] = &host;
    WORKS(rmq_consumer_set_rate_limit(consumer, NULL, 50));
    WORKS(rmq_consumer_start(consumer));
    CHECK(pthread_create(&poller, NULL, poll_all, both) == 0);
    for (deadline = now() + IN_TIME; seen(&host) == 0; usleep(1000))
        CHECK(now() < deadline);
    comes_at(&host, 50, 1.5);
    WORKS(rmq_consumer_shutdown(consumer, -1));
    CHECK(pthread_join(poller, NULL) == 0);
    WORKS(rmq_consumer_destroy(consumer));
}

static int most(struct host *host, int reset)
{
    int most;
    pthread_mutex_lock(&host->lock);
    most = host->most;
    if (reset)
        host->most = host->running;
    pthread_mutex_unlock(&host->lock);
    return most;
}

/* So many callbacks run at once, and no more. */
static void run_at_once(struct host *host, rmq_consumer *consumer, int threads)
{
    double deadline = now() + IN_TIME;
    long before;
    WORKS(rmq_consumer_set_thread_max(consumer, threads));
    while (most(host, 1) > threads)
        CHECK(now() < deadline && usleep(20000) == 0);
    for (most(host, 1); most(host, 0) < threads; usleep(1000))
        CHECK(now() < deadline);
    for (before = seen(host); seen(host) < before + 40; usleep(1000))
        CHECK(now() < deadline);
    CHECK(most(host, 0) == threads);
}

static void threads(char **argv)
{
    struct host host = {.lock = PTHREAD_MUTEX_INITIALIZER, .pause = 10000, .topic = argv[4]};
    rmq_consumer *consumer = make(argv, "concurrent", &host);
    FAILS(RMQ_E_CONFIG_VALUE, "consume.thread.max=\"0\": allowed is 1 to 1000",
          rmq_consumer_set_thread_max(consumer, 0));
    WORKS(rmq_consumer_set_thread_max(consumer, 2));
    WORKS(rmq_consumer_start(consumer));
    run_at_once(&host, consumer, 2);
    run_at_once(&host, consumer, 7);
    run_at_once(&host, consumer, 1);
    run_at_once(&host, consumer, 4);
    end(consumer);
}

static void name_servers(char **argv)
{
    struct host host = {.lock = PTHREAD_MUTEX_INITIALIZER, .topic = argv[4]};
    rmq_consumer *consumer = make(argv, "concurrent", &host);
    char line[128];
    long others = 0;
    double deadline;
    WORKS(rmq_consumer_start(consumer));
    for (deadline = now() + IN_TIME; seen(&host) == 0; usleep(1000))
        CHECK(now() < deadline);
    puts("consuming");
    fflush(stdout);
    CHECK(fgets(line, sizeof line, stdin) != NULL);
    line[strcspn(line, "\n")] = '\0';
    WORKS(rmq_consumer_subscribe(consumer, argv[5], "*"));
    WORKS(rmq_consumer_set_namesrv_addr(consumer, line));
    for (deadline = now() + IN_TIME; others == 0; usleep(1000)) {
        CHECK(now() < deadline);
        pthread_mutex_lock(&host.lock);
        others = host.others;
        pthread_mutex_unlock(&host.lock);
    }
    end(consumer);
}

int main(int argc, char **argv)
{
    CHECK(argc >= 5);
    if (strcmp(argv[1], "rate") == 0 && argc == 6)
        rate(argv);
    else if (strcmp(argv[1], "polls") == 0)
        polls(argv);
    else if (strcmp(argv[1], "threads") == 0)
        threads(argv);
    else {
        CHECK(argc == 6);
        name_servers(argv);
    }
    return 0;
}
