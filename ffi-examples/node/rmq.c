/* rmq.node: the calls of librmq that rmq.js needs. Nothing in here is called by a thread of the library: rmq.js hears
 * from a descriptor that there is something to poll, and polls without waiting. Calls that wait, start and close, run on
 * Node's thread pool. A batch is copied out in one call, into one ArrayBuffer. */
#define NAPI_VERSION 8
#include <node_api.h>
#include <rmq.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The library is opened at run time: what RMQ_LIBRARY names, else librmq.so.0. */
#define FUNCTIONS(F)                                                                                                   \
    F(rmq_code_name) F(rmq_last_error_code) F(rmq_last_error_message) F(rmq_config_new) F(rmq_config_load_json)        \
    F(rmq_config_destroy) F(rmq_consumer_new) F(rmq_consumer_subscribe) F(rmq_consumer_start) F(rmq_consumer_poll)     \
    F(rmq_consumer_wakeup_fd_dup) F(rmq_consumer_request_stop) F(rmq_consumer_destroy) F(rmq_consumer_stats_json)      \
    F(rmq_batch_count) F(rmq_batch_views) F(rmq_batch_at) F(rmq_batch_ack) F(rmq_batch_ack_until) F(rmq_batch_ack_at)  \
    F(rmq_batch_retry) F(rmq_batch_retry_at) F(rmq_batch_unsettled) F(rmq_batch_destroy) F(rmq_message_property)
#define FIELD(name) __typeof__(&name) name;
static struct { FUNCTIONS(FIELD) } lib;
static const char *missing;

static void *find(void *library, const char *name)
{
    void *function = dlsym(library, name);
    if (!function)
        missing = name;
    return function;
}

static void load(void)
{
    const char *path = getenv("RMQ_LIBRARY");
    void *library = dlopen(path ? path : "librmq.so.0", RTLD_NOW);
    if (!library) {
        missing = strdup(dlerror());
        return;
    }
#define FIND(name) lib.name = (__typeof__(&name))find(library, #name);
    FUNCTIONS(FIND)
}

/* What an external of JavaScript points to: a consumer or a batch. The handle is NULL when it has ended. */
struct held {
    void *handle;
    int closing; /* a consumer that the thread pool is ending */
};

static napi_value fail(napi_env env, rmq_code code, const char *text)
{
    const char *name = lib.rmq_code_name(code);
    char line[600];
    napi_value code_name, message, number, error;
    snprintf(line, sizeof line, "%s: %s", name, text);
    napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code_name);
    napi_create_string_utf8(env, line, NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, code_name, message, &error);
    napi_create_int32(env, code, &number);
    napi_set_named_property(env, error, "errno", number);
    return error;
}

static napi_value throw_code(napi_env env, rmq_code code, const char *text)
{
    napi_throw(env, fail(env, code, text));
    return NULL;
}

/* Undefined, or the exception for a code of this thread's last call. */
static napi_value answer(napi_env env, rmq_code code)
{
    napi_value undefined;
    if (code != RMQ_OK)
        return throw_code(env, code, lib.rmq_last_error_message());
    napi_get_undefined(env, &undefined);
    return undefined;
}

struct arguments {
    napi_value value[4];
    struct held *held; /* the first one, except of open; NULL after an exception */
};

static struct arguments arguments(napi_env env, napi_callback_info info)
{
    struct arguments got = {{NULL, NULL, NULL, NULL}, NULL};
    size_t count = 4;
    napi_get_cb_info(env, info, &count, got.value, NULL, NULL);
    napi_get_value_external(env, got.value[0], (void **)&got.held);
    if (got.held && (!got.held->handle || got.held->closing)) {
        throw_code(env, RMQ_E_CLOSED, "it is closed");
        got.held = NULL;
    }
    return got;
}

static int64_t number(napi_env env, napi_value value)
{
    int64_t number = 0;
    napi_get_value_int64(env, value, &number);
    return number;
}

