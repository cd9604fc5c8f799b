/* Whole lives, one after another: new, start, consume, shutdown, destroy. What the process has after all of them is what
 * it had after the first hundred.
 * lives <name servers> <group> <topic> <cycles> */
#include "check.h"

#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#define FIRST 100
#define MORE_KIB 1024

static sem_t consumed;

struct census {
    long threads, descriptors, kib;
};

static long entries(const char *path)
{
    long count = 0;
    DIR *folder = opendir(path);
    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static struct census take_census(void)
{
    struct census census = {entries("/proc/self/task"), entries("/proc/self/fd"), 0};
    long size;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld %ld", &size, &census.kib) == 2);
    fclose(file);
    census.kib *= sysconf(_SC_PAGESIZE) / 1024;
    return census;
}

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)context, (void)userdata;
    CHECK(rmq_batch_count(batch) > 0);
    sem_post(&consumed);
    return RMQ_CONSUME_SUCCESS;
}

static void on_event(rmq_consumer *consumer, const rmq_event *event, void *userdata)
{
    (void)consumer, (void)userdata;
    CHECK(rmq_event_json(event) != NULL);
}

static void live(char **argv, int turn)
{
    char group[64];
    struct timespec until;
    rmq_consumer *consumer;
    rmq_config *config = rmq_config_new();
    /* Each its own group, so that each finds all messages. */
    snprintf(group, sizeof group, "%s-%d", argv[2], turn);
    WORKS(rmq_config_set_namesrv_addr(config, argv[1]));
    WORKS(rmq_config_set_group(config, group));
    WORKS(rmq_config_set(config, "consume.from", "first_offset", NULL, 0));
    consumer = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    CHECK(consumer != NULL && sem_init(&consumed, 0, 0) == 0);
    WORKS(rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL));
    WORKS(rmq_consumer_set_event_callback(consumer, RMQ_EVENT_EVERY, on_event, NULL, NULL));
    WORKS(rmq_consumer_subscribe(consumer, argv[3], "*"));
    WORKS(rmq_consumer_start(consumer));
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 15;
    CHECK(sem_timedwait(&consumed, &until) == 0);
    WORKS(rmq_consumer_shutdown(consumer, -1));
    WORKS(rmq_consumer_destroy(consumer));
}

int main(int argc, char **argv)
{
    struct census first = {0, 0, 0}, last;
    int turn, cycles;
    CHECK(argc == 5);
    cycles = atoi(argv[4]);
    CHECK(cycles > FIRST);
    for (turn = 0; turn < cycles; turn++) {
        live(argv, turn);
        if (turn + 1 == FIRST)
            first = take_census();
    }
    last = take_census();
    printf("after %d lives %ld threads, %ld descriptors, %ld KiB; after %d %ld, %ld, %ld KiB\n", FIRST,
           first.threads - 2, first.descriptors - 2, first.kib, cycles, last.threads - 2, last.descriptors - 2, last.kib);
    CHECK(last.threads == first.threads);
    CHECK(last.descriptors == first.descriptors);
    CHECK(last.kib <= first.kib + MORE_KIB);
    return 0;
}
