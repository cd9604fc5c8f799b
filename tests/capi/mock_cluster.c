/* What each function of the mock does, but for faults: topics, messages, offsets, members, brokers that come and go. */
#include "mock_check.h"

#include <time.h>

static void messages_have_what_was_given(rmq_mock_cluster *cluster)
{
    const char *properties[] = {"TAGS", "paid", "KEYS", "k1 k2", "colour", "red"};
    int64_t offset = -1, min = -1, max = -1;
    rmq_consumer *consumer;
    rmq_batch *batch;
    const rmq_message *message;
    MOCK_WORKS(rmq_mock_create_topic(cluster, "Given", 1));
    MOCK_WORKS(rmq_mock_produce_with(cluster, 0, "Given", 0, (const uint8_t *)"one", 3, properties, 3, 1000, &offset));
    CHECK(offset == 0 && mock_produce(cluster, "Given", 0, "two", "new") == 1);
    MOCK_WORKS(rmq_mock_produce(cluster, "Given", 0, NULL, 0, NULL, "k3", &offset));
    MOCK_WORKS(rmq_mock_watermarks(cluster, 0, "Given", 0, &min, &max));
    CHECK(offset == 2 && min == 0 && max == 3);

    consumer = mock_consumer(cluster, "given", "Given");
    batch = mock_next(consumer, "one");
    message = rmq_batch_at(batch, 0);
    CHECK(strcmp(rmq_message_tags(message, NULL), "paid") == 0 && strcmp(rmq_message_keys(message, NULL), "k1 k2") == 0);
    CHECK(strcmp(rmq_message_property(message, "colour", NULL), "red") == 0);
    CHECK(rmq_message_store_timestamp(message) == 1000);
    WORKS(rmq_batch_ack(batch));
    rmq_batch_destroy(batch);
    batch = mock_next(consumer, "two");
    CHECK(strcmp(rmq_message_tags(rmq_batch_at(batch, 0), NULL), "new") == 0);
    CHECK(rmq_message_store_timestamp(rmq_batch_at(batch, 0)) > 1000);
    WORKS(rmq_batch_ack(batch));
    rmq_batch_destroy(batch);
    batch = mock_next(consumer, "");
    CHECK(strcmp(rmq_message_keys(rmq_batch_at(batch, 0), NULL), "k3") == 0);
    WORKS(rmq_batch_ack(batch));
    rmq_batch_destroy(batch);
    WORKS(rmq_consumer_destroy(consumer));

    MOCK_WORKS(rmq_mock_delete_topic(cluster, "Given"));
    CHECK(rmq_mock_watermarks(cluster, 0, "Given", 0, NULL, NULL) == RMQ_MOCK_E_INVALID_ARG);
}

static void groups_begin_where_they_are_said_to(rmq_mock_cluster *cluster)
{
    int64_t offset = -1;
    rmq_consumer *consumer;
    MOCK_WORKS(rmq_mock_create_topic(cluster, "Begin", 1));
    MOCK_FAILS(RMQ_MOCK_E_NO_OFFSET, "begin has committed nothing for Begin/0",
               rmq_mock_committed(cluster, 0, "begin", "Begin", 0, &offset));
    mock_produce(cluster, "Begin", 0, "zero", NULL);
    mock_produce(cluster, "Begin", 0, "one", NULL);
    MOCK_WORKS(rmq_mock_set_committed(cluster, 0, "begin", "Begin", 0, 1));
    MOCK_FAILS(RMQ_MOCK_E_TIMEOUT, "begin has committed 1 of 2 after 0 ms",
               rmq_mock_wait_committed(cluster, 0, "begin", "Begin", 0, 2, 0));
    consumer = mock_consumer(cluster, "begin", "Begin");
    mock_consume(consumer, "one");
    MOCK_WORKS(rmq_mock_wait_committed(cluster, 0, "begin", "Begin", 0, 2, 30000));
    MOCK_WORKS(rmq_mock_committed(cluster, 0, "begin", "Begin", 0, &offset));
    CHECK(offset == 2);
    WORKS(rmq_consumer_destroy(consumer));
    MOCK_WORKS(rmq_mock_set_committed(cluster, 0, "begin", "Begin", 0, -1));
    CHECK(rmq_mock_committed(cluster, 0, "begin", "Begin", 0, NULL) == RMQ_MOCK_E_NO_OFFSET);
    /* A group without an offset begins at the first message that is left. */
    MOCK_WORKS(rmq_mock_expire(cluster, 0, "Begin", 0, 1));
    consumer = mock_consumer(cluster, "begin", "Begin");
    mock_consume(consumer, "one");
    WORKS(rmq_consumer_destroy(consumer));
}

