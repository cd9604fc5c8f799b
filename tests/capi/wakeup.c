/* An event loop under load: every message is found by waiting for the descriptor alone, whatever becomes of its bytes.
 * wakeup <name servers> <group> <topic> <how many> <"leave", "eat", "select", "dup" or "callback"> */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/select.h>
#include <unistd.h>

#define IN_TIME 30000

static int is_readable(int fd, int timeout_ms)
{
    struct pollfd waited = {fd, POLLIN, 0};
    return poll(&waited, 1, timeout_ms) == 1 && (waited.revents & (POLLIN | POLLHUP)) != 0;
}

static int is_selected(int fd)
{
    fd_set readable;
    struct timeval timeout = {IN_TIME / 1000, 0};
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    return select(fd + 1, &readable, NULL, NULL, &timeout) == 1;
}

static void pass_on(void *userdata)
{
    char byte = 1;
    int written = (int)write(*(int *)userdata, &byte, 1);
    (void)written;
}

static int freed;

static void count_free(void *userdata)
{
    (void)userdata;
    freed++;
}

/* Polls until nothing is left; answers how many messages came. */
static size_t drain(rmq_consumer *consumer)
{
    size_t messages = 0;
    rmq_batch *batch;
    rmq_code code;
    while ((code = rmq_consumer_poll(consumer, 32, 0, &batch)) == RMQ_OK) {
        messages += rmq_batch_count(batch);
        WORKS(rmq_batch_ack(batch));
        rmq_batch_destroy(batch);
    }
    CHECK(code == RMQ_E_TIMEOUT);
    return messages;
}

int main(int argc, char **argv)
{
    rmq_config *config;
    rmq_consumer *consumer;
    rmq_batch *batch;
    const char *way;
    size_t got = 0, wanted, rounds = 0;
    int fd, pipe_ends[2];
    CHECK(argc == 6);
    wanted = (size_t)atol(argv[4]);
    way = argv[5];
    config = member_config(argv[1], argv[2]);
    consumer = rmq_consumer_new(config, NULL, 0);
    CHECK(consumer != NULL);
    rmq_config_destroy(config);
    WORKS(rmq_consumer_subscribe(consumer, argv[3], "*"));

    fd = rmq_consumer_wakeup_fd(consumer);
    CHECK(fd >= 0 && fd == rmq_consumer_wakeup_fd(consumer));
    CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(!is_readable(fd, 0));
    if (strcmp(way, "dup") == 0) {
        fd = rmq_consumer_wakeup_fd_dup(consumer);
        CHECK(fd >= 0 && fd != rmq_consumer_wakeup_fd(consumer));
    } else if (strcmp(way, "callback") == 0) {
        CHECK(pipe(pipe_ends) == 0 && fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK) == 0);
        fd = pipe_ends[0];
        WORKS(rmq_consumer_set_wakeup_callback(consumer, pass_on, &pipe_ends[1], count_free));
        WORKS(rmq_consumer_set_wakeup_callback(consumer, pass_on, &pipe_ends[1], count_free));
        CHECK(freed == 1);
    }
    WORKS(rmq_consumer_start(consumer));
    CHECK(rmq_consumer_set_wakeup_callback(consumer, NULL, NULL, NULL) == RMQ_E_STATE);
    while (got < wanted) {
        char bytes[8];
        CHECK(strcmp(way, "select") == 0 ? is_selected(fd) : is_readable(fd, IN_TIME));
        if (strcmp(way, "eat") == 0 || strcmp(way, "callback") == 0)
            CHECK(read(fd, bytes, sizeof bytes) >= 1);
        got += drain(consumer);
        rounds++;
    }
    CHECK(got == wanted);
    /* A wake-up and the end are told in the same way. */
    WORKS(rmq_consumer_wakeup(consumer));
    CHECK(is_readable(fd, IN_TIME));
    CHECK(rmq_consumer_poll(consumer, 1, 0, &batch) == RMQ_E_WOKEN && batch == NULL);
    CHECK(rmq_consumer_poll(consumer, 1, 0, &batch) == RMQ_E_TIMEOUT);
    WORKS(rmq_consumer_request_stop(consumer));
    CHECK(is_readable(fd, IN_TIME));
    CHECK(rmq_consumer_poll(consumer, 1, 0, &batch) == RMQ_E_CLOSED);
    WORKS(rmq_consumer_wait_stopped(consumer, -1));
    CHECK(is_readable(fd, 0) && rmq_consumer_poll(consumer, 1, 0, &batch) == RMQ_E_CLOSED);
    WORKS(rmq_consumer_destroy(consumer));
    if (strcmp(way, "dup") == 0) {
        CHECK(is_readable(fd, 0));
        CHECK(close(fd) == 0);
    }
    CHECK(freed == (strcmp(way, "callback") == 0 ? 2 : 0));
    printf("%lu rounds\n", (unsigned long)rounds);
    return 0;
}
