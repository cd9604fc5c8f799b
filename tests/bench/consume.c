/* This library as a bench client: a consumer with its defaults, but for where a new group begins.
 *
 * consume ns=.. group=.. topic=.. count=.. [mode=throughput|latency|slow|deliveries] [sleep_us=0] [warmup=0]
 *         [samples=FILE] [within=120]
 *
 * Options and answer are those of the Java and Go clients, see testbed/src/peers.rs: one JSON line when `count`
 * messages came, then the end with status 0; 1 when they did not come in time.
 *
 * throughput  an empty callback: it only counts
 * latency     the clock in the callback minus the stamp in the body. Messages without a stamp warm up: the line `ready`
 *             comes when `warmup` of them were consumed. Each sample goes to FILE as `<stamp> <nanoseconds>`
 * slow        the clock in the callback minus the time the broker stored the message
 *
 * deliveries  writes the line `QUEUE OFFSET STORED CALLED` for each delivery, until SIGTERM; no count, no answer
 *
 * In all but the first the callback then sleeps `sleep_us`. */
#include <rmq.h>

#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000L

struct sample {
    int64_t origin, nanos;
};

struct meter {
    long expected, warmup;
    struct timespec sleep;
    int stamped;
    int64_t started;
    atomic_long count, written, warm;
    _Atomic int64_t first, last;
    struct sample *samples;
    sem_t done;
};

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

static int64_t now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

/* Counts messages; whoever counts the last one ends the measuring. */
static int count(struct meter *meter, long messages)
{
    long before = atomic_fetch_add_explicit(&meter->count, messages, memory_order_relaxed);
    if (before == 0)
        meter->first = now(CLOCK_MONOTONIC);
    if (before < meter->expected && before + messages >= meter->expected) {
        meter->last = now(CLOCK_MONOTONIC);
        return 1;
    }
    return 0;
}

static int32_t on_counted(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    struct meter *meter = userdata;
    (void)consumer, (void)context;
    if (count(meter, (long)rmq_batch_count(batch)))
        sem_post(&meter->done);
    return RMQ_CONSUME_SUCCESS;
}

/* The moment a message's time runs from, in nanoseconds since 1970; 0 for one that warms up. */
static int64_t origin(const struct meter *meter, const rmq_message *message)
{
    const uint8_t *body;
    size_t len, i;
    int64_t stamp = 0;
    if (!meter->stamped)
        return rmq_message_store_timestamp(message) * (SECOND / 1000);
    body = rmq_message_body(message, &len);
    for (i = 0; i < len && body[i] >= '0' && body[i] <= '9'; i++)
        stamp = stamp * 10 + (body[i] - '0');
    return i < len && body[i] == ' ' ? stamp : 0;
}

static int32_t on_timed(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    struct meter *meter = userdata;
    int64_t at = now(CLOCK_REALTIME);
    size_t i;
    (void)consumer, (void)context;
    if (meter->sleep.tv_sec > 0 || meter->sleep.tv_nsec > 0)
        nanosleep(&meter->sleep, NULL);
    for (i = 0; i < rmq_batch_count(batch); i++) {
        int64_t from = origin(meter, rmq_batch_at(batch, i));
        long place;
        if (from == 0) {
            if (atomic_fetch_add(&meter->warm, 1) + 1 == meter->warmup) {
                puts("ready");
                fflush(stdout);
            }
            continue;
        }
        count(meter, 1);
        place = atomic_fetch_add(&meter->written, 1);
        if (place < meter->expected)
            meter->samples[place] = (struct sample){from, at - from};
        /* Others may still write theirs: samples are read after the last callback. */
        if (place + 1 == meter->expected)
            sem_post(&meter->done);
    }
    return RMQ_CONSUME_SUCCESS;
}

/* Writes each line at once: what a killed process was given counts. */
static int32_t on_delivered(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    struct meter *meter = userdata;
    int64_t at = now(CLOCK_REALTIME);
    size_t i;
    (void)consumer, (void)context;
    for (i = 0; i < rmq_batch_count(batch); i++) {
        const rmq_message *message = rmq_batch_at(batch, i);
        char line[96];
        int len = snprintf(line, sizeof line, "%d %lld %lld %lld\n", (int)rmq_message_queue_id(message),
                           (long long)rmq_message_queue_offset(message),
                           (long long)rmq_message_store_timestamp(message), (long long)at);
        if (write(STDOUT_FILENO, line, (size_t)len) != len)
            fail("cannot write");
    }
    if (meter->sleep.tv_sec > 0 || meter->sleep.tv_nsec > 0)
        nanosleep(&meter->sleep, NULL);
    return RMQ_CONSUME_SUCCESS;
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
    size_t len = strlen(name);
    int i;
    for (i = 1; i < argc; i++)
        if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=')
            return argv[i] + len + 1;
    if (!otherwise)
        fail("option %s= is missing", name);
    return otherwise;
}

static long number(int argc, char **argv, const char *name, const char *otherwise)
{
    return strtol(option(argc, argv, name, otherwise), NULL, 10);
}

