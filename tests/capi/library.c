/* What the library says of itself: versions, codes, properties, names. */
#include "check.h"

static void versions(void)
{
    char text[64];
    snprintf(text, sizeof text, "%d.%d.%d", RMQ_VERSION_MAJOR, RMQ_VERSION_MINOR, RMQ_VERSION_PATCH);
    CHECK(strcmp(rmq_version(), text) == 0);
    CHECK(rmq_version_number() == RMQ_VERSION_NUMBER);
    CHECK(rmq_abi_version() == 0);
    WORKS(RMQ_CHECK_VERSION());
    FAILS(RMQ_E_UNSUPPORTED, rmq_last_error_message(), rmq_check_version(RMQ_VERSION_NUMBER + 1));
    snprintf(text, sizeof text, "\"version\":\"%s\"", rmq_version());
    CHECK(strstr(rmq_build_info_json(), text) != NULL);
}

static void codes(void)
{
    CHECK(strcmp(rmq_code_name(RMQ_E_TIMEOUT), "RMQ_E_TIMEOUT") == 0);
    CHECK(strcmp(rmq_code_name(23), "SUBSCRIPTION_PARSE_FAILED") == 0);
    CHECK(strcmp(rmq_code_string(RMQ_E_TIMEOUT), rmq_code_string(RMQ_E_CLOSED)) != 0);
    CHECK(rmq_code_is_retriable(RMQ_E_CONNECT) && !rmq_code_is_retriable(RMQ_E_INVALID_ARG));
    CHECK(rmq_code_is_fatal(RMQ_E_PANIC) && !rmq_code_is_fatal(RMQ_E_TIMEOUT));
    CHECK(strstr(rmq_codes_json(), "\"RMQ_E_TIMEOUT\"") != NULL);
}

/* What the table says is what the parser does. */
static void properties(void)
{
    char error[256];
    rmq_config *config = rmq_config_new();
    CHECK(strstr(rmq_config_properties_json(), "\"consume.thread.max\"") != NULL);
    CHECK(rmq_config_set(config, "consume.tread.max", "1", error, sizeof error) == RMQ_E_CONFIG_KEY);
    CHECK(strstr(error, "consume.thread.max") != NULL);
    CHECK(rmq_config_set(config, "consume.thread.max", "0", error, sizeof error) == RMQ_E_CONFIG_VALUE);
    CHECK(strstr(error, "consume.thread.max is \"0\"") != NULL || strstr(error, "consume.thread.max") != NULL);
    rmq_config_destroy(config);
}

static void names(void)
{
    char topic[64];
    size_t needed;
    CHECK(rmq_is_tag_type(NULL) && rmq_is_tag_type("") && rmq_is_tag_type("tAg") && !rmq_is_tag_type("SQL92"));
    WORKS(rmq_dead_letter_topic("G", topic, sizeof topic, &needed));
    CHECK(strcmp(topic, "%DLQ%G") == 0 && needed == strlen(topic) + 1);
}

int main(void)
{
    versions();
    codes();
    properties();
    names();
    return 0;
}
