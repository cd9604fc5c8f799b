// A C++ exception that leaves a callback ends the process; it does not acknowledge the message.
// exception <name servers> <group> <topic>
#include <rmq.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <unistd.h>

static int32_t on_messages(rmq_consumer *, const rmq_batch *, rmq_context *, void *)
{
    throw std::runtime_error("leaves a callback");
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    rmq_config *config = rmq_config_new();
    rmq_config_set_namesrv_addr(config, argv[1]);
    rmq_config_set_group(config, argv[2]);
    rmq_config_set(config, "consume.from", "first_offset", NULL, 0);
    rmq_consumer *consumer = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL);
    rmq_consumer_subscribe(consumer, argv[3], "*");
    if (rmq_consumer_start(consumer) != RMQ_OK) {
        std::fprintf(stderr, "%s\n", rmq_last_error_message());
        return 2;
    }
    sleep(30);
    return 3;
}
