/* Runs a program on a cluster inside of this process: no Java, no container. It creates a topic, starts the program with
 * NAMESRV_ADDR set, and stores messages while the program runs, tagged in turn.
 *
 *   mock_cluster <topic> <queues> <messages> <per second> <tag,tag,...> <program> [arguments]
 *
 * The exit code is the program's. */
#define _POSIX_C_SOURCE 200809L

#include <rmq_mock.h>

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define MAX_TAGS 16

extern char **environ;

/* Stores a message in queue after queue. */
static int store(rmq_mock_cluster *cluster, const char *topic, long number, int32_t queues, const char *tag)
{
    char body[64], key[32];
    int len = snprintf(body, sizeof body, "message %ld of %s", number, tag);
    snprintf(key, sizeof key, "order-%ld", number);
    return rmq_mock_produce(cluster, topic, (int32_t)(number % queues), (const uint8_t *)body, (size_t)len, tag, key,
                            NULL);
}

/* Cuts the list of tags; answers how many there are. */
static long split(char *list, const char *tags[MAX_TAGS])
{
    long count = 0;
    char *tag;
    for (tag = strtok(list, ","); tag != NULL && count < MAX_TAGS; tag = strtok(NULL, ","))
        tags[count++] = tag;
    return count;
}

static int fails(rmq_mock_cluster *cluster, const char *what, const char *why)
{
    fprintf(stderr, "mock_cluster: %s: %s\n", what, why);
    rmq_mock_cluster_destroy(cluster);
    return 2;
}

int main(int argc, char **argv)
{
    const char *tags[MAX_TAGS];
    long number, messages, rate, tag_count;
    int32_t queues;
    int status = 0, error;
    char why[256];
    pid_t program;
    rmq_mock_cluster *cluster;
    if (argc < 7 || (queues = (int32_t)strtol(argv[2], NULL, 10)) < 1 || (messages = strtol(argv[3], NULL, 10)) < 0 ||
        (rate = strtol(argv[4], NULL, 10)) < 1 || rate > 100000 || (tag_count = split(argv[5], tags)) == 0) {
        fprintf(stderr, "usage: mock_cluster <topic> <queues> <messages> <per second> <tag,tag,...> <program> "
                        "[arguments]\n");
        return 2;
    }
    cluster = rmq_mock_cluster_new(1, 0, 20, why, sizeof why);
    if (cluster == NULL)
        return fails(cluster, "the cluster", why);
    if (rmq_mock_create_topic(cluster, argv[1], queues) != RMQ_MOCK_OK)
        return fails(cluster, argv[1], rmq_mock_last_error_message());
    setenv("NAMESRV_ADDR", rmq_mock_cluster_namesrv_addr(cluster), 1);
    error = posix_spawnp(&program, argv[6], NULL, NULL, argv + 6, environ);
    if (error != 0)
        return fails(cluster, argv[6], strerror(error));

    for (number = 0; number < messages && waitpid(program, &status, WNOHANG) == 0; number++) {
        const struct timespec pause = {rate == 1, rate == 1 ? 0 : 1000000000L / rate};
        if (store(cluster, argv[1], number, queues, tags[number % tag_count]) != RMQ_MOCK_OK)
            fprintf(stderr, "mock_cluster: %s\n", rmq_mock_last_error_message());
        nanosleep(&pause, NULL);
    }
    /* ECHILD: it has ended before the last message, and status is known. */
    while (waitpid(program, &status, 0) < 0 && errno == EINTR)
        continue;
    rmq_mock_cluster_destroy(cluster);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
