/* Every exported function of the mock with NULL, 0, -1 and huge arguments: none crashes, each gives the answer for it.
 * The names are printed; the test compares them with the list of exports, so that each needs a row. */
#include "mock_check.h"

#define HUGE_SIZE ((size_t)-1)

#define ROW(name, ...)                                                                            \
    do {                                                                                          \
        __VA_ARGS__;                                                                              \
        puts(#name);                                                                              \
    } while (0)

#define REFUSED(text, call) MOCK_FAILS(RMQ_MOCK_E_INVALID_ARG, text, call)
/* Called with NULL: refused, and the text names the parameter. */
#define NULL_ROW(name, ...) ROW(name, REFUSED("cluster is NULL", name(__VA_ARGS__)))
#define VALUE_ROW(name, value, ...)                                                               \
    ROW(name, CHECK(name(__VA_ARGS__) == (value));                                                \
        CHECK(strcmp(rmq_mock_last_error_message(), "cluster is NULL") == 0))

static void without_a_cluster(void)
{
    char error[32];
    ROW(rmq_mock_last_error_code, CHECK(rmq_mock_last_error_code() == RMQ_MOCK_OK));
    ROW(rmq_mock_last_error_message, CHECK(*rmq_mock_last_error_message() == '\0'));
    ROW(rmq_mock_cluster_new, REFUSED("brokers is 0; it is 1 to 26", rmq_mock_cluster_new(0, 0, 20, NULL, HUGE_SIZE) == NULL
                                      ? rmq_mock_last_error_code() : 0));
    CHECK(rmq_mock_cluster_new(INT32_MAX, 0, 20, error, sizeof error) == NULL);
    CHECK(strcmp(error, "brokers is 2147483647; it is 1") == 0 || strlen(error) == sizeof error - 1);
    CHECK(rmq_mock_cluster_new(1, 0, -1, error, 0) == NULL);
    REFUSED("slaves is 9; it is 0 to 8", rmq_mock_cluster_new(1, 9, 20, NULL, 0) == NULL ? rmq_mock_last_error_code() : 0);
    CHECK(rmq_mock_cluster_new(1, -1, 20, NULL, 0) == NULL);
    CHECK(rmq_mock_cluster_new(1, 0, 60001, NULL, 0) == NULL);
    ROW(rmq_mock_cluster_destroy, rmq_mock_cluster_destroy(NULL));
    VALUE_ROW(rmq_mock_cluster_namesrv_addr, NULL, NULL);
    NULL_ROW(rmq_mock_namesrv_down, NULL);
    NULL_ROW(rmq_mock_namesrv_up, NULL);
    VALUE_ROW(rmq_mock_broker_count, 0, NULL);
    VALUE_ROW(rmq_mock_broker_name, NULL, NULL, 0);
    VALUE_ROW(rmq_mock_broker_addr, NULL, NULL, -1);
    NULL_ROW(rmq_mock_broker_kill, NULL, INT32_MAX);
    NULL_ROW(rmq_mock_broker_restart, NULL, INT32_MIN);
    NULL_ROW(rmq_mock_broker_move, NULL, -1);
    NULL_ROW(rmq_mock_broker_suggest, NULL, -1, -1);
    NULL_ROW(rmq_mock_broker_drop_connections, NULL, 0);
    NULL_ROW(rmq_mock_create_topic, NULL, NULL, -1);
    NULL_ROW(rmq_mock_delete_topic, NULL, NULL);
    NULL_ROW(rmq_mock_produce, NULL, NULL, -1, NULL, HUGE_SIZE, NULL, NULL, NULL);
    NULL_ROW(rmq_mock_produce_with, NULL, -1, NULL, -1, NULL, HUGE_SIZE, NULL, HUGE_SIZE, -1, NULL);
    NULL_ROW(rmq_mock_watermarks, NULL, -1, NULL, -1, NULL, NULL);
    NULL_ROW(rmq_mock_expire, NULL, -1, NULL, -1, -1);
    NULL_ROW(rmq_mock_committed, NULL, -1, NULL, NULL, -1, NULL);
    NULL_ROW(rmq_mock_wait_committed, NULL, -1, NULL, NULL, -1, -1, -1);
    NULL_ROW(rmq_mock_set_committed, NULL, -1, NULL, NULL, -1, -2);
    NULL_ROW(rmq_mock_reset_offset, NULL, -1, NULL, NULL, -1, -1);
    VALUE_ROW(rmq_mock_member_count, -1, NULL, -1, NULL);
    NULL_ROW(rmq_mock_members, NULL, -1, NULL, NULL, HUGE_SIZE, NULL);
    NULL_ROW(rmq_mock_fault, NULL, -1, -1, NULL, -1, -1, -1, NULL);
    NULL_ROW(rmq_mock_behave, NULL);
    VALUE_ROW(rmq_mock_hold_new, NULL, NULL, -1, -1, NULL, -1);
    ROW(rmq_mock_hold_wait, REFUSED("hold is NULL", rmq_mock_hold_wait(NULL, -1, -1)));
    ROW(rmq_mock_hold_release, REFUSED("hold is NULL", rmq_mock_hold_release(NULL)));
    ROW(rmq_mock_hold_destroy, rmq_mock_hold_destroy(NULL));
    VALUE_ROW(rmq_mock_request_count, -1, NULL, -1, -1, NULL);
    NULL_ROW(rmq_mock_wait_requests, NULL, -1, -1, NULL, -1, -1);
}

static void numbers_and_names(rmq_mock_cluster *cluster)
{
    REFUSED("broker is 2; the cluster has brokers 0 to 1", rmq_mock_broker_kill(cluster, 2));
    REFUSED("broker is -1; the cluster has brokers 0 to 1", rmq_mock_broker_restart(cluster, -1));
    CHECK(rmq_mock_broker_name(cluster, 2) == NULL && rmq_mock_broker_addr(cluster, INT32_MIN) == NULL);
    REFUSED("topic is NULL", rmq_mock_create_topic(cluster, NULL, 1));
    REFUSED("topic is \"a b\"; it is 1 to 127 letters, digits and the characters % | - _",
            rmq_mock_create_topic(cluster, "a b", 1));
    REFUSED("topic is \"\"; it is 1 to 127 letters, digits and the characters % | - _",
            rmq_mock_create_topic(cluster, "", 1));
    REFUSED("queues is 0; it is 1 to 1024", rmq_mock_create_topic(cluster, "T", 0));
    REFUSED("topic is NULL", rmq_mock_delete_topic(cluster, NULL));
    MOCK_WORKS(rmq_mock_create_topic(cluster, "T", 2));
    REFUSED("topic is \"U\"; broker 1 has no such topic", rmq_mock_watermarks(cluster, 1, "U", 0, NULL, NULL));
    REFUSED("queue_id is 2; \"T\" has queues 0 to 1 at broker 0", rmq_mock_watermarks(cluster, 0, "T", 2, NULL, NULL));
    MOCK_WORKS(rmq_mock_watermarks(cluster, 0, "T", 1, NULL, NULL));
    REFUSED("min is 1; the queue has 0 to 0", rmq_mock_expire(cluster, 0, "T", 0, 1));
    REFUSED("group is NULL", rmq_mock_committed(cluster, 0, NULL, "T", 0, NULL));
    REFUSED("offset is -2; it is 0 or more, or -1 for nothing", rmq_mock_set_committed(cluster, 0, "G", "T", 0, -2));
    REFUSED("offset is -1; it is 0 or more", rmq_mock_reset_offset(cluster, 0, "G", "T", 0, -1));
    REFUSED("broker_id is -1; it is 0 or more", rmq_mock_broker_suggest(cluster, 0, -1));
    REFUSED("timeout_ms is -2; it is 0 or more, or -1 for no bound",
            rmq_mock_wait_committed(cluster, 0, "G", "T", 0, 1, -2));
    CHECK(rmq_mock_member_count(cluster, 0, NULL) == -1);
    REFUSED("buf is NULL", rmq_mock_members(cluster, 0, "G", NULL, HUGE_SIZE, NULL));
    MOCK_WORKS(rmq_mock_members(cluster, 0, "G", NULL, 0, NULL));
}

static void messages_and_faults(rmq_mock_cluster *cluster)
{
    const char *half[] = {"K", NULL}, *bad[] = {"K", "a\1b"};
    const uint8_t body[1] = {'x'};
    REFUSED("body is NULL", rmq_mock_produce(cluster, "T", 0, NULL, 1, NULL, NULL, NULL));
    REFUSED("len: 18446744073709551615 bytes are more than memory has",
            rmq_mock_produce(cluster, "T", 0, body, HUGE_SIZE, NULL, NULL, NULL));
    REFUSED("tags is not UTF-8 from byte 1 on", rmq_mock_produce(cluster, "T", 0, NULL, 0, BAD_UTF8, NULL, NULL));
    MOCK_WORKS(rmq_mock_produce(cluster, "T", 0, NULL, 0, NULL, NULL, NULL));
    REFUSED("properties is NULL", rmq_mock_produce_with(cluster, 0, "T", 0, NULL, 0, NULL, 1, 0, NULL));
    REFUSED("properties[1] is NULL", rmq_mock_produce_with(cluster, 0, "T", 0, NULL, 0, half, 1, 0, NULL));
    REFUSED("properties[1] has the character 1 or 2, which separate properties",
            rmq_mock_produce_with(cluster, 0, "T", 0, NULL, 0, bad, 1, 0, NULL));
    REFUSED("property_count is 18446744073709551615; it is at most 32767",
            rmq_mock_produce_with(cluster, 0, "T", 0, NULL, 0, half, HUGE_SIZE, 0, NULL));
    REFUSED("store_time_ms is -1; it is 0 or more", rmq_mock_produce_with(cluster, 0, "T", 0, NULL, 0, NULL, 0, -1, NULL));
    REFUSED("request_code is -1; it is 0 or more", rmq_mock_fault(cluster, -1, -1, NULL, 1, 1, 1, NULL));
    REFUSED("broker is -3; the cluster has brokers 0 to 1", rmq_mock_fault(cluster, 11, -3, NULL, 1, 1, 1, NULL));
    REFUSED("filter has \"topic\"; it is name=value, several with & between them",
            rmq_mock_fault(cluster, 11, -1, "topic", 1, 1, 1, NULL));
    REFUSED("times is 0; it is 1 or more, or -1 for always", rmq_mock_fault(cluster, 11, -1, "", 0, 3, 0, NULL));
    REFUSED("kind is 12; it is one of RMQ_MOCK_FAULT_..., 1 to 11", rmq_mock_fault(cluster, 11, -1, "", 1, 12, 0, NULL));
    REFUSED("number is -1; it is 0 or more", rmq_mock_fault(cluster, 11, -1, "", 1, RMQ_MOCK_FAULT_DELAY, -1, NULL));
    REFUSED("number is 1; it is 0 for this kind", rmq_mock_fault(cluster, 11, -1, "", 1, RMQ_MOCK_FAULT_SILENCE, 1, NULL));
    REFUSED("number is 0; a response code of 0 is success",
            rmq_mock_fault(cluster, 11, -1, "", 1, RMQ_MOCK_FAULT_REFUSE, 0, NULL));
    CHECK(rmq_mock_hold_new(cluster, 11, -1, "=", 1) == NULL);
    CHECK(rmq_mock_request_count(cluster, 11, 2, NULL) == -1);
    REFUSED("count is -1; it is 0 or more", rmq_mock_wait_requests(cluster, 11, -1, NULL, -1, 0));
}

int main(void)
{
    rmq_mock_cluster *cluster;
    without_a_cluster();
    cluster = mock_cluster(2, 0);
    numbers_and_names(cluster);
    messages_and_faults(cluster);
    rmq_mock_cluster_destroy(cluster);
    /* The mock's failures are not librmq's. */
    CHECK(rmq_last_error_code() == RMQ_OK);
    return 0;
}
