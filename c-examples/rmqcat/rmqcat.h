/* What the parts of rmqcat share. It uses the library by rmq.h only, as every program would. */
#ifndef RMQCAT_H
#define RMQCAT_H

#include <rmq.h>

/* The exit codes; rmqcat.1 documents them. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3, EXIT_NO_TOPIC = 4 };

enum start { START_BEGIN, START_END, START_OFFSET, START_LAST, START_TIME };

struct options {
    const char **topics;
    size_t topic_count;
    const char *tags, *sql; /* at most one of them; NULL for all messages */
    const char *group;      /* NULL: a member of no group */
    const char *broker;     /* of the only queue; NULL for any */
    int32_t queue;          /* -1 for all */
    enum start start;
    int64_t start_at;  /* an offset, a number of messages, or milliseconds since 1970 */
    int64_t count;     /* -1 without a limit */
    const char *format; /* NULL for the bodies, a line each */
    int json, list, exit_at_end, verbose;
};

/* --- say.c */

/* Tells the library's last error on stderr, with what it is about, or NULL. Answers the exit code that fits. */
int failed(const char *about);
int exit_code(rmq_code code);
void say(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line that the next one on stderr replaces. */
extern volatile int rate_is_shown;

/* --- options.c */

/* Reads the command line; what it says of the consumer goes into config. Answers -1 to go on, else the exit code. */
int options_parse(int argc, char **argv, struct options *options, rmq_config *config);

/* --- output.c: messages as text, kept until they are written. */

struct output {
    char *data;
    size_t size, capacity;
    int closed; /* nobody reads it any more */
    int error;  /* the errno of what else failed */
};

/* Checks a format; answers the letter of an escape that is none, or 0. */
char format_problem(const char *format);
void output_message(struct output *out, const struct options *options, const rmq_message *message);
void output_text(struct output *out, const char *text, size_t len);
void output_printf(struct output *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void output_json_text(struct output *out, const char *text, size_t len);
/* Writes all; answers how many bytes went out. Less than there were: closed, error or *stop is set. */
size_t output_flush(struct output *out, const volatile int *stop);
/* True when the reader is gone, though there was nothing to write. */
int output_is_closed(void);

/* --- json.c: reads the JSON texts of the library. */

const char *json_member(const char *object, const char *key);
/* The first element of an array, and the one after; NULL behind the last one. */
const char *json_first(const char *array);
const char *json_next(const char *element);
int json_number(const char *value, int64_t *number);
/* A text without its quotes, cut to size. */
void json_text(const char *value, char *buf, size_t size);

/* --- queues.c */

struct queue {
    char topic[160], broker[160];
    int32_t id;
    int64_t first, end; /* when rmqcat began */
    int reached;        /* everything up to `end` was printed, filtered, or consumed by others */
};

struct queues {
    struct queue *all;
    size_t count;
};

/* Finds the queues that are meant and where they end now. Answers EXIT_DONE or why not. */
int queues_find(struct queues *queues, const struct options *options, const rmq_consumer *consumer);
/* Sets a queue that was assigned paused where the options say, and lets it go. */
int queues_begin(const struct queue *queue, const struct options *options, rmq_consumer *consumer);
/* Lets queues that came up later begin at their first message. */
int queues_look_again(struct queues *queues, const struct options *options, rmq_consumer *consumer);
struct queue *queues_of(struct queues *queues, const rmq_batch *batch);
/* True when every queue has reached its end. */
int queues_reached(struct queues *queues, const struct options *options, rmq_consumer *consumer);
/* Prints route and offsets of a topic. */
int queues_list(struct output *out, const struct queues *queues, const struct options *options,
                const rmq_consumer *consumer);

#endif
