/* The clock of the system jumps by days and decades, forwards and back: consuming, committing and stopping do not care.
 * This program's clock_gettime is in the place of libc's, for the library too.
 * clock <name servers> <group> <topic>: messages come all the time */
#include "check.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400L

static atomic_long jumped, consumed, wrong;

int clock_gettime(clockid_t id, struct timespec *now)
{
    const long failed = syscall(SYS_clock_gettime, id, now);
    if (failed == 0 && id == CLOCK_REALTIME)
        now->tv_sec += atomic_load(&jumped);
    return (int)failed;
}

static double seconds(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)context, (void)userdata;
    atomic_fetch_add(&consumed, (long)rmq_batch_count(batch));
    return RMQ_CONSUME_SUCCESS;
}

static void on_event(rmq_consumer *consumer, const rmq_event *event, void *userdata)
{
    const int32_t kind = rmq_event_kind(event);
    (void)consumer, (void)userdata;
    if (kind != RMQ_EVENT_ASSIGNED && kind != RMQ_EVENT_REVOKING && kind != RMQ_EVENT_RELEASED) {
        fprintf(stderr, "%s\n", rmq_event_json(event));
        atomic_fetch_add(&wrong, 1);
    }
}

/* What the library takes for the time, in seconds since 1970. */
static long library_time(rmq_consumer *consumer)
{
    char json[65536];
    const char *at;
    WORKS(rmq_consumer_stats_json(consumer, json, sizeof json, NULL));
    at = strstr(json, "\"ts\":");
    CHECK(at != NULL && strstr(json, "_ms\":-") == NULL);
    return (long)(atoll(at + 5) / 1000);
}

int main(int argc, char **argv)
{
    /* `make sanitize` builds what is that much slower. */
    const char *slower = getenv("RMQ_SLOWER");
    const double within = 5 * (slower == NULL ? 1 : atof(slower));
    static const long jumps[] = {DAY, -DAY, 3650 * DAY, -3650 * DAY, -36500 * DAY, 0, 36500 * DAY, 1, -1};
    const struct timespec pause = {0, 1000000};
    rmq_config *config = rmq_config_new();
    rmq_consumer *consumer;
    size_t i;
    CHECK(argc == 4);
    WORKS(rmq_config_set_namesrv_addr(config, argv[1]));
    WORKS(rmq_config_set_group(config, argv[2]));
    WORKS(rmq_config_set(config, "consume.from", "first_offset", NULL, 0));
    WORKS(rmq_config_set(config, "watchdog.queue.ms", "1000", NULL, 0));
    WORKS(rmq_config_set(config, "slow.message.ms", "5000", NULL, 0));
    WORKS(rmq_config_set(config, "consume.timeout.ms", "10000", NULL, 0));
    WORKS(rmq_config_set(config, "heartbeat.interval.ms", "100", NULL, 0));
    consumer = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    CHECK(consumer != NULL);
    WORKS(rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL));
    WORKS(rmq_consumer_set_event_callback(consumer, RMQ_EVENT_EVERY, on_event, NULL, NULL));
    WORKS(rmq_consumer_subscribe(consumer, argv[3], "*"));
    WORKS(rmq_consumer_start(consumer));
    for (i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        const long before = atomic_load(&consumed);
        const double begun = seconds();
        time_t now;
        atomic_store(&jumped, jumps[i]);
        now = (time_t)syscall(SYS_time, NULL) + jumps[i];
        /* It knows of nothing before 1970. */
        CHECK(labs(library_time(consumer) - (now > 0 ? (long)now : 0)) <= 2);
        /* Tells the brokers of a newer subscription each time. */
        WORKS(rmq_consumer_subscribe(consumer, argv[3], i % 2 == 0 ? "a || b" : "*"));
        while (atomic_load(&consumed) < before + 20 && seconds() - begun < 2 * within)
            nanosleep(&pause, NULL);
        CHECK(atomic_load(&consumed) >= before + 20);
        WORKS(rmq_consumer_commit(consumer));
        CHECK(seconds() - begun < within);
    }
    CHECK(atomic_load(&wrong) == 0);
    WORKS(rmq_consumer_shutdown(consumer, 5000));
    WORKS(rmq_consumer_destroy(consumer));
    CHECK(atomic_load(&wrong) == 0);
    return 0;
}
