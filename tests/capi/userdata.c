/* What a host hands over with a callback is freed once: when replaced or at the end, on the thread that does it. */
#include "check.h"

#include <pthread.h>

struct owned {
    int freed;
    pthread_t by;
};

static void free_owned(void *userdata)
{
    struct owned *owned = userdata;
    owned->freed++;
    owned->by = pthread_self();
}

static int freed_here(const struct owned *owned)
{
    return owned->freed == 1 && pthread_equal(owned->by, pthread_self());
}

static int32_t consume(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)batch, (void)context, (void)userdata;
    return RMQ_CONSUME_SUCCESS;
}

static void log_record(int32_t level, const char *target, const char *message, void *userdata)
{
    (void)level, (void)target, (void)message, (void)userdata;
}

static void of_the_message_callback(void)
{
    struct owned first = {0}, second = {0}, third = {0}, late = {0};
    rmq_consumer *consumer = minimal_consumer();
    WORKS(rmq_consumer_set_message_callback(consumer, consume, &first, free_owned));
    CHECK(first.freed == 0);
    WORKS(rmq_consumer_set_message_callback(consumer, consume, &second, free_owned));
    CHECK(freed_here(&first) && second.freed == 0);
    /* Without a callback userdata is kept as well. */
    WORKS(rmq_consumer_set_message_callback(consumer, NULL, &third, free_owned));
    CHECK(freed_here(&second) && third.freed == 0);
    WORKS(rmq_consumer_shutdown(consumer, -1));
    CHECK(third.freed == 0);
    /* A refused one stays the caller's. */
    CHECK(rmq_consumer_set_message_callback(consumer, consume, &late, free_owned) == RMQ_E_STATE);
    CHECK(rmq_consumer_set_message_callback(NULL, consume, &late, free_owned) == RMQ_E_INVALID_ARG);
    WORKS(rmq_consumer_destroy(consumer));
    CHECK(freed_here(&third) && first.freed == 1 && second.freed == 1 && late.freed == 0);
}

static int32_t allocate(rmq_consumer *consumer, const rmq_allocation *allocation, size_t *taken, size_t *count,
                        void *userdata)
{
    (void)consumer, (void)allocation, (void)taken, (void)count, (void)userdata;
    return RMQ_ALLOCATE_AVG;
}

static void of_the_allocate_callback(void)
{
    struct owned first = {0}, second = {0}, late = {0};
    rmq_consumer *consumer = minimal_consumer();
    rmq_config *config = minimal_config();
    /* The strategy is avg, which asks nobody. */
    FAILS(RMQ_E_CONFIG_VALUE,
          "the allocate callback is used by allocate.strategy=custom only, and that is not set",
          rmq_consumer_set_allocate_callback(consumer, allocate, &late, free_owned));
    WORKS(rmq_consumer_destroy(consumer));
    WORKS(rmq_config_set(config, "allocate.strategy", "custom", NULL, 0));
    consumer = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    WORKS(rmq_consumer_set_message_callback(consumer, consume, NULL, NULL));
    FAILS(RMQ_E_STATE, "start: allocate.strategy=custom, and no allocate callback is set",
          rmq_consumer_start(consumer));
    CHECK(rmq_consumer_state(consumer) == RMQ_STATE_CREATED);
    WORKS(rmq_consumer_set_allocate_callback(consumer, allocate, &first, free_owned));
    WORKS(rmq_consumer_set_allocate_callback(consumer, allocate, &second, free_owned));
    CHECK(freed_here(&first) && second.freed == 0);
    WORKS(rmq_consumer_shutdown(consumer, -1));
    CHECK(rmq_consumer_set_allocate_callback(consumer, allocate, &late, free_owned) == RMQ_E_STATE);
    WORKS(rmq_consumer_destroy(consumer));
    CHECK(freed_here(&second) && first.freed == 1 && late.freed == 0);
}

static void *destroy(void *consumer)
{
    WORKS(rmq_consumer_destroy(consumer));
    return NULL;
}

static void of_the_log_callback(void)
{
    struct owned replaced = {0}, shared = {0};
    pthread_t thread;
    rmq_consumer *one, *two;
    rmq_config *copy, *config = minimal_config();
    WORKS(rmq_config_set(config, "log.level", "debug", NULL, 0));
    WORKS(rmq_config_set_log_callback(config, log_record, &replaced, free_owned));
    WORKS(rmq_config_set_log_callback(config, log_record, &shared, free_owned));
    CHECK(freed_here(&replaced));
    copy = rmq_config_clone(config);
    one = rmq_consumer_new(config, NULL, 0);
    two = rmq_consumer_new(copy, NULL, 0);
    CHECK(one != NULL && two != NULL);
    rmq_config_destroy(copy);
    WORKS(rmq_consumer_destroy(two));
    rmq_config_destroy(config);
    CHECK(shared.freed == 0);
    /* The last of them frees it, on its thread. */
    CHECK(pthread_create(&thread, NULL, destroy, one) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(shared.freed == 1 && replaced.freed == 1 && !pthread_equal(shared.by, pthread_self()));
}

int main(void)
{
    of_the_message_callback();
    of_the_allocate_callback();
    of_the_log_callback();
    return 0;
}
