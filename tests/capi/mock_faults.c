/* Each fault happens as often as it was scripted, where it was scripted, and a consumer survives it. */
#include "mock_check.h"

#include <time.h>

static int pulls(const rmq_mock_cluster *cluster)
{
    return rmq_mock_request_count(cluster, RMQ_MOCK_PULL_MESSAGE, RMQ_MOCK_ANYWHERE, "topic=Faults");
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A pull meets the fault, the next ones do not: the message comes. A consumer starts, so that its first pull does. */
static void a_pull_survives(rmq_mock_cluster *cluster, int32_t kind, int32_t number, const char *text)
{
    char group[32];
    rmq_consumer *consumer;
    int before = pulls(cluster);
    snprintf(group, sizeof group, "faults-%d", (int)kind);
    MOCK_WORKS(rmq_mock_fault(cluster, RMQ_MOCK_PULL_MESSAGE, 0, "topic=Faults", 1, kind, number, text));
    consumer = mock_consumer(cluster, group, "Faults");
    mock_consume(consumer, "survivor");
    MOCK_WORKS(rmq_mock_wait_committed(cluster, 0, group, "Faults", 0, 1, 30000));
    /* All but the one that is only late were asked for again. */
    CHECK(pulls(cluster) - before >= (kind == RMQ_MOCK_FAULT_DELAY ? 1 : 2));
    WORKS(rmq_consumer_destroy(consumer));
}

/* A question meets the fault, and is asked again; after "request.timeout.ms" when it was not answered. */
static void a_question_survives(rmq_mock_cluster *cluster, int32_t code, int32_t kind, int32_t number)
{
    char group[32];
    rmq_consumer *consumer;
    snprintf(group, sizeof group, "faults-%d", (int)kind);
    MOCK_WORKS(rmq_mock_fault(cluster, code, RMQ_MOCK_ANYWHERE, "topic=Faults", 1, kind, number, NULL));
    consumer = mock_consumer(cluster, group, "Faults");
    mock_consume(consumer, "survivor");
    WORKS(rmq_consumer_destroy(consumer));
}

static void faults_are_for_whom_they_are_scripted(rmq_mock_cluster *cluster)
{
    rmq_consumer *consumer;
    char text[512];
    /* Neither another topic, nor another server, nor what was forgotten. */
    MOCK_WORKS(rmq_mock_fault(cluster, RMQ_MOCK_PULL_MESSAGE, RMQ_MOCK_ANYWHERE, "topic=Other", RMQ_MOCK_ALWAYS,
                              RMQ_MOCK_FAULT_SILENCE, 0, NULL));
    MOCK_WORKS(rmq_mock_fault(cluster, RMQ_MOCK_PULL_MESSAGE, RMQ_MOCK_NAMESRV, NULL, RMQ_MOCK_ALWAYS,
                              RMQ_MOCK_FAULT_SILENCE, 0, NULL));
    consumer = mock_consumer(cluster, "whom", "Faults");
    mock_consume(consumer, "survivor");
    WORKS(rmq_consumer_destroy(consumer));
    MOCK_WORKS(rmq_mock_fault(cluster, RMQ_MOCK_PULL_MESSAGE, RMQ_MOCK_ANYWHERE, NULL, RMQ_MOCK_ALWAYS,
                              RMQ_MOCK_FAULT_SILENCE, 0, NULL));
    MOCK_WORKS(rmq_mock_behave(cluster));
    consumer = mock_consumer(cluster, "forgotten", "Faults");
    mock_consume(consumer, "survivor");

    /* The remark reaches the program: the next pull is sent when the held one gets a message. */
    MOCK_WORKS(rmq_mock_fault(cluster, RMQ_MOCK_PULL_MESSAGE, 0, NULL, 3, RMQ_MOCK_FAULT_REFUSE, 16, "go away"));
    mock_produce(cluster, "Faults", 0, "wakes the pull", NULL);
    mock_consume(consumer, "wakes the pull");
    do
        WORKS(rmq_consumer_last_error(consumer, text, sizeof text, NULL));
    while (strstr(text, "go away") == NULL && nanosleep(&(struct timespec){0, 1000000}, NULL) == 0);
    WORKS(rmq_consumer_destroy(consumer));
    MOCK_WORKS(rmq_mock_behave(cluster));
}

static void a_hold_orders_two_events(rmq_mock_cluster *cluster)
{
    rmq_consumer *consumer;
    rmq_mock_hold *hold = rmq_mock_hold_new(cluster, RMQ_MOCK_UPDATE_CONSUMER_OFFSET, 0, "consumerGroup=held",
                                            RMQ_MOCK_ALWAYS);
    CHECK(hold != NULL);
    MOCK_FAILS(RMQ_MOCK_E_TIMEOUT, "fewer than 1 requests have come after 0 ms", rmq_mock_hold_wait(hold, 1, 0));
    consumer = mock_consumer(cluster, "held", "Faults");
    mock_consume(consumer, "survivor");
    MOCK_WORKS(rmq_mock_hold_wait(hold, 1, 30000));
    CHECK(rmq_mock_committed(cluster, 0, "held", "Faults", 0, NULL) == RMQ_MOCK_E_NO_OFFSET);
    MOCK_WORKS(rmq_mock_hold_release(hold));
    MOCK_WORKS(rmq_mock_wait_committed(cluster, 0, "held", "Faults", 0, 1, 30000));
    rmq_mock_hold_destroy(hold);
    WORKS(rmq_consumer_destroy(consumer));
    MOCK_WORKS(rmq_mock_behave(cluster));
}

int main(void)
{
    double begin;
    rmq_mock_cluster *cluster = mock_cluster(1, 0);
    rmq_mock_hold *hold;
    MOCK_WORKS(rmq_mock_create_topic(cluster, "Faults", 1));
    mock_produce(cluster, "Faults", 0, "survivor", NULL);
    a_pull_survives(cluster, RMQ_MOCK_FAULT_REFUSE, 2, "busy");
    begin = now();
    a_pull_survives(cluster, RMQ_MOCK_FAULT_DELAY, 300, NULL);
    CHECK(now() - begin >= 0.3);
    a_pull_survives(cluster, RMQ_MOCK_FAULT_DISCONNECT, 0, NULL);
    a_pull_survives(cluster, RMQ_MOCK_FAULT_LOSE_ANSWER, 0, NULL);
    a_pull_survives(cluster, RMQ_MOCK_FAULT_HALF_FRAME, 0, NULL);
    a_pull_survives(cluster, RMQ_MOCK_FAULT_GARBAGE, 0, NULL);
    a_pull_survives(cluster, RMQ_MOCK_FAULT_OVERSIZED, 0, NULL);
    a_pull_survives(cluster, RMQ_MOCK_FAULT_CORRUPT_RECORD, 0, NULL);
    mock_request_timeout_ms = "5000";
    a_question_survives(cluster, RMQ_MOCK_QUERY_CONSUMER_OFFSET, RMQ_MOCK_FAULT_SILENCE, 0);
    a_question_survives(cluster, RMQ_MOCK_QUERY_CONSUMER_OFFSET, RMQ_MOCK_FAULT_WRONG_OPAQUE, 0);
    a_question_survives(cluster, RMQ_MOCK_GET_ROUTEINFO_BY_TOPIC, RMQ_MOCK_FAULT_CUT_BODY, 7);
    mock_request_timeout_ms = "15000";
    faults_are_for_whom_they_are_scripted(cluster);
    a_hold_orders_two_events(cluster);
    /* A hold may outlive its cluster. */
    hold = rmq_mock_hold_new(cluster, RMQ_MOCK_HEART_BEAT, RMQ_MOCK_ANYWHERE, NULL, 1);
    rmq_mock_cluster_destroy(cluster);
    MOCK_WORKS(rmq_mock_hold_release(hold));
    rmq_mock_hold_destroy(hold);
    return 0;
}
