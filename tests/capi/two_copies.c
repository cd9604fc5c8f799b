/* Two copies of the library in one process: librmq.so, and librmq.a inside of a plugin. Both consume at once and know
 * nothing of each other. two_copies <plugin> <name servers> <topic> <messages> */
#include "check.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <time.h>

static int32_t count(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)batch, (void)context;
    atomic_fetch_add((atomic_long *)userdata, 1);
    return RMQ_CONSUME_SUCCESS;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {0, 1000000};
    void *plugin, *theirs;
    const char *(*version)(void);
    rmq_code (*last_error)(void);
    void *(*begin)(const char *, const char *, const char *, rmq_message_cb, void *);
    int (*end)(void *);
    static atomic_long ours_seen, theirs_seen;
    long wanted;
    int i;
    rmq_config *config = rmq_config_new();
    rmq_consumer *ours;
    CHECK(argc == 5);
    wanted = atol(argv[4]);
    plugin = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    CHECK(plugin != NULL);
    *(void **)&version = dlsym(plugin, "plugin_version");
    *(void **)&last_error = dlsym(plugin, "plugin_last_error");
    *(void **)&begin = dlsym(plugin, "plugin_consumer");
    *(void **)&end = dlsym(plugin, "plugin_end");
    CHECK(version != NULL && last_error != NULL && begin != NULL && end != NULL);
    /* Equal texts at two places: the plugin has its own. */
    CHECK(strcmp(version(), rmq_version()) == 0 && version() != rmq_version());
    CHECK(rmq_config_set(config, "nothing", "x", NULL, 0) == RMQ_E_CONFIG_KEY);
    CHECK(rmq_last_error_code() == RMQ_E_CONFIG_KEY && last_error() == RMQ_OK);

    WORKS(rmq_config_set_namesrv_addr(config, argv[2]));
    WORKS(rmq_config_set_group(config, "ours"));
    WORKS(rmq_config_set(config, "consume.from", "first_offset", NULL, 0));
    ours = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    CHECK(ours != NULL);
    WORKS(rmq_consumer_set_message_callback(ours, count, &ours_seen, NULL));
    WORKS(rmq_consumer_subscribe(ours, argv[3], "*"));
    WORKS(rmq_consumer_start(ours));
    theirs = begin(argv[2], "theirs", argv[3], count, &theirs_seen);
    CHECK(theirs != NULL);
    for (i = 0; (atomic_load(&ours_seen) < wanted || atomic_load(&theirs_seen) < wanted) && i < 30000; i++)
        nanosleep(&pause, NULL);
    CHECK(atomic_load(&ours_seen) == wanted && atomic_load(&theirs_seen) == wanted);
    /* One ends, the other goes on. */
    CHECK(end(theirs));
    CHECK(dlclose(plugin) == 0 && rmq_consumer_is_started(ours));
    WORKS(rmq_consumer_destroy(ours));
    return 0;
}
