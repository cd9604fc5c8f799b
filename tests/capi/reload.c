/* Loads the library, consumes, stops and unloads it, again and again.
 * reload <librmq.so> <name servers> <group> <topic> <times>: the library is not linked */
#include "check.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <time.h>

/* The header's own declaration of each function tells its type. */
#define LOAD(name)                                                                                \
    __typeof__(&name) load_##name;                                                                \
    *(void **)&load_##name = symbol(library, #name)

static size_t (*batch_count)(const rmq_batch *);
static atomic_long consumed;

static void *symbol(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (found == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return found;
}

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)context, (void)userdata;
    atomic_fetch_add(&consumed, (long)batch_count(batch));
    return RMQ_CONSUME_SUCCESS;
}

static int threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    while (readdir(tasks) != NULL)
        count++;
    closedir(tasks);
    return count - 2;
}

static void must(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

static void once(char **argv, int turn)
{
    const struct timespec pause = {0, 1000000};
    char group[64];
    rmq_config *config;
    rmq_consumer *consumer;
    int i;
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    must(library != NULL, "dlopen");
    LOAD(rmq_config_new);
    LOAD(rmq_config_set);
    LOAD(rmq_config_destroy);
    LOAD(rmq_consumer_new);
    LOAD(rmq_consumer_set_message_callback);
    LOAD(rmq_consumer_subscribe);
    LOAD(rmq_consumer_start);
    LOAD(rmq_consumer_destroy);
    LOAD(rmq_batch_count);
    batch_count = load_rmq_batch_count;
    atomic_store(&consumed, 0);
    snprintf(group, sizeof group, "%s-%d", argv[3], turn);
    config = load_rmq_config_new();
    must(load_rmq_config_set(config, "namesrv.addr", argv[2], NULL, 0) == RMQ_OK, "namesrv.addr");
    must(load_rmq_config_set(config, "consumer.group", group, NULL, 0) == RMQ_OK, "consumer.group");
    must(load_rmq_config_set(config, "consume.from", "first_offset", NULL, 0) == RMQ_OK, "consume.from");
    consumer = load_rmq_consumer_new(config, NULL, 0);
    load_rmq_config_destroy(config);
    must(consumer != NULL, "rmq_consumer_new");
    must(load_rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL) == RMQ_OK, "callback");
    must(load_rmq_consumer_subscribe(consumer, argv[4], "*") == RMQ_OK, "subscribe");
    must(load_rmq_consumer_start(consumer) == RMQ_OK, "start");
    for (i = 0; atomic_load(&consumed) == 0 && i < 10000; i++)
        nanosleep(&pause, NULL);
    must(atomic_load(&consumed) > 0, "no message came");
    must(load_rmq_consumer_destroy(consumer) == RMQ_OK, "destroy");
    must(dlclose(library) == 0, "dlclose");
    /* Joined, not only told to end. */
    must(threads() == 1, "threads are left");
}

int main(int argc, char **argv)
{
    int turn;
    must(argc == 6, "arguments");
    for (turn = 0; turn < atoi(argv[5]); turn++)
        once(argv, turn);
    /* It stays where it is: threads of a consumer that nobody ended would run on in it. */
    must(dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) != NULL, "the library was unloaded");
    return 0;
}
