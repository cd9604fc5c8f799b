/* Reads what a group has given up: shows of each dead letter what it was, and how often it was tried.
 *
 *   dead_letters <group> [reader] [end]
 *
 * Name servers come from the environment: NAMESRV_ADDR=host:port;host:port. Progress is kept for the group reader,
 * <group>-dead-letters unless given, so what was shown does not come again. With the word end the program stops behind
 * the last dead letter there is, else with Ctrl-C. The exit code is 0 when all was well. */
#define _POSIX_C_SOURCE 200809L

#include <rmq.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    size_t i, len;
    (void)consumer, (void)context, (void)userdata;
    for (i = 0; i < rmq_batch_count(batch); i++) {
        const rmq_message *message = rmq_batch_at(batch, i);
        const uint8_t *body = rmq_message_body(message, &len);
        const char *first = rmq_message_origin_offset_msg_id(message, NULL);
        /* Each time it was given back counts, the last time too. */
        printf("%s %s (stored as %s) given back %d times: %.*s\n", rmq_message_origin_topic(message, NULL),
               rmq_message_origin_msg_id(message, NULL), first ? first : "?", (int)rmq_message_reconsume_times(message),
               len > 60 ? 60 : (int)len, (const char *)body);
    }
    fflush(stdout);
    /* Whoever sends them again does it here, and answers RMQ_RECONSUME_LATER when that fails. */
    return RMQ_CONSUME_SUCCESS;
}

/* Whether every queue of the dead letters is known and read to its end. */
static int at_end(const rmq_consumer *consumer)
{
    static char json[1 << 16];
    const char *at = json;
    int queues = 0;
    if (rmq_consumer_assignment_json(consumer, json, sizeof json, NULL) != RMQ_OK)
        return 0;
    while ((at = strstr(at, "\"lag\":")) != NULL) {
        at += strlen("\"lag\":");
        if (strncmp(at, "0,", 2) != 0 && strncmp(at, "0}", 2) != 0)
            return 0;
        queues++;
    }
    return queues > 0;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {0, 10 * 1000 * 1000};
    char topic[128], reader[160], text[512];
    const int until_end = argc > 1 && strcmp(argv[argc - 1], "end") == 0;
    int begins = 1000, result = 0;
    rmq_config *config;
    rmq_consumer *consumer;
    if (argc < 2) {
        fprintf(stderr, "usage: NAMESRV_ADDR=host:port dead_letters <group> [reader] [end]\n");
        return 2;
    }
    if (rmq_dead_letter_topic(argv[1], topic, sizeof topic, NULL) != RMQ_OK) {
        fprintf(stderr, "%s\n", rmq_last_error_message());
        return 2;
    }
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    snprintf(reader, sizeof reader, "%s%s", argc - until_end > 2 ? argv[2] : argv[1],
             argc - until_end > 2 ? "" : "-dead-letters");
    config = rmq_config_new();
    if (rmq_config_set(config, "consumer.group", reader, text, sizeof text) != RMQ_OK ||
        rmq_config_set(config, "consume.from", "first_offset", text, sizeof text) != RMQ_OK ||
        (consumer = rmq_consumer_new(config, text, sizeof text)) == NULL) {
        fprintf(stderr, "%s\n", text);
        rmq_config_destroy(config);
        return 2;
    }
    rmq_config_destroy(config);
    /* Assigned and not subscribed: what fails here is tried again here, and never becomes a dead letter anew. */
    snprintf(text, sizeof text, "[{\"topic\": \"%s\"}]", topic);
    if (rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL) != RMQ_OK ||
        rmq_consumer_assign(consumer, text) != RMQ_OK || rmq_consumer_start(consumer) != RMQ_OK) {
        fprintf(stderr, "%s\n", rmq_last_error_message());
        result = 2;
    }
    while (result == 0 && !interrupted && !(until_end && at_end(consumer))) {
        nanosleep(&pause, NULL);
        /* Ten seconds without a route: the group has given up nothing yet. */
        if (until_end && rmq_consumer_route_json(consumer, topic, NULL, 0, NULL) == RMQ_E_NO_ROUTE && begins-- == 0) {
            fprintf(stderr, "there is no topic %s\n", topic);
            break;
        }
    }
    if (rmq_consumer_destroy(consumer) != RMQ_OK) {
        fprintf(stderr, "%s\n", rmq_last_error_message());
        result = 1;
    }
    return result;
}
