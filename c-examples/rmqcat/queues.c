/* The queues that are read: which there are, where each begins, and whether it has come to its end. */
#define _POSIX_C_SOURCE 200809L
#include "rmqcat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One of the functions that fill a buffer. */
typedef rmq_code (*teller)(const rmq_consumer *consumer, const char *topic, char *buf, size_t size, size_t *needed);

static rmq_code assignment(const rmq_consumer *consumer, const char *topic, char *buf, size_t size, size_t *needed)
{
    (void)topic;
    return rmq_consumer_assignment_json(consumer, buf, size, needed);
}

/* Asks for the size first; the text may have grown when it is fetched. NULL on failure. */
static char *ask(teller tell, const rmq_consumer *consumer, const char *topic)
{
    char *text = NULL, *larger;
    size_t needed = 0;
    rmq_code code = tell(consumer, topic, NULL, 0, &needed);
    while (code == RMQ_OK && (larger = realloc(text, needed)) != NULL) {
        text = larger;
        code = tell(consumer, topic, text, needed, &needed);
        if (code == RMQ_OK)
            return text;
        if (code == RMQ_E_BUFFER_TOO_SMALL)
            code = RMQ_OK;
    }
    free(text);
    return NULL;
}

static int is_meant(const struct options *options, const char *broker, int64_t id)
{
    return (options->broker == NULL || strcmp(options->broker, broker) == 0) &&
           (options->queue < 0 || options->queue == id);
}

static struct queue *find(struct queues *queues, const char *topic, const char *broker, int64_t id)
{
    size_t i;
    for (i = 0; i < queues->count; i++) {
        struct queue *queue = &queues->all[i];
        if (queue->id == id && strcmp(queue->topic, topic) == 0 && strcmp(queue->broker, broker) == 0)
            return queue;
    }
    return NULL;
}

struct queue *queues_of(struct queues *queues, const rmq_batch *batch)
{
    return find(queues, rmq_batch_topic(batch, NULL), rmq_batch_broker(batch, NULL), rmq_batch_queue_id(batch));
}

static struct queue *add(struct queues *queues, const char *topic, const char *broker, int64_t id)
{
    struct queue *queue, *all = realloc(queues->all, (queues->count + 1) * sizeof *all);
    if (all == NULL)
        return NULL;
    queues->all = all;
    queue = &all[queues->count++];
    memset(queue, 0, sizeof *queue);
    snprintf(queue->topic, sizeof queue->topic, "%s", topic);
    snprintf(queue->broker, sizeof queue->broker, "%s", broker);
    queue->id = (int32_t)id;
    return queue;
}

/* The queues of one topic by its route, as far as they are meant. */
static int find_of_topic(struct queues *queues, const char *topic, const struct options *options,
                         const rmq_consumer *consumer)
{
    char broker[sizeof queues->all->broker];
    size_t before = queues->count;
    char *route = ask(rmq_consumer_route_json, consumer, topic);
    const char *element;
    if (route == NULL) {
        if (rmq_last_error_code() != RMQ_E_NO_ROUTE)
            return failed(topic);
        say("error", "topic %s does not exist: no name server knows a route", topic);
        return EXIT_NO_TOPIC;
    }
    for (element = json_first(json_member(route, "queues")); element != NULL; element = json_next(element)) {
        int64_t id = -1;
        struct queue *queue;
        json_text(json_member(element, "broker"), broker, sizeof broker);
        json_number(json_member(element, "queue_id"), &id);
        if (!is_meant(options, broker, id))
            continue;
        queue = add(queues, topic, broker, id);
        if (queue == NULL ||
            rmq_consumer_watermarks(consumer, topic, broker, queue->id, &queue->first, &queue->end) != RMQ_OK) {
            free(route);
            return failed(topic);
        }
        queue->reached = queue->end == queue->first;
    }
    free(route);
    if (queues->count > before)
        return EXIT_DONE;
    say("error", "topic %s has no queue %s%s%d", topic, options->broker == NULL ? "" : options->broker,
        options->broker == NULL ? "" : ":", (int)options->queue);
    return EXIT_NO_TOPIC;
}

int queues_find(struct queues *queues, const struct options *options, const rmq_consumer *consumer)
{
    size_t i;
    int result = EXIT_DONE;
    for (i = 0; i < options->topic_count && result == EXIT_DONE; i++)
        result = find_of_topic(queues, options->topics[i], options, consumer);
    return result;
}

int queues_begin(const struct queue *queue, const struct options *options, rmq_consumer *consumer)
{
    int64_t at = queue->first;
    rmq_code code;
    switch (options->start) {
    case START_END: at = queue->end; break;
    case START_OFFSET: at = options->start_at; break;
    case START_LAST: at = queue->end - options->start_at; break;
    default: break;
    }
    /* What lies outside a queue means its nearest end. */
    at = at < queue->first ? queue->first : at > queue->end ? queue->end : at;
    if (options->start == START_TIME) {
        code = rmq_consumer_seek_timestamp(consumer, queue->topic, queue->broker, queue->id, options->start_at);
    } else {
        code = rmq_consumer_seek(consumer, queue->topic, queue->broker, queue->id, at);
        /* What was the first message may be deleted by now. */
        if (code == RMQ_E_INVALID_ARG)
            code = rmq_consumer_seek_begin(consumer, queue->topic, queue->broker, queue->id);
    }
    if (code != RMQ_OK || rmq_consumer_resume(consumer, queue->topic, queue->broker, queue->id) != RMQ_OK)
        return failed(queue->topic);
    return EXIT_DONE;
}

