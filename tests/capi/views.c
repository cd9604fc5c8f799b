/* The views of a batch say what the functions say, for callers of every age.
 * views <name servers> <group> <topic> <messages> */
#include "check.h"

#include <pthread.h>

/* The call answers 0, and the thread's last error has the text. */
#define REFUSED(text, call)                                                                       \
    do {                                                                                          \
        CHECK((call) == 0);                                                                       \
        CHECK(rmq_last_error_code() == RMQ_E_INVALID_ARG);                                        \
        CHECK(strcmp(rmq_last_error_message(), (text)) == 0);                                     \
    } while (0)

/* What a newer header might have. */
struct newer {
    rmq_message_view known;
    unsigned char added[40];
};

static int same(const char *view, size_t view_len, const char *text, size_t len)
{
    if (text == NULL)
        return view == NULL && view_len == 0;
    return view != NULL && view_len == len && memcmp(view, text, len) == 0;
}

static void check_view(const rmq_message_view *view, const rmq_message *message)
{
    size_t len;
    const char *text = rmq_message_topic(message, &len);
    CHECK(same(view->topic, view->topic_len, text, len));
    text = rmq_message_tags(message, &len);
    CHECK(same(view->tags, view->tags_len, text, len));
    text = rmq_message_keys(message, &len);
    CHECK(same(view->keys, view->keys_len, text, len));
    text = rmq_message_msg_id(message, &len);
    CHECK(same(view->msg_id, view->msg_id_len, text, len));
    CHECK(view->body == rmq_message_body(message, &len) && view->body_len == len);
    CHECK(view->queue_offset == rmq_message_queue_offset(message));
    CHECK(view->commit_log_offset == rmq_message_commit_log_offset(message));
    CHECK(view->born_timestamp == rmq_message_born_timestamp(message));
    CHECK(view->store_timestamp == rmq_message_store_timestamp(message));
    CHECK(view->prepared_transaction_offset == rmq_message_prepared_transaction_offset(message));
    CHECK(view->queue_id == rmq_message_queue_id(message));
    CHECK(view->reconsume_times == rmq_message_reconsume_times(message));
    CHECK(view->flag == rmq_message_flag(message));
    CHECK(view->sys_flag == rmq_message_sys_flag(message));
    CHECK(view->store_size == rmq_message_store_size(message));
    CHECK(view->body_crc == rmq_message_body_crc(message));
}

static void refuse(const rmq_batch *batch)
{
    struct newer views[2];
    rmq_message_view *first = &views[0].known;
    const size_t size = sizeof *first;
    char text[160];
    memset(views, 0x55, sizeof views);
    REFUSED("batch is NULL", rmq_batch_views(NULL, first, size, 1));
    REFUSED("views is NULL", rmq_batch_views(batch, NULL, size, 1));
    REFUSED("max is 0: allowed is 1 and more", rmq_batch_views(batch, first, size, 0));
    snprintf(text, sizeof text, "stride is %u: allowed is sizeof(rmq_message_view), from %u, a multiple of %u",
             (unsigned)size - 8, (unsigned)size, (unsigned)sizeof(int64_t));
    REFUSED(text, rmq_batch_views(batch, first, size - 8, 1));
    CHECK(rmq_batch_views(batch, first, 0, 1) == 0);
    CHECK(rmq_batch_views(batch, first, size + 1, 1) == 0);
    CHECK(rmq_batch_views(batch, first, ~(size_t)7, 1) == 0);
    CHECK(rmq_batch_views(batch, (rmq_message_view *)((char *)first + 4), size, 1) == 0);
    CHECK(rmq_last_error_code() == RMQ_E_INVALID_ARG && *(unsigned char *)first == 0x55);
}

/* By callers of this version and of a newer one, all or some. */
static size_t check_batch(const rmq_batch *batch)
{
    size_t i, k, count = rmq_batch_count(batch);
    rmq_message_view *views = malloc((count + 1) * sizeof *views);
    struct newer *newer = malloc((count + 1) * sizeof *newer);
    CHECK(views != NULL && newer != NULL);
    memset(views, 0x55, (count + 1) * sizeof *views);
    memset(newer, 0x55, (count + 1) * sizeof *newer);
    CHECK(rmq_batch_views(batch, views, sizeof *views, count + 1) == count);
    CHECK(rmq_batch_views(batch, &newer->known, sizeof *newer, count) == count);
    for (i = 0; i < count; i++) {
        check_view(&views[i], rmq_batch_at(batch, i));
        CHECK(memcmp(&newer[i].known, &views[i], sizeof *views) == 0);
        for (k = 0; k < sizeof newer->added; k++)
            CHECK(newer[i].added[k] == 0);
    }
    CHECK(*(unsigned char *)&views[count] == 0x55 && *(unsigned char *)&newer[count] == 0x55);
    memset(views, 0x55, (count + 1) * sizeof *views);
    CHECK(rmq_batch_views(batch, views, sizeof *views, 1) == 1);
    check_view(&views[0], rmq_batch_at(batch, 0));
    CHECK(*(unsigned char *)&views[1] == 0x55);
    refuse(batch);
    free(views);
    free(newer);
    return count;
}

static rmq_consumer *make(const char *name_servers, const char *group, const char *topic, rmq_message_cb callback)
{
    rmq_config *config = member_config(name_servers, group);
    rmq_consumer *consumer;
    WORKS(rmq_config_set_batch_size(config, 4));
    consumer = rmq_consumer_new(config, NULL, 0);
    CHECK(consumer != NULL);
    rmq_config_destroy(config);
    WORKS(rmq_consumer_set_message_callback(consumer, callback, NULL, NULL));
    WORKS(rmq_consumer_subscribe(consumer, topic, "*"));
    WORKS(rmq_consumer_start(consumer));
    return consumer;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static size_t lent;

static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch, rmq_context *context, void *userdata)
{
    size_t count = check_batch(batch);
    (void)consumer, (void)context, (void)userdata;
    pthread_mutex_lock(&lock);
    lent += count;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    return RMQ_CONSUME_SUCCESS;
}

int main(int argc, char **argv)
{
    size_t wanted, seen, count, tags = 0, keys = 0, i;
    rmq_message_view views[32];
    rmq_consumer *consumer;
    rmq_batch *batch;
    char group[64];
    CHECK(argc == 5);
    wanted = strtoul(argv[4], NULL, 10);
    snprintf(group, sizeof group, "%s-lent", argv[2]);
    consumer = make(argv[1], group, argv[3], on_messages);
    pthread_mutex_lock(&lock);
    while (lent < wanted)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    WORKS(rmq_consumer_destroy(consumer));

    consumer = make(argv[1], argv[2], argv[3], NULL);
    for (seen = 0; seen < wanted; seen += count) {
        WORKS(rmq_consumer_poll(consumer, 32, 40000, &batch));
        count = check_batch(batch);
        CHECK(rmq_batch_views(batch, views, sizeof views[0], 32) == count);
        WORKS(rmq_batch_ack(batch));
        /* What a view points to lives as long as the batch. */
        if (seen + count == wanted)
            WORKS(rmq_consumer_destroy(consumer));
        for (i = 0; i < count; i++) {
            check_view(&views[i], rmq_batch_at(batch, i));
            tags += views[i].tags != NULL;
            keys += views[i].keys != NULL;
        }
        rmq_batch_destroy(batch);
    }
    printf("%u messages, %u with tags, %u with keys\n", (unsigned)seen, (unsigned)tags, (unsigned)keys);
    return 0;
}