static rmq_consumer *consumer_of(int argc, char **argv, struct meter *meter, rmq_message_cb callback)
{
    char error[512];
    rmq_config *config = rmq_config_new();
    rmq_consumer *consumer;
    if (rmq_config_set(config, "namesrv.addr", option(argc, argv, "ns", NULL), error, sizeof error) != RMQ_OK
        || rmq_config_set(config, "consumer.group", option(argc, argv, "group", NULL), error, sizeof error) != RMQ_OK
        || rmq_config_set(config, "consume.from", "first_offset", error, sizeof error) != RMQ_OK
        || !(consumer = rmq_consumer_new(config, error, sizeof error)))
        fail("%s", error);
    rmq_config_destroy(config);
    if (rmq_consumer_set_message_callback(consumer, callback, meter, NULL) != RMQ_OK
        || rmq_consumer_subscribe(consumer, option(argc, argv, "topic", NULL), "*") != RMQ_OK)
        fail("%s", rmq_last_error_message());
    return consumer;
}

static long peak_rss_kib(void)
{
    char line[128];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "VmHWM: %ld", &kib);
    if (status)
        fclose(status);
    return kib;
}

static int by_nanos(const void *a, const void *b)
{
    int64_t x = ((const struct sample *)a)->nanos, y = ((const struct sample *)b)->nanos;
    return (x > y) - (x < y);
}

static void print_times(struct meter *meter, const char *path)
{
    long taken = meter->written < meter->expected ? meter->written : meter->expected, i;
    FILE *file = *path ? fopen(path, "w") : NULL;
    if (*path && !file)
        fail("%s cannot be written", path);
    for (i = 0; file && i < taken; i++)
        fprintf(file, "%ld %ld\n", (long)meter->samples[i].origin, (long)meter->samples[i].nanos);
    if (file)
        fclose(file);
    qsort(meter->samples, (size_t)taken, sizeof *meter->samples, by_nanos);
#define MICROS(percent) (taken ? (long)meter->samples[(taken - 1) * (percent) / 100].nanos / 1000 : 0)
    printf(",\"p50_us\":%ld,\"p99_us\":%ld,\"max_us\":%ld", MICROS(50), MICROS(99), MICROS(100));
}

/* A member of its group until SIGTERM, which it then leaves. */
static int deliver(int argc, char **argv, struct meter *meter)
{
    sigset_t end;
    rmq_consumer *consumer;
    int signal;
    /* Blocked before any thread is there, so that it waits for sigwait. */
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &end, NULL);
    consumer = consumer_of(argc, argv, meter, on_delivered);
    if (rmq_consumer_start(consumer) != RMQ_OK)
        fail("%s", rmq_last_error_message());
    sigwait(&end, &signal);
    if (rmq_consumer_destroy(consumer) != RMQ_OK)
        fail("%s", rmq_last_error_message());
    return 0;
}

int main(int argc, char **argv)
{
    struct meter meter = {.expected = number(argc, argv, "count", NULL), .warmup = number(argc, argv, "warmup", "0")};
    const char *mode = option(argc, argv, "mode", "throughput");
    long sleep_us = number(argc, argv, "sleep_us", "0");
    int timed = strcmp(mode, "throughput") != 0, complete;
    struct timespec deadline;
    struct rusage usage;
    rmq_consumer *consumer;
    long rss, cpu, counted;
    meter.stamped = strcmp(mode, "latency") == 0;
    meter.sleep = (struct timespec){sleep_us / 1000000, sleep_us % 1000000 * 1000};
    if (strcmp(mode, "deliveries") == 0)
        return deliver(argc, argv, &meter);
    meter.samples = timed ? calloc((size_t)meter.expected, sizeof *meter.samples) : NULL;
    sem_init(&meter.done, 0, 0);
    consumer = consumer_of(argc, argv, &meter, timed ? on_timed : on_counted);
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += number(argc, argv, "within", "120");
    meter.started = now(CLOCK_MONOTONIC);
    if (rmq_consumer_start(consumer) != RMQ_OK)
        fail("%s", rmq_last_error_message());
    complete = sem_timedwait(&meter.done, &deadline) == 0;
    rss = peak_rss_kib();
    getrusage(RUSAGE_SELF, &usage);
    cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND;
    cpu += (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
    if (rmq_consumer_destroy(consumer) != RMQ_OK)
        fail("%s", rmq_last_error_message());
    /* Callbacks that still ran at the end counted on; what was measured ended with the last expected message. */
    counted = meter.count < meter.expected ? meter.count : meter.expected;
    printf("{\"client\":\"librmq-%s\",\"messages\":%ld", rmq_version(), counted);
    printf(",\"start_to_first_nanos\":%ld,\"first_to_last_nanos\":%ld", meter.first ? (long)(meter.first - meter.started) : 0,
           meter.last ? (long)(meter.last - meter.first) : 0);
    if (timed)
        print_times(&meter, option(argc, argv, "samples", ""));
    printf(",\"cpu_nanos\":%ld,\"peak_rss_kib\":%ld}\n", cpu, rss);
    return complete ? 0 : 1;
}
