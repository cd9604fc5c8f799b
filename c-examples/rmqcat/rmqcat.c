/* rmqcat: prints messages of RocketMQ topics; see rmqcat.1.
 *
 * One thread polls, prints and acknowledges. Without a group it assigns itself the queues, sets each where it shall
 * begin, and commits nothing ("auto.commit"). In a group it acknowledges what was written, and nothing else. */
#define _POSIX_C_SOURCE 200809L
#include "rmqcat.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long a wait for messages is before the other duties are seen to. */
enum { TICK_MS = 100, RATE_MS = 1000, AGAIN_MS = 500, BATCH = 256, FLUSH_BYTES = 64 * 1024 };

static volatile int stopped;            /* by a signal */
static volatile sig_atomic_t consuming; /* there may be something to commit */

struct program {
    struct options options;
    struct queues queues;
    struct output out;
    rmq_consumer *consumer;
    rmq_batch *unfinished; /* not all of it was written */
    int64_t printed, bytes;
    int64_t began, rate_at, rate_printed; /* milliseconds, and messages then */
};

/* --- What is said on stderr */

static void on_log(int32_t level, const char *target, const char *message, void *userdata)
{
    (void)userdata;
    say(level <= RMQ_LOG_ERROR ? "error" : level <= RMQ_LOG_WARN ? "warning" : target, "%s", message);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void show_rate(struct program *program, int64_t now)
{
    int64_t passed = now - program->rate_at;
    if (!rate_is_shown || passed < RATE_MS)
        return;
    fprintf(stderr, "\r\033[K%lld messages, %.1f MB, %lld messages/s", (long long)program->printed,
            (double)program->bytes / 1e6, (long long)((program->printed - program->rate_printed) * 1000 / passed));
    fflush(stderr);
    program->rate_at = now;
    program->rate_printed = program->printed;
}

static void show_total(const struct program *program)
{
    double seconds = (double)(now_ms() - program->began) / 1e3;
    if (rate_is_shown || program->options.verbose > 0)
        fprintf(stderr, "%s%lld messages, %.1f MB in %.1f s\n", rate_is_shown ? "\r\033[K" : "",
                (long long)program->printed, (double)program->bytes / 1e6, seconds);
    rate_is_shown = 0;
}

/* --- Signals */

/* A later one ends the process at once, and so does the first while nothing was consumed. timeout(1) signals
 * the program and then its process group: what comes within AGAIN_MS is the same wish. */
static void on_signal(int number)
{
    static volatile sig_atomic_t first_at; /* of milliseconds the lower part */
    unsigned now = (unsigned)now_ms();
    if (!consuming)
        _exit(EXIT_DONE);
    if (!stopped) {
        first_at = (sig_atomic_t)now;
        stopped = 1;
    } else if (now - (unsigned)first_at >= AGAIN_MS) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

static void catch_signals(void)
{
    const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;
    size_t i;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigfillset(&action.sa_mask);
    for (i = 0; i < sizeof ending / sizeof *ending; i++)
        sigaction(ending[i], &action, NULL);
    action.sa_handler = SIG_IGN; /* a reader that goes is met as EPIPE */
    sigaction(SIGPIPE, &action, NULL);
}

/* --- The start */

/* Whole topics, with the filter: queues that are not meant stay paused. */
static int assign(struct program *program)
{
    const struct options *options = &program->options;
    const char *expression = options->sql != NULL ? options->sql : options->tags != NULL ? options->tags : "*";
    struct output json = {NULL, 0, 0, 0, 0};
    rmq_code code;
    size_t i;
    for (i = 0; i < options->topic_count; i++) {
        output_printf(&json, "%s{\"topic\":", i == 0 ? "[" : ",");
        output_json_text(&json, options->topics[i], strlen(options->topics[i]));
        output_printf(&json, ",\"type\":\"%s\",\"expression\":", options->sql != NULL ? "SQL92" : "TAG");
        output_json_text(&json, expression, strlen(expression));
        output_text(&json, "}", 1);
    }
    output_text(&json, "]", 2); /* with its NUL */
    code = rmq_consumer_assign(program->consumer, json.data);
    free(json.data);
    /* Nothing shall come before each queue is where it begins. */
    if (code != RMQ_OK || rmq_consumer_pause(program->consumer, NULL, NULL, -1) != RMQ_OK)
        return failed(NULL);
    return EXIT_DONE;
}

static int subscribe(struct program *program)
{
    const struct options *options = &program->options;
    size_t i;
    for (i = 0; i < options->topic_count; i++)
        if (rmq_consumer_subscribe_selector(program->consumer, options->topics[i], options->sql != NULL ? "SQL92" : "TAG",
                                            options->sql != NULL ? options->sql : options->tags) != RMQ_OK)
            return failed(NULL);
    return EXIT_DONE;
}

static int is_member(const struct options *options)
{
    return options->group != NULL && !options->list;
}

/* Connects, finds the queues, and lets them begin. */
static int start(struct program *program)
{
    const struct options *options = &program->options;
    int result = is_member(options) ? subscribe(program) : assign(program);
    size_t i;
    if (result != EXIT_DONE)
        return result;
    if (rmq_consumer_start(program->consumer) != RMQ_OK)
        return failed(NULL);
    consuming = is_member(options);
    result = queues_find(&program->queues, options, program->consumer);
    consuming = 1;
    for (i = 0; i < program->queues.count && result == EXIT_DONE && !is_member(options) && !options->list; i++)
        result = queues_begin(&program->queues.all[i], options, program->consumer);
    return result;
}

/* --- Reading */

/* A message that came after the start is left out with -e, and one before the time asked for, at which brokers of 4.x
 * may begin. In a group everything is printed, because what is not would have to be given back. */
static int is_wanted(const struct options *options, const struct queue *queue, const rmq_message *message)
{
    if (options->group != NULL)
        return 1;
    if (options->start == START_TIME && rmq_message_store_timestamp(message) < options->start_at)
        return 0;
    return !options->exit_at_end || queue == NULL || rmq_message_queue_offset(message) < queue->end;
}

/* Writes what is kept. -1 to go on, else the exit code. */
static int flush(struct program *program)
{
    size_t size = program->out.size, written = output_flush(&program->out, &stopped);
    program->bytes += (int64_t)written;
    if (program->out.error != 0) {
        say("error", "cannot write to standard output: %s", strerror(program->out.error));
        return EXIT_FAILED;
    }
    return written == size ? -1 : EXIT_DONE;
}

/* Prints a batch; in a group, and on a terminal, at once. Only messages that were written to their last byte are
 * acknowledged, which in a group commits them. */
static int take(struct program *program, rmq_batch *batch)
{
    const struct options *options = &program->options;
    int at_once = options->group != NULL || isatty(STDOUT_FILENO), result = -1;
    size_t ends[BATCH], i, count = rmq_batch_count(batch), wanted = 0;
    struct queue *queue = queues_of(&program->queues, batch);
    for (i = 0; i < count; i++) {
        const rmq_message *message = rmq_batch_at(batch, i);
        if (is_wanted(options, queue, message)) {
            output_message(&program->out, options, message);
            wanted++;
        }
        ends[i] = program->out.size;
    }
    if (at_once || program->out.size >= FLUSH_BYTES) {
        int64_t before = program->bytes;
        result = flush(program);
        if (result != -1 && options->group != NULL) {
            size_t written = (size_t)(program->bytes - before);
            for (i = 0; i < count && ends[i] <= written; i++)
                program->printed++;
            if (i > 0)
                rmq_batch_ack_until(batch, i - 1);
            program->unfinished = batch;
            return result;
        }
    }
    program->printed += (int64_t)wanted;
    rmq_batch_ack(batch); /* a queue that was taken away meanwhile is printed again by its new owner */
    rmq_batch_destroy(batch);
    return result;
}

/* New queues, found by an event and not by looking again and again. */
static int see_to_new_queues(struct program *program)
{
    rmq_event *event;
    int result = -1;
    while (result == -1 && rmq_consumer_poll_event(program->consumer, 0, &event) == RMQ_OK) {
        int32_t kind = rmq_event_kind(event);
        rmq_event_destroy(event);
        if (kind == RMQ_EVENT_ASSIGNED && program->options.group == NULL &&
            queues_look_again(&program->queues, &program->options, program->consumer) != EXIT_DONE)
            result = EXIT_FAILED;
    }
    return result;
}

/* What is done when nothing waits, and now and then when much does. */
static int see_to_duties(struct program *program)
{
    int result = flush(program);
    if (result == -1)
        result = see_to_new_queues(program);
    if (result == -1 && output_is_closed())
        result = EXIT_DONE;
    if (result == -1 && program->options.exit_at_end &&
        queues_reached(&program->queues, &program->options, program->consumer))
        result = EXIT_DONE;
    return result;
}

static int read_messages(struct program *program)
{
    const struct options *options = &program->options;
    int64_t seen_to = 0;
    int result = -1;
    while (result == -1 && !stopped) {
        int64_t left = options->count < 0 ? BATCH : options->count - program->printed, now = now_ms();
        rmq_batch *batch = NULL;
        rmq_code code;
        if (left <= 0)
            return flush(program) > 0 ? EXIT_FAILED : EXIT_DONE;
        show_rate(program, now);
        if (now - seen_to >= RATE_MS) {
            result = see_to_duties(program);
            seen_to = now;
            if (result != -1)
                break;
        }
        code = rmq_consumer_poll(program->consumer, left < BATCH ? (size_t)left : BATCH, 0, &batch);
        if (code == RMQ_E_TIMEOUT && (result = see_to_duties(program)) == -1)
            code = rmq_consumer_poll(program->consumer, left < BATCH ? (size_t)left : BATCH, TICK_MS, &batch);
        if (code == RMQ_OK)
            result = take(program, batch);
        else if (code != RMQ_E_TIMEOUT)
            return failed(NULL);
    }
    if (result == -1 || result == EXIT_DONE)
        result = flush(program) > 0 ? EXIT_FAILED : EXIT_DONE;
    return result;
}

/* --- The end */

/* Commits what was acknowledged and leaves. What was not written goes to the next member as it was. */
static int finish(struct program *program, int result)
{
    if (is_member(&program->options) && rmq_consumer_is_started(program->consumer) &&
        rmq_consumer_commit(program->consumer) != RMQ_OK && rmq_last_error_code() != RMQ_E_STATE) {
        int code = failed(NULL);
        result = result == EXIT_DONE ? code : result;
    }
    if (program->unfinished != NULL) {
        /* In this order: while the consumer leaves, what is not settled is not sent to the retry topic. */
        rmq_consumer_shutdown(program->consumer, 0);
        rmq_batch_destroy(program->unfinished);
    }
    if (rmq_consumer_destroy(program->consumer) != RMQ_OK)
        say("warning", "%s", rmq_last_error_message());
    return result;
}

static int run(struct program *program, rmq_config *config)
{
    char error[512];
    int result;
    rmq_config_set_log_callback(config, on_log, NULL, NULL);
    program->consumer = rmq_consumer_new(config, error, sizeof error);
    if (program->consumer == NULL) {
        say("error", "%s", error);
        return exit_code(rmq_last_error_code());
    }
    result = start(program);
    if (result == EXIT_DONE && program->options.list) {
        result = queues_list(&program->out, &program->queues, &program->options, program->consumer);
        if (flush(program) > 0)
            result = EXIT_FAILED;
    } else if (result == EXIT_DONE) {
        rate_is_shown = isatty(STDERR_FILENO) && (!isatty(STDOUT_FILENO) || program->options.verbose > 0);
        program->began = program->rate_at = now_ms();
        result = read_messages(program);
        show_total(program);
    }
    return finish(program, result);
}

/* What is opened later must not get one of these numbers: messages would be written into a socket. */
static int standard_files(void)
{
    int output_is_open = fcntl(STDOUT_FILENO, F_GETFD) != -1, fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
    return output_is_open;
}

int main(int argc, char **argv)
{
    struct program program;
    rmq_config *config = rmq_config_new();
    int result;
    memset(&program, 0, sizeof program);
    if (!standard_files()) {
        say("error", "standard output is closed");
        rmq_config_destroy(config);
        return EXIT_FAILED;
    }
    catch_signals();
    result = options_parse(argc, argv, &program.options, config);
    if (result == -1)
        result = run(&program, config);
    rmq_config_destroy(config);
    free(program.options.topics);
    free(program.queues.all);
    free(program.out.data);
    return result;
}