/* A copy, to be freed. */
static char *text(napi_env env, napi_value value, size_t *len)
{
    size_t size = 0;
    char *copy;
    napi_get_value_string_utf8(env, value, NULL, 0, &size);
    copy = malloc(size + 1);
    copy[0] = 0;
    napi_get_value_string_utf8(env, value, copy, size + 1, len);
    return copy;
}

static void finalize(napi_env env, void *data, void *batch)
{
    struct held *held = data;
    (void)env;
    if (batch) /* forgotten: what is not settled comes again */
        lib.rmq_batch_destroy(held->handle);
    free(held); /* a consumer that was not closed goes on */
}

static napi_value hold(napi_env env, void *handle, int is_batch)
{
    struct held *held = calloc(1, sizeof *held);
    napi_value external;
    held->handle = handle;
    napi_create_external(env, held, finalize, is_batch ? held : NULL, &external);
    return external;
}

/* open(json): a consumer */
static napi_value open_consumer(napi_env env, napi_callback_info info)
{
    napi_value value;
    size_t len = 0, count = 1;
    char error[512] = "", *json;
    rmq_config *config = lib.rmq_config_new();
    rmq_consumer *consumer = NULL;
    rmq_code code;
    napi_get_cb_info(env, info, &count, &value, NULL, NULL);
    json = text(env, value, &len);
    code = lib.rmq_config_load_json(config, json, len, error, sizeof error);
    if (code == RMQ_OK && !(consumer = lib.rmq_consumer_new(config, error, sizeof error)))
        code = lib.rmq_last_error_code();
    lib.rmq_config_destroy(config);
    free(json);
    return consumer ? hold(env, consumer, 0) : throw_code(env, code, error);
}

/* subscribe(consumer, topic, expression) */
static napi_value subscribe(napi_env env, napi_callback_info info)
{
    struct arguments got = arguments(env, info);
    char *topic, *expression;
    rmq_code code;
    if (!got.held)
        return NULL;
    topic = text(env, got.value[1], NULL);
    expression = text(env, got.value[2], NULL);
    code = lib.rmq_consumer_subscribe(got.held->handle, topic, expression);
    free(topic);
    free(expression);
    return answer(env, code);
}

/* fd(consumer): a descriptor that the caller closes */
static napi_value fd(napi_env env, napi_callback_info info)
{
    struct arguments got = arguments(env, info);
    napi_value result;
    int32_t descriptor;
    if (!got.held)
        return NULL;
    descriptor = lib.rmq_consumer_wakeup_fd_dup(got.held->handle);
    if (descriptor < 0)
        return answer(env, descriptor);
    napi_create_int32(env, descriptor, &result);
    return result;
}

/* A call that waits, on a thread of the pool. The text of a failure is asked for where the call was made. */
struct work {
    napi_async_work work;
    napi_deferred deferred;
    napi_ref keeps; /* the external */
    struct held *held;
    rmq_code code;
    char text[512];
};

static void run(struct work *work, rmq_code code)
{
    work->code = code;
    if (code != RMQ_OK)
        snprintf(work->text, sizeof work->text, "%s", lib.rmq_last_error_message());
}

static void run_start(napi_env env, void *data)
{
    struct work *work = data;
    (void)env;
    run(work, lib.rmq_consumer_start(work->held->handle));
}

static void run_close(napi_env env, void *data)
{
    struct work *work = data;
    (void)env;
    run(work, lib.rmq_consumer_destroy(work->held->handle));
}

static void done(napi_env env, napi_status status, void *data)
{
    struct work *work = data;
    napi_value undefined;
    if (work->held->closing) {
        work->held->closing = 0;
        if (work->code == RMQ_OK)
            work->held->handle = NULL;
    }
    napi_get_undefined(env, &undefined);
    if (status == napi_ok && work->code == RMQ_OK)
        napi_resolve_deferred(env, work->deferred, undefined);
    else
        napi_reject_deferred(env, work->deferred, fail(env, work->code, work->text));
    napi_delete_reference(env, work->keeps);
    napi_delete_async_work(env, work->work);
    free(work);
}