int queues_look_again(struct queues *queues, const struct options *options, rmq_consumer *consumer)
{
    char topic[sizeof queues->all->topic], broker[sizeof queues->all->broker];
    char *owned = ask(assignment, consumer, NULL);
    const char *element = json_first(owned);
    int result = EXIT_DONE;
    for (; element != NULL && result == EXIT_DONE; element = json_next(element)) {
        int64_t id = -1;
        struct queue *queue;
        json_text(json_member(element, "topic"), topic, sizeof topic);
        json_text(json_member(element, "broker"), broker, sizeof broker);
        json_number(json_member(element, "queue_id"), &id);
        if (!is_meant(options, broker, id) || find(queues, topic, broker, id) != NULL)
            continue;
        /* Everything in it is newer than the start. */
        queue = add(queues, topic, broker, id);
        if (queue == NULL || rmq_consumer_seek_begin(consumer, topic, broker, (int32_t)id) != RMQ_OK ||
            rmq_consumer_resume(consumer, topic, broker, (int32_t)id) != RMQ_OK)
            result = failed(topic);
        else
            queue->reached = 1;
    }
    free(owned);
    return result;
}

/* A queue that is ours has come so far when everything up to there was pulled and nothing of it waits. What others
 * consume they commit. */
static void look(struct queue *queue, const char *owned, const struct options *options, const rmq_consumer *consumer)
{
    char topic[sizeof queue->topic], broker[sizeof queue->broker];
    const char *element = json_first(owned);
    int64_t position = -1, pending = 1, id = -1, committed;
    for (; element != NULL; element = json_next(element)) {
        json_text(json_member(element, "topic"), topic, sizeof topic);
        json_text(json_member(element, "broker"), broker, sizeof broker);
        json_number(json_member(element, "queue_id"), &id);
        if (id == queue->id && strcmp(topic, queue->topic) == 0 && strcmp(broker, queue->broker) == 0) {
            queue->reached = json_number(json_member(element, "position"), &position) &&
                             json_number(json_member(element, "pending"), &pending) && position >= queue->end &&
                             pending == 0;
            return;
        }
    }
    if (options->group != NULL)
        queue->reached = rmq_consumer_committed(consumer, queue->topic, queue->broker, queue->id, &committed) == RMQ_OK &&
                         committed >= queue->end;
}

int queues_reached(struct queues *queues, const struct options *options, rmq_consumer *consumer)
{
    char *owned = NULL;
    size_t i, reached = 0;
    for (i = 0; i < queues->count; i++) {
        struct queue *queue = &queues->all[i];
        if (!queue->reached) {
            if (owned == NULL)
                owned = ask(assignment, consumer, NULL);
            look(queue, owned, options, consumer);
        }
        reached += queue->reached != 0;
    }
    free(owned);
    return reached == queues->count;
}

/* --- The list */

static void list_brokers(struct output *out, const char *topic, const rmq_consumer *consumer)
{
    char *route = ask(rmq_consumer_route_json, consumer, topic);
    const char *broker = json_first(json_member(route, "brokers"));
    char name[160], id[32], address[160];
    for (; broker != NULL; broker = json_next(broker)) {
        const char *at = json_member(broker, "addresses");
        json_text(json_member(broker, "broker"), name, sizeof name);
        output_printf(out, "  broker %s:", name);
        /* Members of an object are elements that have a name before a colon. */
        for (at = at != NULL && strchr(at, '"') != NULL && at[1] == '"' ? at + 1 : NULL; at != NULL; at = json_next(at)) {
            json_text(at, id, sizeof id);
            at += strlen(id) + 3;
            json_text(at, address, sizeof address);
            output_printf(out, " %s=%s", id, address);
        }
        output_text(out, "\n", 1);
    }
    free(route);
}

int queues_list(struct output *out, const struct queues *queues, const struct options *options,
                const rmq_consumer *consumer)
{
    const char *topic = "";
    size_t i;
    for (i = 0; i < queues->count; i++) {
        const struct queue *queue = &queues->all[i];
        int64_t committed = -1;
        rmq_code code = options->group == NULL ? RMQ_E_NO_OFFSET :
                        rmq_consumer_committed(consumer, queue->topic, queue->broker, queue->id, &committed);
        if (code != RMQ_OK && code != RMQ_E_NO_OFFSET)
            return failed(queue->topic);
        if (options->json) {
            output_printf(out, "{\"topic\":\"%s\",\"broker\":\"%s\",\"queue_id\":%d,\"first\":%lld,\"end\":%lld",
                          queue->topic, queue->broker, (int)queue->id, (long long)queue->first, (long long)queue->end);
            if (options->group != NULL && code == RMQ_OK)
                output_printf(out, ",\"group\":\"%s\",\"committed\":%lld,\"lag\":%lld", options->group,
                              (long long)committed, (long long)(queue->end - committed));
            else if (options->group != NULL)
                output_printf(out, ",\"group\":\"%s\",\"committed\":null,\"lag\":null", options->group);
            output_text(out, "}\n", 2);
            continue;
        }
        if (strcmp(topic, queue->topic) != 0) {
            topic = queue->topic;
            output_printf(out, "topic %s\n", topic);
            list_brokers(out, topic, consumer);
        }
        output_printf(out, "  queue %s:%d offsets %lld to %lld", queue->broker, (int)queue->id, (long long)queue->first,
                      (long long)queue->end);
        if (options->group != NULL && code == RMQ_OK)
            output_printf(out, ", group %s committed %lld, lag %lld", options->group, (long long)committed,
                          (long long)(queue->end - committed));
        else if (options->group != NULL)
            output_printf(out, ", group %s committed nothing", options->group);
        output_text(out, "\n", 1);
    }
    return EXIT_DONE;
}
