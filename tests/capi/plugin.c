/* A shared library of a user, which has librmq.a inside and shows none of it. */
#define RMQ_STATIC
#include <rmq.h>

#include <stddef.h>

const char *plugin_version(void);
rmq_code plugin_last_error(void);
void *plugin_consumer(const char *namesrv, const char *group, const char *topic, rmq_message_cb callback, void *userdata);
int plugin_end(void *consumer);

const char *plugin_version(void)
{
    return rmq_version();
}

rmq_code plugin_last_error(void)
{
    return rmq_last_error_code();
}

/* The callback is called with this copy's handles: it may only count. */
void *plugin_consumer(const char *namesrv, const char *group, const char *topic, rmq_message_cb callback, void *userdata)
{
    rmq_consumer *consumer;
    rmq_config *config = rmq_config_new();
    rmq_config_set_namesrv_addr(config, namesrv);
    rmq_config_set_group(config, group);
    rmq_config_set(config, "consume.from", "first_offset", NULL, 0);
    consumer = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    if (consumer == NULL || rmq_consumer_set_message_callback(consumer, callback, userdata, NULL) != RMQ_OK ||
        rmq_consumer_subscribe(consumer, topic, "*") != RMQ_OK || rmq_consumer_start(consumer) != RMQ_OK) {
        rmq_consumer_destroy(consumer);
        return NULL;
    }
    return consumer;
}

int plugin_end(void *consumer)
{
    return rmq_consumer_destroy(consumer) == RMQ_OK;
}
