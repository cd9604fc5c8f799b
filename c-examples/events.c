/* Prints what happens to a consumer: queues that come and go, failures, messages that take too long.
 *
 *   events GROUP TOPIC [SECONDS]
 */
#include <rmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    (void)consumer, (void)batch, (void)context, (void)userdata;
    return RMQ_CONSUME_SUCCESS;
}

static const char *name(int32_t kind)
{
    switch (kind) {
    case RMQ_EVENT_ASSIGNED:
        return "assigned";
    case RMQ_EVENT_REVOKING:
        return "revoking"; /* what is held of these queues may still be settled */
    case RMQ_EVENT_RELEASED:
        return "released";
    case RMQ_EVENT_ERROR:
        return "error";
    case RMQ_EVENT_WARNING:
        return "warning";
    default:
        return "event"; /* later versions may have more kinds */
    }
}

/* Prints every event that comes until the time is over, or until the consumer is stopped. */
static void print_events(rmq_consumer *consumer, time_t until)
{
    for (;;) {
        rmq_event *event;
        rmq_code code = rmq_consumer_poll_event(consumer, 100, &event);
        if (code == RMQ_OK) {
            printf("%s: %s\n", name(rmq_event_kind(event)), rmq_event_json(event));
            rmq_event_destroy(event);
        } else if (code != RMQ_E_TIMEOUT || time(NULL) >= until) {
            return;
        }
    }
}

int main(int argc, char **argv)
{
    rmq_consumer *consumer = NULL;
    rmq_config *config = rmq_config_new();
    if (argc < 3) {
        fprintf(stderr, "usage: events GROUP TOPIC [SECONDS]\n");
        return 2;
    }
    if (rmq_config_set_group(config, argv[1]) == RMQ_OK)
        consumer = rmq_consumer_new(config, NULL, 0);
    rmq_config_destroy(config);
    if (consumer == NULL || rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL) != RMQ_OK ||
        rmq_consumer_subscribe(consumer, argv[2], NULL) != RMQ_OK || rmq_consumer_start(consumer) != RMQ_OK) {
        fprintf(stderr, "%s\n", rmq_last_error_message());
        rmq_consumer_destroy(consumer);
        return 1;
    }
    print_events(consumer, time(NULL) + (argc > 3 ? atoi(argv[3]) : 10));
    if (rmq_consumer_shutdown(consumer, -1) != RMQ_OK)
        fprintf(stderr, "%s\n", rmq_last_error_message());
    print_events(consumer, 0); /* what the shutdown left behind */
    return rmq_consumer_destroy(consumer) != RMQ_OK;
}
