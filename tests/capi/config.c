/* A configuration from C: what is refused, with which text, and what can be read back. */
#include "check.h"

static void wrong_names_and_values(void)
{
    char error[256];
    rmq_config *config = rmq_config_new();
    FAILS(RMQ_E_CONFIG_KEY, "unknown property \"consume.tread.max\"; did you mean \"consume.thread.max\"?",
          rmq_config_set(config, "consume.tread.max", "1", error, sizeof error));
    CHECK(strcmp(error, rmq_last_error_message()) == 0);
    FAILS(RMQ_E_CONFIG_VALUE, "consume.thread.max=\"0\": allowed is 1 to 1000",
          rmq_config_set(config, "consume.thread.max", "0", NULL, 0));
    FAILS(RMQ_E_UNSUPPORTED, "tls.enable=\"true\": not supported in this version, TLS is not built yet",
          rmq_config_set(config, "tls.enable", "true", NULL, 0));
    FAILS(RMQ_E_UNSUPPORTED, "popInvisibleTime is not a property here: pop consumption is not built yet",
          rmq_config_set(config, "popInvisibleTime", "1", NULL, 0));
    FAILS(RMQ_E_INVALID_ARG, "key is not UTF-8 from byte 1 on", rmq_config_set(config, BAD_UTF8, "1", NULL, 0));
    FAILS(RMQ_E_INVALID_ARG, "value is not UTF-8 from byte 1 on",
          rmq_config_set(config, "io.threads", BAD_UTF8, NULL, 0));
    FAILS(RMQ_E_INVALID_ARG, "json is not UTF-8 from byte 1 on",
          rmq_config_load_json(config, BAD_UTF8, 2, NULL, 0));

    /* A text that does not fit is cut; success empties it. */
    CHECK(rmq_config_set(config, "nonsense", "1", error, 8) == RMQ_E_CONFIG_KEY);
    CHECK(strcmp(error, "unknown") == 0);
    WORKS(rmq_config_set(config, "io.threads", "2", error, sizeof error));
    CHECK(*error == '\0');
    rmq_config_destroy(config);
}

static void typed_setters(void)
{
    rmq_config *config = minimal_config();
    FAILS(RMQ_E_CONFIG_VALUE, "consumer.group=\"a b\": allowed is 1 to 120 of the characters a-z A-Z 0-9 _ - | %",
          rmq_config_set_group(config, "a b"));
    CHECK(rmq_config_set_namesrv_addr(config, "nowhere") == RMQ_E_CONFIG_VALUE);
    CHECK(strstr(rmq_last_error_message(), "\"nowhere\" has no port") != NULL);
    WORKS(rmq_config_set_instance_name(config, "one"));
    WORKS(rmq_config_set_message_model(config, RMQ_MESSAGE_MODEL_CLUSTERING));
    WORKS(rmq_config_set_message_model(config, RMQ_MESSAGE_MODEL_BROADCASTING));
    FAILS(RMQ_E_CONFIG_VALUE, "offset.store.path=\"\": allowed is a path of 1 to 4095 bytes without control characters",
          rmq_config_set(config, "offset.store.path", "", NULL, 0));
    WORKS(rmq_config_set_message_model(config, RMQ_MESSAGE_MODEL_CLUSTERING));
    WORKS(rmq_config_set_consume_threads(config, 7));
    WORKS(rmq_config_set_batch_size(config, 8));
    WORKS(rmq_config_set_max_reconsume_times(config, 9));
    WORKS(rmq_config_set_credentials(config, "", "", NULL));
    CHECK(rmq_config_set_credentials(config, "me", "hunter2", "token") == RMQ_E_UNSUPPORTED);
    CHECK(strstr(rmq_last_error_message(), "hunter2") == NULL && strstr(rmq_last_error_message(), "\"me\"") == NULL);
    rmq_config_destroy(config);
}

static void reading_back(void)
{
    char text[64];
    char *dump;
    size_t needed = 0;
    rmq_config *config = minimal_config(), *copy;
    WORKS(rmq_config_set(config, "consumeTimeout", "2", NULL, 0));
    WORKS(rmq_config_get(config, "consume.timeout.ms", text, sizeof text, &needed));
    CHECK(strcmp(text, "120000") == 0 && needed == 7);
    WORKS(rmq_config_get(config, "consume_timeout", text, sizeof text, NULL));
    CHECK(strcmp(text, "2") == 0);
    CHECK(rmq_config_get(config, "consume.timeout.ms", text, 6, &needed) == RMQ_E_BUFFER_TOO_SMALL);
    CHECK(*text == '\0' && needed == 7);
    WORKS(rmq_config_get(config, "instance.name", text, 1, &needed));
    CHECK(needed == 1);

    WORKS(rmq_config_dump_json(config, NULL, 0, &needed));
    dump = malloc(needed);
    WORKS(rmq_config_dump_json(config, dump, needed, NULL));
    CHECK(strlen(dump) == needed - 1);
    copy = rmq_config_new();
    WORKS(rmq_config_load_json(copy, dump, strlen(dump), NULL, 0));
    WORKS(rmq_config_get(copy, "consume.timeout.ms", text, sizeof text, NULL));
    CHECK(strcmp(text, "120000") == 0);
    rmq_config_destroy(copy);
    free(dump);

    /* A copy goes its own way. */
    copy = rmq_config_clone(config);
    WORKS(rmq_config_set(config, "consume.timeout.ms", "1000", NULL, 0));
    WORKS(rmq_config_get(copy, "consume.timeout.ms", text, sizeof text, NULL));
    CHECK(strcmp(text, "120000") == 0);
    rmq_config_destroy(copy);
    rmq_config_destroy(config);
}

static void what_a_consumer_needs(void)
{
    char error[256];
    rmq_config *config = rmq_config_new();
    CHECK(rmq_consumer_new(config, error, sizeof error) == NULL);
    CHECK(strcmp(error, "consumer.group is not set") == 0);
    CHECK(rmq_last_error_code() == RMQ_E_CONFIG_MISSING);
    WORKS(rmq_config_set_group(config, "G"));
    CHECK(rmq_consumer_new(config, error, sizeof error) == NULL);
    CHECK(strcmp(error, "namesrv.addr is not set, nor is the environment variable NAMESRV_ADDR") == 0);
    WORKS(rmq_config_set_namesrv_addr(config, "127.0.0.1:1"));
    WORKS(rmq_config_set(config, "consume.thread.min", "9", NULL, 0));
    WORKS(rmq_config_set(config, "consume.thread.max", "8", NULL, 0));
    CHECK(rmq_consumer_new(config, error, sizeof error) == NULL);
    CHECK(strcmp(error, "consume.thread.min=9 is larger than consume.thread.max=8") == 0);
    rmq_config_destroy(config);
}

int main(void)
{
    wrong_names_and_values();
    typed_setters();
    reading_back();
    what_a_consumer_needs();
    return 0;
}
