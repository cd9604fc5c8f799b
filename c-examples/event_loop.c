/* Consumes inside of an event loop of one's own, here epoll: one thread, which waits for messages, signals and time at
 * once and never blocks in the library.
 *
 *   event_loop <group> <topic> [messages]
 *
 * Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. Ends after that many messages; with 0, which
 * is the default, at Ctrl-C. */
#define _GNU_SOURCE

#include <rmq.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static long seen;

static rmq_consumer *start(const char *group, const char *topic)
{
    rmq_config *config = rmq_config_new();
    rmq_consumer *consumer = NULL;
    if (rmq_config_set_group(config, group) == RMQ_OK &&
        rmq_config_set(config, "consume.from", "first_offset", NULL, 0) == RMQ_OK)
        consumer = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    /* Without a message callback the messages wait for rmq_consumer_poll. */
    if (consumer != NULL && rmq_consumer_subscribe(consumer, topic, "*") == RMQ_OK &&
        rmq_consumer_start(consumer) == RMQ_OK)
        return consumer;
    fprintf(stderr, "%s\n", rmq_last_error_message());
    rmq_consumer_destroy(consumer);
    return NULL;
}

/* Readable means that there may be something: poll until there is nothing. The descriptor is not read. */
static rmq_code take_all(rmq_consumer *consumer)
{
    rmq_batch *batch;
    rmq_code code;
    while ((code = rmq_consumer_poll(consumer, 32, 0, &batch)) == RMQ_OK || code == RMQ_E_WOKEN) {
        size_t i, len;
        if (code == RMQ_E_WOKEN)
            continue;
        for (i = 0; i < rmq_batch_count(batch); i++) {
            const uint8_t *body = rmq_message_body(rmq_batch_at(batch, i), &len);
            printf("%.*s\n", (int)len, (const char *)body);
            seen++;
        }
        if (rmq_batch_ack(batch) != RMQ_OK) /* it took too long, or the queue is another member's now */
            fprintf(stderr, "%s\n", rmq_last_error_message());
        rmq_batch_destroy(batch);
    }
    return code;
}

static void watch(int loop, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("epoll_ctl");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    const struct itimerspec second = {{1, 0}, {1, 0}};
    long wanted = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    int loop = epoll_create1(EPOLL_CLOEXEC), signals, timer, messages, running = 1;
    rmq_consumer *consumer;
    sigset_t ending;
    if (argc < 3) {
        fprintf(stderr, "usage: NAMESRV_ADDR=host:port event_loop <group> <topic> [messages]\n");
        return 2;
    }
    /* Before the first thread of the program. The library's own get no signals anyway. */
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    consumer = start(argv[1], argv[2]);
    if (consumer == NULL)
        return 2;
    messages = rmq_consumer_wakeup_fd(consumer); /* the consumer's: it is never closed here */
    signals = signalfd(-1, &ending, SFD_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    timerfd_settime(timer, 0, &second, NULL);
    watch(loop, messages);
    watch(loop, signals);
    watch(loop, timer);
    while (running && (wanted == 0 || seen < wanted)) {
        struct epoll_event event;
        uint64_t ticks;
        if (epoll_wait(loop, &event, 1, -1) < 1)
            continue;
        if (event.data.fd == messages)
            running = take_all(consumer) == RMQ_E_TIMEOUT;
        else if (event.data.fd == signals)
            running = 0;
        else if (read(timer, &ticks, sizeof ticks) == sizeof ticks)
            fprintf(stderr, "%ld messages so far\n", seen);
    }
    close(timer);
    close(signals);
    close(loop);
    if (rmq_consumer_destroy(consumer) != RMQ_OK) /* commits what was acknowledged */
        fprintf(stderr, "%s\n", rmq_last_error_message());
    printf("%ld messages\n", seen);
    return wanted == 0 || seen >= wanted ? 0 : 1;
}
