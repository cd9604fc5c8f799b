/* A consumer of the parent is refused in the child, its destroy does nothing there, and a new one works. */
#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

static void in_the_child(rmq_consumer *inherited)
{
    char text[64];
    size_t needed;
    rmq_consumer *own;
    CHECK(rmq_consumer_subscribe(inherited, "T", "*") == RMQ_E_FORKED);
    CHECK(strstr(rmq_last_error_message(), "make a new one here") != NULL);
    CHECK(rmq_consumer_unsubscribe(inherited, "T") == RMQ_E_FORKED);
    CHECK(rmq_consumer_set_message_callback(inherited, NULL, NULL, NULL) == RMQ_E_FORKED);
    CHECK(rmq_consumer_start(inherited) == RMQ_E_FORKED);
    CHECK(rmq_consumer_shutdown(inherited, 0) == RMQ_E_FORKED);
    CHECK(rmq_consumer_state(inherited) == RMQ_E_FORKED);
    CHECK(rmq_consumer_is_started(inherited) == 0);
    CHECK(rmq_consumer_client_id(inherited) == NULL);
    CHECK(rmq_consumer_last_error(inherited, text, sizeof text, &needed) == RMQ_E_FORKED);
    CHECK(rmq_consumer_subscriptions_json(inherited, text, sizeof text, &needed) == RMQ_E_FORKED);
    CHECK(rmq_consumer_assignment_json(inherited, text, sizeof text, &needed) == RMQ_E_FORKED);
    CHECK(rmq_consumer_stats_json(inherited, text, sizeof text, &needed) == RMQ_E_FORKED);
    WORKS(rmq_consumer_destroy(inherited));

    own = minimal_consumer();
    WORKS(rmq_consumer_subscribe(own, "T", "*"));
    WORKS(rmq_consumer_destroy(own));
}

int main(void)
{
    int status = -1;
    rmq_consumer *consumer = minimal_consumer();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        in_the_child(consumer);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(rmq_consumer_state(consumer) == RMQ_STATE_CREATED);
    WORKS(rmq_consumer_destroy(consumer));
    return 0;
}