static napi_value promise(napi_env env, struct arguments got, const char *name, napi_async_execute_callback execute)
{
    struct work *work = calloc(1, sizeof *work);
    napi_value result, label;
    work->held = got.held;
    napi_create_reference(env, got.value[0], 1, &work->keeps);
    napi_create_promise(env, &work->deferred, &result);
    napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &label);
    napi_create_async_work(env, NULL, label, execute, done, work, &work->work);
    napi_queue_async_work(env, work->work);
    return result;
}

/* start(consumer): a promise */
static napi_value start(napi_env env, napi_callback_info info)
{
    struct arguments got = arguments(env, info);
    return got.held ? promise(env, got, "rmq_consumer_start", run_start) : NULL;
}

/* close(consumer): a promise; no other call is let through meanwhile */
static napi_value close_consumer(napi_env env, napi_callback_info info)
{
    struct arguments got = arguments(env, info);
    if (!got.held)
        return NULL;
    got.held->closing = 1;
    return promise(env, got, "rmq_consumer_destroy", run_close);
}

/* stop(consumer): false while it is starting */
static napi_value stop(napi_env env, napi_callback_info info)
{
    struct arguments got = arguments(env, info);
    napi_value result;
    rmq_code code;
    if (!got.held)
        return NULL;
    code = lib.rmq_consumer_request_stop(got.held->handle);
    if (code != RMQ_OK && code != RMQ_E_STATE)
        return answer(env, code);
    napi_get_boolean(env, code == RMQ_OK, &result);
    return result;
}

/* poll(consumer, max): a batch; null if there is none now; undefined if there will be none */
static napi_value poll(napi_env env, napi_callback_info info)
{
    struct arguments got = arguments(env, info);
    napi_value result;
    rmq_batch *batch;
    rmq_code code;
    if (!got.held)
        return NULL;
    code = lib.rmq_consumer_poll(got.held->handle, (size_t)number(env, got.value[1]), 0, &batch);
    if (code == RMQ_OK)
        return hold(env, batch, 1);
    if (code == RMQ_E_CLOSED)
        return answer(env, RMQ_OK);
    if (code != RMQ_E_TIMEOUT && code != RMQ_E_WOKEN)
        return answer(env, code);
    napi_get_null(env, &result);
    return result;
}

/* Puts bytes behind the table; the table gets where they begin and how many there are, -1 without any. */
static double *put(double *row, char *start, size_t *end, const void *bytes, size_t len)
{
    row[0] = (double)*end;
    row[1] = bytes ? (double)len : -1;
    if (bytes)
        memcpy(start + *end, bytes, len);
    *end += bytes ? len : 0;
    return row + 2;
}

/* read(batch): an ArrayBuffer with a row of COLUMNS doubles for each message, then their texts and bodies. */
enum { COLUMNS = 21 };

static napi_value read_batch(napi_env env, napi_callback_info info)
{
    struct arguments got = arguments(env, info);
    rmq_message_view *views;
    size_t i, count, end, size;
    napi_value result;
    void *data = NULL;
    if (!got.held)
        return NULL;
    count = lib.rmq_batch_count(got.held->handle);
    views = malloc(count * sizeof *views);
    count = lib.rmq_batch_views(got.held->handle, views, sizeof *views, count);
    size = end = count * COLUMNS * sizeof(double);
    for (i = 0; i < count; i++)
        size += views[i].topic_len + views[i].body_len + views[i].tags_len + views[i].keys_len + views[i].msg_id_len;
    if (napi_create_arraybuffer(env, size, &data, &result) != napi_ok)
        count = 0; /* an exception is pending */
    for (i = 0; i < count; i++) {
        const rmq_message_view *view = &views[i];
        double *row = (double *)data + i * COLUMNS;
        row = put(row, data, &end, view->topic, view->topic_len);
        row = put(row, data, &end, view->body, view->body_len);
        row = put(row, data, &end, view->tags, view->tags_len);
        row = put(row, data, &end, view->keys, view->keys_len);
        row = put(row, data, &end, view->msg_id, view->msg_id_len);
        row[0] = (double)view->queue_offset;
        row[1] = (double)view->commit_log_offset;
        row[2] = (double)view->born_timestamp;
        row[3] = (double)view->store_timestamp;
        row[4] = (double)view->prepared_transaction_offset;
        row[5] = view->queue_id;
        row[6] = view->reconsume_times;
        row[7] = view->flag;
        row[8] = view->sys_flag;
        row[9] = view->store_size;
        row[10] = view->body_crc;
    }
    free(views);
    return data ? result : NULL;
}

