/* A message callback that calls every function of the library, makes a consumer of its own and destroys another one.
 * inside <name servers> <group> <topic> */
#define main every_function
#include "nulls.c"
#undef main

#include <stdatomic.h>
#include <time.h>

static atomic_int begun, done;
static atomic_long consumed_by_other;
static rmq_consumer *other;
static char **arguments;

static rmq_consumer *make(const char *name, rmq_message_cb callback)
{
    char group[64];
    rmq_config *config = rmq_config_new();
    rmq_consumer *made;
    snprintf(group, sizeof group, "%s-%s", arguments[2], name);
    WORKS(rmq_config_set_namesrv_addr(config, arguments[1]));
    WORKS(rmq_config_set_group(config, group));
    WORKS(rmq_config_set(config, "consume.from", "first_offset", NULL, 0));
    made = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    CHECK(made != NULL);
    WORKS(rmq_consumer_set_message_callback(made, callback, NULL, NULL));
    WORKS(rmq_consumer_subscribe(made, arguments[3], "*"));
    WORKS(rmq_consumer_start(made));
    return made;
}

static int32_t on_others(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)context, (void)userdata;
    atomic_fetch_add(&consumed_by_other, (long)rmq_batch_count(batch));
    return RMQ_CONSUME_SUCCESS;
}

static void wait_for_messages(void)
{
    const struct timespec pause = {0, 1000000};
    int i;
    for (i = 0; i < 15000 && atomic_load(&consumed_by_other) == 0; i++)
        nanosleep(&pause, NULL);
    CHECK(atomic_exchange(&consumed_by_other, 0) > 0);
}

static int32_t on_messages(rmq_consumer *self, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    rmq_consumer *own;
    int64_t offset = -1;
    char json[16384];
    (void)context, (void)userdata;
    if (atomic_exchange(&begun, 1))
        return RMQ_CONSUME_SUCCESS;
    every_function();
    /* Its own consumer, which goes on meanwhile. */
    WORKS(rmq_consumer_stats_json(self, json, sizeof json, NULL));
    WORKS(rmq_consumer_position(self, rmq_batch_topic(batch, NULL), rmq_batch_broker(batch, NULL),
                                rmq_batch_queue_id(batch), &offset));
    CHECK(offset > 0);
    WORKS(rmq_consumer_commit(self));
    WORKS(rmq_consumer_subscribe(self, "inside-other", "*"));
    WORKS(rmq_consumer_unsubscribe(self, "inside-other"));
    WORKS(rmq_consumer_pause(self, arguments[3], NULL, -1));
    WORKS(rmq_consumer_resume(self, arguments[3], NULL, -1));
    /* One that it makes, and one that was there. */
    own = make("own", on_others);
    wait_for_messages();
    WORKS(rmq_consumer_shutdown(own, -1));
    WORKS(rmq_consumer_destroy(own));
    CHECK(rmq_consumer_state(other) == RMQ_STATE_RUNNING);
    WORKS(rmq_consumer_destroy(other));
    atomic_store(&done, 1);
    return RMQ_CONSUME_SUCCESS;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {0, 1000000};
    rmq_consumer *consumer;
    int i;
    CHECK(argc == 4);
    arguments = argv;
    other = make("other", on_others);
    wait_for_messages();
    consumer = make("self", on_messages);
    for (i = 0; i < 30000 && !atomic_load(&done); i++)
        nanosleep(&pause, NULL);
    CHECK(atomic_load(&done));
    WORKS(rmq_consumer_shutdown(consumer, -1));
    WORKS(rmq_consumer_destroy(consumer));
    return 0;
}