static void members_come_and_go(rmq_mock_cluster *cluster)
{
    char ids[256];
    size_t needed = 0;
    rmq_consumer *consumer;
    MOCK_WORKS(rmq_mock_create_topic(cluster, "Members", 1));
    CHECK(rmq_mock_member_count(cluster, 0, "members") == 0);
    consumer = mock_consumer(cluster, "members", "Members");
    CHECK(rmq_mock_member_count(cluster, 0, "members") == 1);
    MOCK_WORKS(rmq_mock_members(cluster, 0, "members", ids, sizeof ids, &needed));
    CHECK(strcmp(ids, rmq_consumer_client_id(consumer)) == 0 && needed == strlen(ids) + 1);
    CHECK(rmq_mock_members(cluster, 0, "members", ids, 2, &needed) == RMQ_MOCK_E_BUFFER_TOO_SMALL && ids[0] == '\0');
    WORKS(rmq_consumer_destroy(consumer));
    CHECK(rmq_mock_member_count(cluster, 0, "members") == 0);
    MOCK_WORKS(rmq_mock_members(cluster, 0, "members", ids, sizeof ids, NULL));
    CHECK(ids[0] == '\0');
}

static void a_failed_message_comes_again_and_ends_as_a_dead_letter(rmq_mock_cluster *cluster)
{
    int64_t max = -1;
    int waited;
    rmq_batch *batch;
    rmq_consumer *consumer;
    MOCK_WORKS(rmq_mock_create_topic(cluster, "Fails", 1));
    mock_produce(cluster, "Fails", 0, "again", NULL);
    consumer = mock_consumer(cluster, "fails", "Fails");
    batch = mock_next(consumer, "again");
    WORKS(rmq_batch_retry(batch, 0));
    rmq_batch_destroy(batch);
    batch = mock_next(consumer, "again");
    CHECK(rmq_message_reconsume_times(rmq_batch_at(batch, 0)) == 1);
    WORKS(rmq_batch_retry(batch, -1));
    rmq_batch_destroy(batch);
    MOCK_WORKS(rmq_mock_wait_committed(cluster, 0, "fails", "%RETRY%fails", 0, 1, 30000));
    /* The broker answers first and stores then. */
    for (waited = 0; max != 1 && waited < 30000; waited++) {
        MOCK_WORKS(rmq_mock_watermarks(cluster, 0, "%DLQ%fails", 0, NULL, &max));
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    CHECK(max == 1);
    WORKS(rmq_consumer_destroy(consumer));
}

static void brokers_and_the_name_server_come_back(rmq_mock_cluster *cluster)
{
    char address[64];
    int pulls;
    rmq_consumer *consumer;
    CHECK(rmq_mock_broker_count(cluster) == 2);
    CHECK(strcmp(rmq_mock_broker_name(cluster, 0), "broker-a") == 0);
    CHECK(strcmp(rmq_mock_broker_name(cluster, 1), "broker-b") == 0);
    CHECK(strncmp(rmq_mock_broker_addr(cluster, 0), "127.0.0.1:", 10) == 0);
    CHECK(strcmp(rmq_mock_broker_addr(cluster, 0), rmq_mock_broker_addr(cluster, 1)) != 0);
    strcpy(address, rmq_mock_cluster_namesrv_addr(cluster));
    MOCK_WORKS(rmq_mock_create_topic(cluster, "Back", 1));
    consumer = mock_consumer(cluster, "back", "Back");
    MOCK_WORKS(rmq_mock_wait_requests(cluster, RMQ_MOCK_PULL_MESSAGE, 0, "topic=Back", 1, 30000));
    CHECK(rmq_mock_request_count(cluster, RMQ_MOCK_PULL_MESSAGE, RMQ_MOCK_NAMESRV, NULL) == 0);
    CHECK(rmq_mock_request_count(cluster, RMQ_MOCK_GET_ROUTEINFO_BY_TOPIC, RMQ_MOCK_NAMESRV, "topic=Back") > 0);

    MOCK_WORKS(rmq_mock_namesrv_down(cluster));
    MOCK_WORKS(rmq_mock_namesrv_down(cluster));
    mock_produce(cluster, "Back", 0, "without a name server", NULL);
    mock_consume(consumer, "without a name server");
    MOCK_WORKS(rmq_mock_namesrv_up(cluster));
    MOCK_WORKS(rmq_mock_namesrv_up(cluster));
    CHECK(strcmp(address, rmq_mock_cluster_namesrv_addr(cluster)) == 0);

    MOCK_WORKS(rmq_mock_broker_kill(cluster, 0));
    mock_produce(cluster, "Back", 0, "after a crash", NULL);
    MOCK_WORKS(rmq_mock_broker_restart(cluster, 0));
    mock_consume(consumer, "after a crash");
    pulls = rmq_mock_request_count(cluster, RMQ_MOCK_PULL_MESSAGE, 0, "topic=Back&consumerGroup=back");
    MOCK_WORKS(rmq_mock_broker_drop_connections(cluster, 0));
    MOCK_WORKS(rmq_mock_wait_requests(cluster, RMQ_MOCK_PULL_MESSAGE, 0, "topic=Back&consumerGroup=back", pulls + 1,
                                      30000));
    mock_produce(cluster, "Back", 0, "after a broken network", NULL);
    mock_consume(consumer, "after a broken network");
    CHECK(rmq_mock_wait_requests(cluster, RMQ_MOCK_PULL_MESSAGE, 0, "topic=Nowhere", 1, 0) == RMQ_MOCK_E_TIMEOUT);
    CHECK(strcmp(rmq_mock_last_error_message(), "0 of 1 requests have come after 0 ms") == 0);
    WORKS(rmq_consumer_destroy(consumer));
}

static void slaves_stand_in_and_brokers_move(rmq_mock_cluster *cluster)
{
    char before[64];
    rmq_consumer *consumer;
    int64_t offset = -1;
    CHECK(rmq_mock_broker_count(cluster) == 2 && strcmp(rmq_mock_broker_name(cluster, 1), "broker-a") == 0);
    CHECK(strcmp(rmq_mock_broker_addr(cluster, 0), rmq_mock_broker_addr(cluster, 1)) != 0);
    MOCK_WORKS(rmq_mock_create_topic(cluster, "Slave", 1));
    MOCK_FAILS(RMQ_MOCK_E_INVALID_ARG, "broker is 1; it is a slave, which takes no messages",
               rmq_mock_produce_with(cluster, 1, "Slave", 0, NULL, 0, NULL, 0, 0, NULL));
    consumer = mock_consumer(cluster, "slave", "Slave");
    mock_produce(cluster, "Slave", 0, "from the master", NULL);
    mock_consume(consumer, "from the master");
    MOCK_WORKS(rmq_mock_wait_committed(cluster, 0, "slave", "Slave", 0, 1, 30000));
    CHECK(rmq_mock_request_count(cluster, RMQ_MOCK_PULL_MESSAGE, 1, "topic=Slave") == 0);

    /* The master sends its readers away; the slave keeps them. */
    MOCK_WORKS(rmq_mock_broker_suggest(cluster, 0, 1));
    MOCK_WORKS(rmq_mock_broker_suggest(cluster, 1, 1));
    mock_produce(cluster, "Slave", 0, "sends to the slave", NULL);
    mock_consume(consumer, "sends to the slave");
    MOCK_WORKS(rmq_mock_wait_requests(cluster, RMQ_MOCK_PULL_MESSAGE, 1, "topic=Slave", 1, 30000));
    MOCK_WORKS(rmq_mock_wait_committed(cluster, 0, "slave", "Slave", 0, 2, 30000));

    MOCK_WORKS(rmq_mock_broker_kill(cluster, 0));
    mock_produce(cluster, "Slave", 0, "from the slave", NULL);
    mock_consume(consumer, "from the slave");
    MOCK_WORKS(rmq_mock_wait_committed(cluster, 1, "slave", "Slave", 0, 3, 30000));

    strcpy(before, rmq_mock_broker_addr(cluster, 0));
    MOCK_WORKS(rmq_mock_broker_suggest(cluster, 1, 0));
    MOCK_WORKS(rmq_mock_broker_move(cluster, 0));
    CHECK(strcmp(before, rmq_mock_broker_addr(cluster, 0)) != 0);
    mock_produce(cluster, "Slave", 0, "from elsewhere", NULL);
    mock_consume(consumer, "from elsewhere");
    MOCK_WORKS(rmq_mock_wait_committed(cluster, 0, "slave", "Slave", 0, 4, 60000));

    /* The next pull is told; a message wakes the one that is held. */
    MOCK_WORKS(rmq_mock_reset_offset(cluster, 0, "slave", "Slave", 0, 2));
    MOCK_WORKS(rmq_mock_committed(cluster, 0, "slave", "Slave", 0, &offset));
    CHECK(offset == 2);
    mock_produce(cluster, "Slave", 0, "wakes the pull", NULL);
    do {
        rmq_batch *batch = NULL;
        WORKS(rmq_consumer_poll(consumer, 1, 30000, &batch));
        offset = rmq_message_queue_offset(rmq_batch_at(batch, 0));
        WORKS(rmq_batch_ack(batch));
        rmq_batch_destroy(batch);
    } while (offset != 2);
    mock_consume(consumer, "from elsewhere");
    WORKS(rmq_consumer_destroy(consumer));
}

int main(void)
{
    rmq_mock_cluster *pair = mock_cluster(1, 1);
    rmq_mock_cluster *cluster = mock_cluster(1, 0), *two = mock_cluster(2, 0);
    CHECK(rmq_mock_cluster_new(27, 0, 20, NULL, 0) == NULL && rmq_mock_last_error_code() == RMQ_MOCK_E_INVALID_ARG);
    CHECK(strcmp(rmq_mock_last_error_message(), "brokers is 27; it is 1 to 26") == 0);
    messages_have_what_was_given(cluster);
    groups_begin_where_they_are_said_to(cluster);
    members_come_and_go(cluster);
    a_failed_message_comes_again_and_ends_as_a_dead_letter(cluster);
    brokers_and_the_name_server_come_back(two);
    slaves_stand_in_and_brokers_move(pair);
    rmq_mock_cluster_destroy(pair);
    rmq_mock_cluster_destroy(two);
    rmq_mock_cluster_destroy(cluster);
    return 0;
}
