/* Every exported function with NULL, 0, -1 and huge arguments: none crashes, each gives the answer for it.
 * The names are printed; the test compares them with the list of exports, so that each needs a row. */
#include "check.h"

#define HUGE_SIZE ((size_t)-1)

#define ROW(name, ...)                                                                            \
    do {                                                                                          \
        __VA_ARGS__;                                                                              \
        puts(#name);                                                                              \
    } while (0)

/* Called with NULL: refused, and the text names the parameter. */
#define CODE_ROW(name, parameter, ...)                                                            \
    ROW(name, FAILS(RMQ_E_INVALID_ARG, parameter " is NULL", name(__VA_ARGS__)))
#define TEXT_ROW(name)                                                                            \
    ROW(name, CHECK(name(NULL, NULL) == NULL); len = 7; CHECK(name(NULL, &len) == NULL); CHECK(len == 0))
#define NUMBER_ROW(name, fallback) ROW(name, CHECK(name(NULL) == (fallback)))

static size_t len;
static char buffer[8];

static void versions_and_errors(void)
{
    ROW(rmq_version, CHECK(strlen(rmq_version()) >= 5));
    ROW(rmq_version_number, CHECK(rmq_version_number() == RMQ_VERSION_NUMBER));
    ROW(rmq_abi_version, CHECK(rmq_abi_version() == 0));
    ROW(rmq_build_info_json, CHECK(rmq_build_info_json()[0] == '{'));
    ROW(rmq_check_version, WORKS(RMQ_CHECK_VERSION()); WORKS(rmq_check_version(0));
        CHECK(rmq_check_version(UINT32_MAX) == RMQ_E_UNSUPPORTED));
    ROW(rmq_code_name, CHECK(strcmp(rmq_code_name(INT32_MIN), "UNKNOWN") == 0);
        CHECK(strcmp(rmq_code_name(INT32_MAX), "UNKNOWN") == 0); CHECK(strcmp(rmq_code_name(0), "RMQ_OK") == 0));
    ROW(rmq_code_string, CHECK(*rmq_code_string(INT32_MIN)); CHECK(*rmq_code_string(INT32_MAX)));
    ROW(rmq_code_is_retriable, CHECK(!rmq_code_is_retriable(INT32_MIN)); CHECK(!rmq_code_is_retriable(INT32_MAX)));
    ROW(rmq_code_is_fatal, CHECK(!rmq_code_is_fatal(INT32_MIN)); CHECK(!rmq_code_is_fatal(INT32_MAX)));
    ROW(rmq_codes_json, CHECK(rmq_codes_json()[0] == '['));
    ROW(rmq_last_error_code, CHECK(rmq_last_error_code() == RMQ_E_UNSUPPORTED));
    ROW(rmq_last_error_message, CHECK(rmq_last_error_message() != NULL));
    ROW(rmq_last_broker_remark, CHECK(*rmq_last_broker_remark() == '\0'));
}

static void configurations(void)
{
    rmq_config *config;
    ROW(rmq_config_new, config = rmq_config_new(); CHECK(config != NULL));
    NUMBER_ROW(rmq_config_clone, NULL);
    CODE_ROW(rmq_config_set, "config", NULL, NULL, NULL, NULL, HUGE_SIZE);
    FAILS(RMQ_E_INVALID_ARG, "key is NULL", rmq_config_set(config, NULL, "1", NULL, 0));
    FAILS(RMQ_E_INVALID_ARG, "value is NULL", rmq_config_set(config, "io.threads", NULL, buffer, 0));
    FAILS(RMQ_E_INVALID_ARG, "value is NULL", rmq_config_set(config, "io.threads", NULL, buffer, sizeof buffer));
    CHECK(strcmp(buffer, "value i") == 0);
    CODE_ROW(rmq_config_get, "config", NULL, NULL, NULL, HUGE_SIZE, NULL);
    FAILS(RMQ_E_INVALID_ARG, "key is NULL", rmq_config_get(config, NULL, NULL, 0, NULL));
    FAILS(RMQ_E_INVALID_ARG, "buf is NULL", rmq_config_get(config, "io.threads", NULL, HUGE_SIZE, NULL));
    CODE_ROW(rmq_config_load_json, "config", NULL, NULL, HUGE_SIZE, NULL, HUGE_SIZE);
    FAILS(RMQ_E_INVALID_ARG, "json is NULL", rmq_config_load_json(config, NULL, HUGE_SIZE, NULL, 0));
    CHECK(rmq_config_load_json(config, "{}", HUGE_SIZE, NULL, 0) == RMQ_E_INVALID_ARG);
    CHECK(rmq_config_load_json(config, "", 0, NULL, 0) == RMQ_E_CONFIG_VALUE);
    CODE_ROW(rmq_config_dump_json, "config", NULL, NULL, HUGE_SIZE, NULL);
    FAILS(RMQ_E_INVALID_ARG, "buf is NULL", rmq_config_dump_json(config, NULL, HUGE_SIZE, NULL));
    ROW(rmq_config_properties_json, CHECK(rmq_config_properties_json()[0] == '['));
    CODE_ROW(rmq_config_set_group, "config", NULL, NULL);
    FAILS(RMQ_E_INVALID_ARG, "group is NULL", rmq_config_set_group(config, NULL));
    CODE_ROW(rmq_config_set_namesrv_addr, "config", NULL, NULL);
    FAILS(RMQ_E_INVALID_ARG, "addresses is NULL", rmq_config_set_namesrv_addr(config, NULL));
    CODE_ROW(rmq_config_set_instance_name, "config", NULL, NULL);
    FAILS(RMQ_E_INVALID_ARG, "name is NULL", rmq_config_set_instance_name(config, NULL));
    CODE_ROW(rmq_config_set_credentials, "config", NULL, NULL, NULL, NULL);
    FAILS(RMQ_E_INVALID_ARG, "access_key is NULL", rmq_config_set_credentials(config, NULL, NULL, NULL));
    CODE_ROW(rmq_config_set_message_model, "config", NULL, RMQ_MESSAGE_MODEL_CLUSTERING);
    CHECK(rmq_config_set_message_model(config, 0) == RMQ_E_INVALID_ARG);
    CHECK(rmq_config_set_message_model(config, INT32_MAX) == RMQ_E_INVALID_ARG);
    CODE_ROW(rmq_config_set_consume_threads, "config", NULL, -1);
    CHECK(rmq_config_set_consume_threads(config, 0) == RMQ_E_CONFIG_VALUE);
    CHECK(rmq_config_set_consume_threads(config, INT32_MAX) == RMQ_E_CONFIG_VALUE);
    CODE_ROW(rmq_config_set_batch_size, "config", NULL, -1);
    CHECK(rmq_config_set_batch_size(config, INT32_MIN) == RMQ_E_CONFIG_VALUE);
    CODE_ROW(rmq_config_set_max_reconsume_times, "config", NULL, -1);
    CHECK(rmq_config_set_max_reconsume_times(config, INT32_MIN) == RMQ_E_CONFIG_VALUE);
    WORKS(rmq_config_set_max_reconsume_times(config, INT32_MAX));
    CODE_ROW(rmq_config_set_log_callback, "config", NULL, NULL, NULL, NULL);
    WORKS(rmq_config_set_log_callback(config, NULL, NULL, NULL));
    ROW(rmq_config_destroy, rmq_config_destroy(NULL); rmq_config_destroy(config));
}

static void consumers(void)
{
    rmq_event *event = NULL;
    rmq_batch *batch = NULL;
    rmq_consumer *consumer;
    ROW(rmq_consumer_new, CHECK(rmq_consumer_new(NULL, NULL, HUGE_SIZE) == NULL);
        CHECK(rmq_last_error_code() == RMQ_E_INVALID_ARG); consumer = minimal_consumer());
    CODE_ROW(rmq_consumer_set_message_callback, "consumer", NULL, NULL, NULL, NULL);
    WORKS(rmq_consumer_set_message_callback(consumer, NULL, NULL, NULL));
    CODE_ROW(rmq_consumer_set_allocate_callback, "consumer", NULL, NULL, NULL, NULL);
    WORKS(rmq_consumer_set_allocate_callback(consumer, NULL, NULL, NULL));
    CODE_ROW(rmq_consumer_subscribe, "consumer", NULL, NULL, NULL);
    FAILS(RMQ_E_INVALID_ARG, "topic is NULL", rmq_consumer_subscribe(consumer, NULL, NULL));
    WORKS(rmq_consumer_subscribe(consumer, "T", NULL));
    CODE_ROW(rmq_consumer_unsubscribe, "consumer", NULL, NULL);
    FAILS(RMQ_E_INVALID_ARG, "topic is NULL", rmq_consumer_unsubscribe(consumer, NULL));
    ROW(rmq_is_tag_type, CHECK(rmq_is_tag_type(NULL) == 1); CHECK(rmq_is_tag_type("") == 1);
        CHECK(rmq_is_tag_type("tAg") == 1); CHECK(rmq_is_tag_type("SQL92") == 0));
    CODE_ROW(rmq_consumer_subscribe_selector, "consumer", NULL, NULL, NULL, NULL);
    FAILS(RMQ_E_INVALID_ARG, "topic is NULL", rmq_consumer_subscribe_selector(consumer, NULL, NULL, NULL));
    CHECK(rmq_consumer_subscribe_selector(consumer, "T", "SQL", "a > 1") == RMQ_E_INVALID_ARG);
    CHECK(rmq_consumer_subscribe_selector(consumer, "T", "SQL92", NULL) == RMQ_E_FILTER);
    WORKS(rmq_consumer_subscribe_selector(consumer, "T", NULL, NULL));
    WORKS(rmq_consumer_subscribe_selector(consumer, "T", "sql92", "a > 1"));
    CODE_ROW(rmq_consumer_subscribe_pattern, "consumer", NULL, NULL, NULL, NULL);
    FAILS(RMQ_E_INVALID_ARG, "topic_regex is NULL", rmq_consumer_subscribe_pattern(consumer, NULL, NULL, NULL));
    CHECK(rmq_consumer_subscribe_pattern(consumer, "(", NULL, NULL) == RMQ_E_FILTER);
    WORKS(rmq_consumer_subscribe_pattern(consumer, "T.*", NULL, NULL));
    CODE_ROW(rmq_consumer_unsubscribe_pattern, "consumer", NULL, NULL);
    FAILS(RMQ_E_INVALID_ARG, "topic_regex is NULL", rmq_consumer_unsubscribe_pattern(consumer, NULL));
    WORKS(rmq_consumer_unsubscribe_pattern(consumer, "unknown"));
    CODE_ROW(rmq_consumer_filter_regex, "consumer", NULL, NULL, NULL, NULL);
    FAILS(RMQ_E_INVALID_ARG, "topic is NULL", rmq_consumer_filter_regex(consumer, NULL, NULL, NULL));
    FAILS(RMQ_E_INVALID_ARG, "field is NULL", rmq_consumer_filter_regex(consumer, "T", NULL, NULL));
    CHECK(rmq_consumer_filter_regex(consumer, "T", "body", "a") == RMQ_E_INVALID_ARG);
    CHECK(rmq_consumer_filter_regex(consumer, "T", "tag", "(") == RMQ_E_FILTER);
    WORKS(rmq_consumer_filter_regex(consumer, "T", "property:p", NULL));
    CODE_ROW(rmq_consumer_subscriptions_json, "consumer", NULL, NULL, HUGE_SIZE, NULL);
    FAILS(RMQ_E_INVALID_ARG, "buf is NULL", rmq_consumer_subscriptions_json(consumer, NULL, HUGE_SIZE, NULL));
    CODE_ROW(rmq_consumer_start, "consumer", NULL);
    CODE_ROW(rmq_consumer_set_namesrv_addr, "consumer", NULL, NULL);
    FAILS(RMQ_E_INVALID_ARG, "addresses is NULL", rmq_consumer_set_namesrv_addr(consumer, NULL));
    CHECK(rmq_consumer_set_namesrv_addr(consumer, "") == RMQ_E_CONFIG_VALUE);
    CODE_ROW(rmq_consumer_set_thread_max, "consumer", NULL, 1);
    CHECK(rmq_consumer_set_thread_max(consumer, 0) == RMQ_E_CONFIG_VALUE);
    CHECK(rmq_consumer_set_thread_max(consumer, INT32_MAX) == RMQ_E_CONFIG_VALUE);
    CODE_ROW(rmq_consumer_set_rate_limit, "consumer", NULL, NULL, 1);
    CHECK(rmq_consumer_set_rate_limit(consumer, NULL, INT32_MIN) == RMQ_E_INVALID_ARG);
    WORKS(rmq_consumer_set_rate_limit(consumer, NULL, INT32_MAX));
    WORKS(rmq_consumer_set_rate_limit(consumer, NULL, 0));
    CODE_ROW(rmq_consumer_shutdown, "consumer", NULL, -1);
    CHECK(rmq_consumer_shutdown(consumer, -2) == RMQ_E_INVALID_ARG);
    CHECK(rmq_consumer_shutdown(consumer, INT32_MIN) == RMQ_E_INVALID_ARG);
    CODE_ROW(rmq_consumer_request_stop, "consumer", NULL);
    CODE_ROW(rmq_consumer_wait_stopped, "consumer", NULL, -1);
    CHECK(rmq_consumer_wait_stopped(consumer, INT32_MIN) == RMQ_E_INVALID_ARG);
    FAILS(RMQ_E_STATE, "wait for the stop: the consumer is created; start it first", rmq_consumer_wait_stopped(consumer, 0));
    ROW(rmq_consumer_state, FAILS(RMQ_E_INVALID_ARG, "consumer is NULL", rmq_consumer_state(NULL));
        CHECK(rmq_consumer_state(consumer) == RMQ_STATE_CREATED));
    NUMBER_ROW(rmq_consumer_is_started, 0);
    NUMBER_ROW(rmq_consumer_client_id, NULL);
    CODE_ROW(rmq_consumer_last_error, "consumer", NULL, NULL, HUGE_SIZE, NULL);
    FAILS(RMQ_E_INVALID_ARG, "buf is NULL", rmq_consumer_last_error(consumer, NULL, HUGE_SIZE, NULL));
    CODE_ROW(rmq_consumer_fatal_error, "consumer", NULL, NULL, HUGE_SIZE, NULL);
    FAILS(RMQ_E_INVALID_ARG, "buf is NULL", rmq_consumer_fatal_error(consumer, NULL, HUGE_SIZE, NULL));
    CODE_ROW(rmq_consumer_assignment_json, "consumer", NULL, NULL, HUGE_SIZE, NULL);
    FAILS(RMQ_E_INVALID_ARG, "buf is NULL", rmq_consumer_assignment_json(consumer, NULL, HUGE_SIZE, NULL));
    CODE_ROW(rmq_consumer_stats_json, "consumer", NULL, NULL, HUGE_SIZE, NULL);
    FAILS(RMQ_E_INVALID_ARG, "buf is NULL", rmq_consumer_stats_json(consumer, NULL, HUGE_SIZE, NULL));
    CODE_ROW(rmq_consumer_route_json, "consumer", NULL, NULL, NULL, HUGE_SIZE, NULL);
    FAILS(RMQ_E_INVALID_ARG, "topic is NULL", rmq_consumer_route_json(consumer, NULL, NULL, 0, NULL));
    CHECK(rmq_consumer_route_json(consumer, "T", NULL, 0, NULL) == RMQ_E_STATE);
    CODE_ROW(rmq_consumer_set_event_callback, "consumer", NULL, RMQ_EVENT_EVERY, NULL, NULL, NULL);
    CHECK(rmq_consumer_set_event_callback(consumer, 0, NULL, NULL, NULL) == RMQ_E_INVALID_ARG);
    CHECK(rmq_consumer_set_event_callback(consumer, INT32_MIN, NULL, NULL, NULL) == RMQ_E_INVALID_ARG);
    CODE_ROW(rmq_consumer_poll_event, "consumer", NULL, 0, NULL);
    FAILS(RMQ_E_INVALID_ARG, "event is NULL", rmq_consumer_poll_event(consumer, 0, NULL));
    CHECK(rmq_consumer_poll_event(consumer, INT32_MIN, &event) == RMQ_E_INVALID_ARG && event == NULL);
    CHECK(rmq_consumer_poll_event(consumer, 1, &event) == RMQ_E_TIMEOUT && event == NULL);
    NUMBER_ROW(rmq_event_kind, 0);
    ROW(rmq_event_code, FAILS(RMQ_E_INVALID_ARG, "event is NULL", rmq_event_code(NULL)));
    NUMBER_ROW(rmq_event_level, 0);
    NUMBER_ROW(rmq_event_text, NULL);
    NUMBER_ROW(rmq_event_json, NULL);
    NUMBER_ROW(rmq_event_target, NULL);
    NUMBER_ROW(rmq_event_count, 0);
    ROW(rmq_event_destroy, rmq_event_destroy(NULL));
    CODE_ROW(rmq_consumer_poll, "consumer", NULL, HUGE_SIZE, -1, NULL);
    FAILS(RMQ_E_INVALID_ARG, "batch is NULL", rmq_consumer_poll(consumer, 1, 0, NULL));
    CHECK(rmq_consumer_poll(consumer, 0, 0, &batch) == RMQ_E_INVALID_ARG && batch == NULL);
    CHECK(rmq_consumer_poll(consumer, 1, INT32_MIN, &batch) == RMQ_E_INVALID_ARG && batch == NULL);
    CHECK(rmq_consumer_poll(consumer, HUGE_SIZE, 0, &batch) == RMQ_E_STATE && batch == NULL);
    CODE_ROW(rmq_consumer_wakeup, "consumer", NULL);
    FAILS(RMQ_E_STATE, "wake up: the consumer is created; start it first", rmq_consumer_wakeup(consumer));
    CODE_ROW(rmq_consumer_wakeup_fd, "consumer", NULL);
    CODE_ROW(rmq_consumer_wakeup_fd_dup, "consumer", NULL);
    CODE_ROW(rmq_consumer_set_wakeup_callback, "consumer", NULL, NULL, NULL, NULL);
    WORKS(rmq_consumer_set_wakeup_callback(consumer, NULL, NULL, NULL));
    ROW(rmq_consumer_destroy, WORKS(rmq_consumer_destroy(NULL)); WORKS(rmq_consumer_destroy(consumer)));
}

#define QUEUE_ROW(name, ...)                                                                      \
    CODE_ROW(name, "consumer", NULL, NULL, NULL, ##__VA_ARGS__);                                  \
    FAILS(RMQ_E_INVALID_ARG, "topic is NULL", name(consumer, NULL, NULL, ##__VA_ARGS__));         \
    FAILS(RMQ_E_INVALID_ARG, "broker is NULL", name(consumer, "T", NULL, ##__VA_ARGS__));         \
    CHECK(name(consumer, "T", "b", ##__VA_ARGS__) == RMQ_E_STATE)

static void queues(void)
{
    rmq_consumer *consumer = minimal_consumer();
    int64_t offset = 7;
    CODE_ROW(rmq_consumer_assign, "consumer", NULL, NULL);
    FAILS(RMQ_E_INVALID_ARG, "queues_json is NULL", rmq_consumer_assign(consumer, NULL));
    CHECK(rmq_consumer_assign(consumer, "") == RMQ_E_INVALID_ARG);
    CODE_ROW(rmq_consumer_pause, "consumer", NULL, NULL, NULL, -1);
    WORKS(rmq_consumer_pause(consumer, NULL, NULL, -1));
    FAILS(RMQ_E_INVALID_ARG, "queue_id is -2: allowed is a queue's number from 0 on, or -1 for any",
          rmq_consumer_pause(consumer, NULL, NULL, -2));
    CODE_ROW(rmq_consumer_resume, "consumer", NULL, NULL, NULL, -1);
    WORKS(rmq_consumer_resume(consumer, NULL, NULL, INT32_MAX));
    CHECK(rmq_consumer_resume(consumer, BAD_UTF8, NULL, -1) == RMQ_E_INVALID_ARG);
    CODE_ROW(rmq_consumer_commit, "consumer", NULL);
    CHECK(rmq_consumer_commit(consumer) == RMQ_E_STATE);
    QUEUE_ROW(rmq_consumer_commit_queue, INT32_MIN);
    QUEUE_ROW(rmq_consumer_committed, -1, &offset);
    FAILS(RMQ_E_INVALID_ARG, "offset is NULL", rmq_consumer_committed(consumer, "T", "b", 0, NULL));
    QUEUE_ROW(rmq_consumer_position, 0, &offset);
    FAILS(RMQ_E_INVALID_ARG, "offset is NULL", rmq_consumer_position(consumer, "T", "b", 0, NULL));
    QUEUE_ROW(rmq_consumer_watermarks, INT32_MAX, NULL, NULL);
    QUEUE_ROW(rmq_consumer_seek, 0, INT64_MIN);
    QUEUE_ROW(rmq_consumer_seek_begin, 0);
    QUEUE_ROW(rmq_consumer_seek_end, 0);
    QUEUE_ROW(rmq_consumer_seek_timestamp, 0, INT64_MAX);
    FAILS(RMQ_E_INVALID_ARG, "seek: timestamp_ms is -1, allowed is 0 and more, milliseconds since 1970",
          rmq_consumer_seek_timestamp(consumer, "T", "b", 0, -1));
    CHECK(offset == 7);
    WORKS(rmq_consumer_destroy(consumer));
}

static void messages(void)
{
    const char *text = "";
    TEXT_ROW(rmq_allocation_topic);
    TEXT_ROW(rmq_allocation_client_id);
    NUMBER_ROW(rmq_allocation_member_count, 0);
    ROW(rmq_allocation_member_at, CHECK(rmq_allocation_member_at(NULL, HUGE_SIZE, NULL) == NULL); len = 7;
        CHECK(rmq_allocation_member_at(NULL, 0, &len) == NULL); CHECK(len == 0));
    NUMBER_ROW(rmq_allocation_queue_count, 0);
    ROW(rmq_allocation_queue_broker, CHECK(rmq_allocation_queue_broker(NULL, HUGE_SIZE, NULL) == NULL); len = 7;
        CHECK(rmq_allocation_queue_broker(NULL, 0, &len) == NULL); CHECK(len == 0));
    ROW(rmq_allocation_queue_id, CHECK(rmq_allocation_queue_id(NULL, HUGE_SIZE) == -1));
    NUMBER_ROW(rmq_batch_count, 0);
    NUMBER_ROW(rmq_batch_retain, NULL);
    CODE_ROW(rmq_batch_ack, "batch", NULL);
    CODE_ROW(rmq_batch_ack_until, "batch", NULL, HUGE_SIZE);
    CODE_ROW(rmq_batch_ack_at, "batch", NULL, HUGE_SIZE);
    CODE_ROW(rmq_batch_retry, "batch", NULL, INT32_MIN);
    CODE_ROW(rmq_batch_retry_at, "batch", NULL, HUGE_SIZE, INT32_MIN);
    CODE_ROW(rmq_batch_suspend, "batch", NULL, INT32_MIN);
    NUMBER_ROW(rmq_batch_unsettled, 0);
    ROW(rmq_batch_destroy, rmq_batch_destroy(NULL));
    CODE_ROW(rmq_context_set_suspend_ms, "context", NULL, INT32_MIN);
    CODE_ROW(rmq_context_set_auto_commit, "context", NULL, INT32_MIN);
    ROW(rmq_batch_at, CHECK(rmq_batch_at(NULL, 0) == NULL); CHECK(rmq_batch_at(NULL, HUGE_SIZE) == NULL));
    TEXT_ROW(rmq_batch_topic);
    TEXT_ROW(rmq_batch_broker);
    NUMBER_ROW(rmq_batch_queue_id, -1);
    ROW(rmq_batch_views, CHECK(rmq_batch_views(NULL, NULL, HUGE_SIZE, HUGE_SIZE) == 0);
        CHECK(strcmp(rmq_last_error_message(), "batch is NULL") == 0));
    CODE_ROW(rmq_context_set_delay_level, "context", NULL, INT32_MIN);
    CODE_ROW(rmq_context_set_ack_index, "context", NULL, HUGE_SIZE);
    NUMBER_ROW(rmq_context_queue_id, -1);
    TEXT_ROW(rmq_context_topic);
    TEXT_ROW(rmq_context_broker);
    TEXT_ROW(rmq_message_topic);
    TEXT_ROW(rmq_message_stored_topic);
    TEXT_ROW(rmq_message_tags);
    TEXT_ROW(rmq_message_keys);
    TEXT_ROW(rmq_message_msg_id);
    TEXT_ROW(rmq_message_offset_msg_id);
    TEXT_ROW(rmq_message_transaction_id);
    TEXT_ROW(rmq_message_broker_name);
    TEXT_ROW(rmq_message_born_host);
    TEXT_ROW(rmq_message_store_host);
    TEXT_ROW(rmq_message_body);
    TEXT_ROW(rmq_message_origin_topic);
    TEXT_ROW(rmq_message_origin_msg_id);
    TEXT_ROW(rmq_message_origin_offset_msg_id);
    CODE_ROW(rmq_dead_letter_topic, "group", NULL, NULL, HUGE_SIZE, NULL);
    FAILS(RMQ_E_INVALID_ARG, "buf is NULL", rmq_dead_letter_topic("g", NULL, HUGE_SIZE, NULL));
    ROW(rmq_message_property, len = 7; CHECK(rmq_message_property(NULL, NULL, &len) == NULL); CHECK(len == 0));
    NUMBER_ROW(rmq_message_property_count, 0);
    CODE_ROW(rmq_message_property_at, "message", NULL, HUGE_SIZE, NULL, NULL, NULL, NULL);
    CHECK(rmq_message_property_at(NULL, 0, &text, &len, &text, &len) == RMQ_E_INVALID_ARG && *text == '\0');
    NUMBER_ROW(rmq_message_queue_id, -1);
    NUMBER_ROW(rmq_message_queue_offset, -1);
    NUMBER_ROW(rmq_message_commit_log_offset, -1);
    NUMBER_ROW(rmq_message_born_timestamp, -1);
    NUMBER_ROW(rmq_message_store_timestamp, -1);
    NUMBER_ROW(rmq_message_reconsume_times, -1);
    NUMBER_ROW(rmq_message_delay_level, -1);
    NUMBER_ROW(rmq_message_flag, 0);
    NUMBER_ROW(rmq_message_sys_flag, 0);
    NUMBER_ROW(rmq_message_store_size, -1);
    NUMBER_ROW(rmq_message_body_crc, 0);
    NUMBER_ROW(rmq_message_prepared_transaction_offset, -1);
    CODE_ROW(rmq_message_to_json, "message", NULL, NULL, HUGE_SIZE, NULL);
    NUMBER_ROW(rmq_message_retain, NULL);
    ROW(rmq_message_release, rmq_message_release(NULL));
}

int main(void)
{
    versions_and_errors();
    configurations();
    consumers();
    queues();
    messages();
    return 0;
}