/* property(batch, index, key): a text, or null */
static napi_value property(napi_env env, napi_callback_info info)
{
    struct arguments got = arguments(env, info);
    const char *value;
    napi_value result;
    size_t len = 0;
    char *key;
    if (!got.held)
        return NULL;
    key = text(env, got.value[2], NULL);
    value = lib.rmq_message_property(lib.rmq_batch_at(got.held->handle, (size_t)number(env, got.value[1])), key, &len);
    if (value)
        napi_create_string_utf8(env, value, len, &result);
    else
        napi_get_null(env, &result);
    free(key);
    return result;
}

/* settle(batch, how, index, delay level) */
enum { ACK, ACK_UNTIL, ACK_AT, RETRY, RETRY_AT };

static napi_value settle(napi_env env, napi_callback_info info)
{
    struct arguments got = arguments(env, info);
    size_t index = (size_t)number(env, got.value[2]);
    int32_t level = (int32_t)number(env, got.value[3]);
    if (!got.held)
        return NULL;
    switch (number(env, got.value[1])) {
    case ACK: return answer(env, lib.rmq_batch_ack(got.held->handle));
    case ACK_UNTIL: return answer(env, lib.rmq_batch_ack_until(got.held->handle, index));
    case ACK_AT: return answer(env, lib.rmq_batch_ack_at(got.held->handle, index));
    case RETRY: return answer(env, lib.rmq_batch_retry(got.held->handle, level));
    default: return answer(env, lib.rmq_batch_retry_at(got.held->handle, index, level));
    }
}

/* unsettled(batch): how many messages are not settled yet */
static napi_value unsettled(napi_env env, napi_callback_info info)
{
    struct arguments got = arguments(env, info);
    napi_value result;
    if (!got.held)
        return NULL;
    napi_create_uint32(env, (uint32_t)lib.rmq_batch_unsettled(got.held->handle), &result);
    return result;
}

/* end(batch) */
static napi_value end_batch(napi_env env, napi_callback_info info)
{
    struct arguments got = arguments(env, info);
    if (!got.held)
        return NULL;
    lib.rmq_batch_destroy(got.held->handle);
    got.held->handle = NULL;
    return answer(env, RMQ_OK);
}

/* stats(consumer): JSON */
static napi_value stats(napi_env env, napi_callback_info info)
{
    struct arguments got = arguments(env, info);
    napi_value result = NULL;
    size_t size = 1 << 16;
    char *json = NULL;
    rmq_code code = RMQ_E_BUFFER_TOO_SMALL;
    if (!got.held)
        return NULL;
    while (code == RMQ_E_BUFFER_TOO_SMALL) { /* size is what it needed */
        json = realloc(json, size);
        code = lib.rmq_consumer_stats_json(got.held->handle, json, size, &size);
    }
    if (code == RMQ_OK)
        napi_create_string_utf8(env, json, NAPI_AUTO_LENGTH, &result);
    free(json);
    return code == RMQ_OK ? result : answer(env, code);
}

NAPI_MODULE_INIT()
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static const struct { const char *name; napi_callback function; } functions[] = {
        {"open", open_consumer}, {"subscribe", subscribe}, {"fd", fd}, {"start", start}, {"stop", stop}, {"poll", poll},
        {"close", close_consumer}, {"stats", stats}, {"read", read_batch}, {"property", property}, {"settle", settle},
        {"unsettled", unsettled}, {"end", end_batch},
    };
    size_t i;
    pthread_once(&once, load);
    if (missing) {
        napi_throw_error(env, NULL, missing);
        return NULL;
    }
    for (i = 0; i < sizeof functions / sizeof *functions; i++) {
        napi_value function;
        napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function);
        napi_set_named_property(env, exports, functions[i].name, function);
    }
    return exports;
}
