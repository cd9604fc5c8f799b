/* SIGPIPE is at its default, as in a C host that never thought of it, while the peer cuts connections.
 * sigpipe <name servers> <group> <topic> <messages> */
#include "check.h"

#include <signal.h>
#include <stdatomic.h>
#include <time.h>

static atomic_long consumed;

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)context, (void)userdata;
    atomic_fetch_add(&consumed, (long)rmq_batch_count(batch));
    return RMQ_CONSUME_SUCCESS;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {0, 1000000};
    sigset_t pipe;
    long wanted;
    int i;
    rmq_config *config = rmq_config_new();
    rmq_consumer *consumer;
    CHECK(argc == 5);
    wanted = atol(argv[4]);
    /* A parent may have ignored it; that would be inherited. */
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigprocmask(SIG_UNBLOCK, &pipe, NULL);
    WORKS(rmq_config_set_namesrv_addr(config, argv[1]));
    WORKS(rmq_config_set_group(config, argv[2]));
    WORKS(rmq_config_set(config, "consume.from", "first_offset", NULL, 0));
    WORKS(rmq_config_set(config, "pull.error.backoff.ms", "10", NULL, 0));
    consumer = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    CHECK(consumer != NULL);
    WORKS(rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL));
    WORKS(rmq_consumer_subscribe(consumer, argv[3], "*"));
    WORKS(rmq_consumer_start(consumer));
    for (i = 0; atomic_load(&consumed) < wanted && i < 60000; i++)
        nanosleep(&pause, NULL);
    printf("%ld messages\n", atomic_load(&consumed));
    CHECK(atomic_load(&consumed) >= wanted);
    WORKS(rmq_consumer_destroy(consumer));
    return 0;
}
