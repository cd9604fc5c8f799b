/* SPDX-License-Identifier: Apache-2.0
 *
 * rmq.h - RocketMQ consumer, C interface.
 * Written by cbindgen from src/capi; do not edit. */

#ifndef RMQ_H
#define RMQ_H

#include <stddef.h>
#include <stdint.h>

/**
 * @file
 * @brief The C interface of rmq, a RocketMQ consumer.
 */

/**
 * @mainpage A RocketMQ consumer
 *
 * Everything begins with rmq_ or RMQ_. Link with -lrmq. A library of some
 * RabbitMQ client is called librmq.so too; mind which one the linker finds.
 *
 * @code
 * #include <rmq.h>
 * #include <stdio.h>
 *
 * static int32_t on_messages(rmq_consumer *consumer, const rmq_batch *batch,
 *                            rmq_context *context, void *userdata)
 * {
 *     size_t len, i;
 *     (void)consumer, (void)context, (void)userdata;
 *     for (i = 0; i < rmq_batch_count(batch); i++) {
 *         const uint8_t *body = rmq_message_body(rmq_batch_at(batch, i), &len);
 *         printf("%.*s\n", (int)len, (const char *)body);
 *     }
 *     return RMQ_CONSUME_SUCCESS;
 * }
 *
 * int main(void)
 * {
 *     char error[256];
 *     rmq_config *config = rmq_config_new();
 *     rmq_consumer *consumer;
 *     rmq_config_set(config, "consumer.group", "G", error, sizeof error);
 *     rmq_config_set(config, "namesrv.addr", "127.0.0.1:9876", error, sizeof error);
 *     // Without "consume.from" a new group gets what is sent from now on.
 *     consumer = rmq_consumer_new(config, error, sizeof error);
 *     rmq_config_destroy(config);
 *     if (!consumer) { fprintf(stderr, "%s\n", error); return 1; }
 *     rmq_consumer_set_message_callback(consumer, on_messages, NULL, NULL);
 *     rmq_consumer_subscribe(consumer, "TopicTest", "*");
 *     if (rmq_consumer_start(consumer) != RMQ_OK)
 *         fprintf(stderr, "%s\n", rmq_last_error_message());
 *     else
 *         getchar();
 *     return rmq_consumer_destroy(consumer) != RMQ_OK;
 * }
 * @endcode
 *
 * @section handles Handles
 *
 * - rmq_config: the caller's, from rmq_config_new to rmq_config_destroy; one
 *   thread at a time. A consumer copies it.
 * - rmq_consumer: the caller's, from rmq_consumer_new to rmq_consumer_destroy;
 *   any thread, all functions.
 * - rmq_batch: lent to a message callback until it returns; from
 *   rmq_consumer_poll and rmq_batch_retain the caller's until rmq_batch_destroy.
 * - rmq_context, rmq_allocation: lent to a callback until it returns.
 * - rmq_event: lent to an event callback until it returns; from
 *   rmq_consumer_poll_event the caller's until rmq_event_destroy.
 * - rmq_message: lent by a batch; rmq_message_retain makes a copy that is the
 *   caller's until rmq_message_release. Any thread may read it.
 *
 * A _new may return NULL. _destroy and _release of NULL do nothing. A const
 * handle is only read. A lent handle must not be destroyed. A text got from a
 * handle lives as long as the handle. Whatever is passed in is copied before
 * the call returns. Texts are UTF-8; every text got has a NUL behind it, which
 * its length does not count. Using a handle after its end is undefined.
 *
 * There is one struct, rmq_message_view: what a message holds, filled for a whole
 * batch by rmq_batch_views. It grows only at its end; the caller says the size it
 * knows. Its texts have no NUL behind them.
 *
 * Texts into a buffer have the form (buf, size, needed): needed counts the NUL;
 * when the buffer is too small the answer is RMQ_E_BUFFER_TOO_SMALL and buf has
 * an empty text; buf NULL with size 0 only asks for the size.
 *
 * @section errors Errors
 *
 * A function that can fail returns an rmq_code, or NULL. The text is
 * - in errbuf, where a function has one;
 * - in rmq_last_error_message, of the thread that made the call, until its next
 *   call that fails. A program that changes threads between a call and the text
 *   makes both in one C function, or asks rmq_consumer_last_error;
 * - in the log callback, rmq_consumer_last_error and events for what fails
 *   later.
 *
 * @section callbacks Callbacks
 *
 * This is about message callbacks; rmq_event_cb and rmq_allocate_cb say what is
 * different for those.
 *
 * 1. Thread: a message callback runs on a library thread named rmq-work-N, of
 *    which there are at most "consume.thread.max"; never on a thread that talks
 *    to brokers. All signals but those of faults are blocked in it.
 * 2. At once: as many as there are threads, with different batches, also of one
 *    queue unless "consume.mode" is orderly.
 * 3. Blocking is allowed and holds that thread. After "consume.timeout.ms" the
 *    messages are sent back to the broker; the callback goes on, its answer no
 *    longer counts. An orderly callback keeps its messages.
 * 4. Calls: everything is allowed in a message callback but
 *    rmq_consumer_shutdown, rmq_consumer_wait_stopped and rmq_consumer_destroy of
 *    its own consumer, which answer RMQ_E_IN_CALLBACK; rmq_consumer_request_stop
 *    is for it. Two consumers whose callbacks destroy each other wait until their
 *    timeouts. Log and wake-up callbacks call nothing.
 * 5. Life: batch, messages and context end when it returns; rmq_batch_retain and
 *    rmq_message_retain keep what is needed longer.
 * 6. Last call: after rmq_consumer_shutdown answered RMQ_OK no message callback
 *    runs or will; a log callback may until rmq_consumer_destroy answered RMQ_OK.
 *    After RMQ_E_TIMEOUT some still run; the consumer stays as it is, and the
 *    shutdown may be called again.
 * 7. userdata: freed once, after the last call, when the callback is replaced or
 *    its handle destroyed, on the thread that does so.
 * 8. Leaving: only by return. A C++ exception ends the process; longjmp and
 *    pthread_exit are undefined.
 * 9. Answer: RMQ_CONSUME_SUCCESS is not 0 on purpose. A function of a language
 *    that raised an exception tends to answer 0, and then the messages must be
 *    delivered again, not lost.
 *
 * @section poll Poll and event loops
 *
 * Without a message callback messages wait for rmq_consumer_poll, on any thread,
 * on several too. Each batch is settled by rmq_batch_ack or a sibling and ended by
 * rmq_batch_destroy; one that ends unsettled is delivered again.
 *
 * A program with an event loop of its own waits for rmq_consumer_wakeup_fd to
 * become readable, or sets rmq_consumer_set_wakeup_callback. Then it polls with a
 * timeout of 0 until the answer is not RMQ_OK. RMQ_E_TIMEOUT makes the descriptor
 * unreadable until more comes; RMQ_E_WOKEN means to poll on; RMQ_E_CLOSED is the
 * end, and then it stays readable. Its bytes may be read or left. Events make it
 * readable too, from the first rmq_consumer_poll_event that answered RMQ_E_TIMEOUT
 * on; that one has to be repeated in the same way then.
 * Where an event loop closes what it is given, use rmq_consumer_wakeup_fd_dup. One
 * event loop per consumer: duplicates share what they say.
 *
 * @section threads Threads
 *
 * A consumer has "io.threads" threads from its start, named rmq-io-N, and the
 * callback threads in use; rmq-event when an event callback is set, and rmq-alloc
 * while an allocate callback runs. Each function says from where it may be called.
 *
 * @section processes Processes and signals
 *
 * The library installs no signal handler, ignores no signal, writes no file but
 * the offsets of a broadcasting consumer, and to no standard stream. It reads two
 * environment variables: NAMESRV_ADDR, when "namesrv.addr" is not set, and in
 * broadcasting HOME, for a ~ in "offset.store.path". One exception: when an
 * exception that leaves a callback ends the process, the Rust runtime writes its
 * last words to standard error.
 *
 * After fork, a consumer of the parent answers RMQ_E_FORKED in the child, and its
 * destroy does nothing; a new one made in the child works. A process may exit
 * without destroying anything. dlclose leaves the library in memory.
 *
 * @section abi Versions
 *
 * All 0.x keep the name librmq.so.0. Within 0.1.x there are only additions:
 * functions, constants, properties, members of JSON objects and, at its end, of
 * rmq_message_view. Ignore what you do
 * not know. A change raises the minor version and is listed in CHANGELOG.md.
 * RMQ_CHECK_VERSION() fails when the library is older than this header; before
 * 1.0 compare the minor number of rmq_version_number() too.
 */

/** The version of this header: grows when something old may not work any more. */
#define RMQ_VERSION_MAJOR 0
/** The version of this header: grows when something is new. */
#define RMQ_VERSION_MINOR 1
/** The version of this header: grows when something was mended. */
#define RMQ_VERSION_PATCH 0
/** The version of this header as one number, as of rmq_version_number. */
#define RMQ_VERSION_NUMBER \
    ((RMQ_VERSION_MAJOR << 16) | (RMQ_VERSION_MINOR << 8) | RMQ_VERSION_PATCH)

/** RMQ_OK when the library that is loaded fits this header. */
#define RMQ_CHECK_VERSION() rmq_check_version(RMQ_VERSION_NUMBER)

/** @cond Of no use to programs. Define RMQ_STATIC when linking librmq.a. */
#if defined(RMQ_STATIC)
# define RMQ_EXPORT
#elif defined(_WIN32)
# define RMQ_EXPORT __declspec(dllimport)
#elif defined(__GNUC__)
# define RMQ_EXPORT __attribute__((visibility("default")))
#else
# define RMQ_EXPORT
#endif
/** @endcond */

#ifdef __cplusplus
extern "C" {
#endif


/**
 * The members of the group share the messages.
 */
#define RMQ_MESSAGE_MODEL_CLUSTERING 1

/**
 * Each member of the group gets all messages.
 */
#define RMQ_MESSAGE_MODEL_BROADCASTING 2

/**
 * Made and not started.
 */
#define RMQ_STATE_CREATED 1

/**
 * rmq_consumer_start is running.
 */
#define RMQ_STATE_STARTING 2

/**
 * Consuming.
 */
#define RMQ_STATE_RUNNING 3

/**
 * Being shut down.
 */
#define RMQ_STATE_STOPPING 4

/**
 * Shut down; it cannot be started again.
 */
#define RMQ_STATE_STOPPED 5

/**
 * A bug in the library ended it. It may only be destroyed; until then callbacks may still run.
 */
#define RMQ_STATE_FATAL 6

/**
 * What a message callback answers: the messages were consumed.
 */
#define RMQ_CONSUME_SUCCESS 1

/**
 * What a message callback answers: deliver the messages again later.
 */
#define RMQ_RECONSUME_LATER 2

/**
 * What an orderly message callback answers: deliver the messages again in their place, after the queue has rested.
 */
#define RMQ_CONSUME_SUSPEND 3

/**
 * What an orderly message callback without auto-commit answers: consumed, with everything since the last commit.
 */
#define RMQ_CONSUME_COMMIT 4

/**
 * What an orderly message callback without auto-commit answers: deliver everything again since the last commit.
 */
#define RMQ_CONSUME_ROLLBACK 5

/**
 * What a message callback answers that has kept the batch with rmq_batch_retain: it is settled later.
 */
#define RMQ_CONSUME_DEFERRED 6

/**
 * Event: queues were assigned to the consumer.
 */
#define RMQ_EVENT_ASSIGNED 1

/**
 * Event: queues are about to be given up. What is held of them may still be settled.
 */
#define RMQ_EVENT_REVOKING 2

/**
 * Event: queues were given up.
 */
#define RMQ_EVENT_RELEASED 4

/**
 * Event: something failed that was not the direct answer to a call.
 */
#define RMQ_EVENT_ERROR 8

/**
 * Event: a bug in the library ended the consumer.
 */
#define RMQ_EVENT_FATAL 16

/**
 * Event: the group is not set up as it should be; in broadcasting also that messages failed, which do not come again,
 * or that the offsets were read from the backup of their file.
 */
#define RMQ_EVENT_WARNING 32

/**
 * Event: messages have been in a callback or unsettled for longer than "slow.message.ms".
 */
#define RMQ_EVENT_SLOW_MESSAGE 64

/**
 * Event: messages outran "consume.timeout.ms".
 */
#define RMQ_EVENT_CONSUME_TIMEOUT 128

/**
 * Event: the statistics, every "stats.interval.ms". Only the newest waits for rmq_consumer_poll_event.
 */
#define RMQ_EVENT_STATS 256

/**
 * Event: a log record, with "log.queue". At most 512 wait for rmq_consumer_poll_event, beside the other events.
 */
#define RMQ_EVENT_LOG 512

/**
 * Event: a queue was not pulled, or its progress not committed, for "watchdog.queue.ms", and is begun anew.
 */
#define RMQ_EVENT_STALLED 1024

/**
 * Mask: every event, those of kinds that are added later too.
 */
#define RMQ_EVENT_EVERY 2147483647

/**
 * What an allocate callback answers: the queues are chosen.
 */
#define RMQ_ALLOCATE_SUCCESS 1

/**
 * What an allocate callback answers: divide this topic as the strategy "avg" does.
 */
#define RMQ_ALLOCATE_AVG 2

/**
 * Something failed that the library cannot mend.
 */
#define RMQ_LOG_ERROR 3

/**
 * Something is wrong and is being worked around.
 */
#define RMQ_LOG_WARN 4

/**
 * A change of state worth knowing.
 */
#define RMQ_LOG_INFO 6

/**
 * What the library does, step by step.
 */
#define RMQ_LOG_DEBUG 7

/**
 * The queues of one topic, and the members of the group to divide them among. Lent to an allocate callback until it
 * returns; for its thread only.
 */
typedef struct rmq_allocation rmq_allocation;

/**
 * Messages of one queue, in their order, at least one. Lent to a message callback until it returns; from
 * rmq_consumer_poll and rmq_batch_retain it is the caller's.
 */
typedef struct rmq_batch rmq_batch;

/**
 * The properties of a consumer to be; made by rmq_config_new, ended by rmq_config_destroy. One thread at a time.
 */
typedef struct rmq_config rmq_config;

/**
 * A member of a consumer group; made by rmq_consumer_new, ended by rmq_consumer_destroy. Any thread.
 */
typedef struct rmq_consumer rmq_consumer;

/**
 * Lent to a message callback until it returns; for its thread only.
 */
typedef struct rmq_context rmq_context;

/**
 * Something that happened to a consumer. From rmq_consumer_poll_event it is the caller's, ended by rmq_event_destroy;
 * an event callback has it lent until it returns.
 */
typedef struct rmq_event rmq_event;

/**
 * A message. Lent by a batch as long as that is, or a copy of one's own made by rmq_message_retain and ended by
 * rmq_message_release. Any number of threads may read it.
 */
typedef struct rmq_message rmq_message;

/**
 * How a call ended: 0 is success, negative numbers are the library's, positive ones are the broker's own response
 * codes, unchanged. Numbers are never reused; new ones may come.
 */
typedef int32_t rmq_code;

/**
 * Gets a log record. Called from the library's threads and from threads that call it, several at once; it must return
 * soon and may call nothing of this library. level is one of RMQ_LOG_*, the numbers of syslog; target is the part of
 * the library that speaks. Of equal warnings and errors within a second the first comes at once, and one more with
 * their number when the second is over. With "log.queue" records become events instead. The texts are UTF-8 and end
 * when it returns. It may run until rmq_consumer_destroy of the last consumer made with it answered RMQ_OK. No
 * exception may leave it.
 */
typedef void (*rmq_log_cb)(int32_t level,
                           const char *target,
                           const char *message,
                           void *userdata);

/**
 * Frees the userdata of a callback. Called once, after the last call of that callback, on the thread that replaces the
 * callback or destroys the handle. No exception may leave it.
 */
typedef void (*rmq_free_cb)(void *userdata);

/**
 * Consumes the messages of a batch; see "Callbacks" above. The answer is one of RMQ_CONSUME_* or RMQ_RECONSUME_LATER;
 * every other one, and one that the "consume.mode" does not have, means RMQ_RECONSUME_LATER and is reported. In
 * orderly consumption RMQ_RECONSUME_LATER means RMQ_CONSUME_SUSPEND.
 */
typedef int32_t (*rmq_message_cb)(rmq_consumer *consumer,
                                  const rmq_batch *batch,
                                  rmq_context *context,
                                  void *userdata);

/**
 * Tells that there may be something to poll: messages, events, or the end. Called when the first of them comes, and
 * not again until a poll found nothing. It holds up the library's I/O, so it shall only pass the news on: write to a
 * pipe, call uv_async_send, set an event. It calls no function of this library. No exception may leave it.
 */
typedef void (*rmq_wakeup_cb)(void *userdata);

/**
 * What a message holds, to be read without further calls; rmq_batch_views fills it. Pointers live as long as the
 * batch. The texts are UTF-8 and have no NUL behind them: use their lengths. The rest of a message (properties, ids,
 * addresses) is that of rmq_batch_at with the same index. The struct grows only at its end.
 */
typedef struct {
    /**
     * As rmq_message_topic.
     */
    const char *topic;
    /**
     * Bytes of topic.
     */
    size_t topic_len;
    /**
     * As rmq_message_body: not NULL even when body_len is 0.
     */
    const uint8_t *body;
    /**
     * Bytes of body.
     */
    size_t body_len;
    /**
     * As rmq_message_tags; NULL if the message has none.
     */
    const char *tags;
    /**
     * Bytes of tags.
     */
    size_t tags_len;
    /**
     * As rmq_message_keys; NULL if the message has none.
     */
    const char *keys;
    /**
     * Bytes of keys.
     */
    size_t keys_len;
    /**
     * As rmq_message_msg_id.
     */
    const char *msg_id;
    /**
     * Bytes of msg_id.
     */
    size_t msg_id_len;
    /**
     * As rmq_message_queue_offset.
     */
    int64_t queue_offset;
    /**
     * As rmq_message_commit_log_offset.
     */
    int64_t commit_log_offset;
    /**
     * As rmq_message_born_timestamp.
     */
    int64_t born_timestamp;
    /**
     * As rmq_message_store_timestamp.
     */
    int64_t store_timestamp;
    /**
     * As rmq_message_prepared_transaction_offset.
     */
    int64_t prepared_transaction_offset;
    /**
     * As rmq_message_queue_id.
     */
    int32_t queue_id;
    /**
     * As rmq_message_reconsume_times.
     */
    int32_t reconsume_times;
    /**
     * As rmq_message_flag.
     */
    int32_t flag;
    /**
     * As rmq_message_sys_flag.
     */
    int32_t sys_flag;
    /**
     * As rmq_message_store_size.
     */
    int32_t store_size;
    /**
     * As rmq_message_body_crc.
     */
    int32_t body_crc;
} rmq_message_view;

/**
 * Gets an event, on the thread rmq-event of the library: one at a time, in their order. It may block; a hand-over
 * waits for RMQ_EVENT_REVOKING up to "rebalance.handover.timeout.ms". It may call every function but
 * rmq_consumer_shutdown, rmq_consumer_wait_stopped and rmq_consumer_destroy of its consumer. The event is lent until
 * it returns. Kinds that are not known shall be ignored. No exception may leave it.
 */
typedef void (*rmq_event_cb)(rmq_consumer *consumer,
                             const rmq_event *event,
                             void *userdata);

/**
 * Chooses the queues of one topic for this consumer; asked for each topic, the retry topic of the group too, at every
 * rebalance. All members must come to the same division: a queue that two choose is consumed by both, one that nobody
 * chooses by nobody.
 *
 * It writes the indexes of the queues it takes to taken, which has room for as many as there are queues, and their
 * number to count, which is 0 before. It returns RMQ_ALLOCATE_SUCCESS, or RMQ_ALLOCATE_AVG, and then taken does not
 * matter. After any other answer, and after an index that is not there or is given twice, or a count that is too
 * large, the consumer keeps the queues of the topic that it has, reports the failure, and asks again after a second.
 *
 * It runs on a thread rmq-alloc of the library, one call at a time, and may block: the queues stay as they are so
 * long, and a shutdown waits for it. It may call every function but rmq_consumer_shutdown and rmq_consumer_destroy of
 * its consumer. No exception may leave it.
 */
typedef int32_t (*rmq_allocate_cb)(rmq_consumer *consumer,
                                   const rmq_allocation *allocation,
                                   size_t *taken,
                                   size_t *count,
                                   void *userdata);

/**
 * Success.
 */
#define RMQ_OK 0

/**
 * Something unclassified failed; the text says more.
 */
#define RMQ_E_UNKNOWN -1

/**
 * An argument is NULL, not UTF-8, negative or out of range; the text names it.
 */
#define RMQ_E_INVALID_ARG -2

/**
 * Not allowed in the present state; the text names it.
 */
#define RMQ_E_STATE -3

/**
 * The consumer is stopped.
 */
#define RMQ_E_CLOSED -4

/**
 * Not allowed from a callback of the same consumer.
 */
#define RMQ_E_IN_CALLBACK -5

/**
 * It did not end within the time given.
 */
#define RMQ_E_TIMEOUT -6

/**
 * A wake-up ended the wait.
 */
#define RMQ_E_WOKEN -7

/**
 * The handle was made in the parent process.
 */
#define RMQ_E_FORKED -8

/**
 * The buffer is too small; the size needed was stored.
 */
#define RMQ_E_BUFFER_TOO_SMALL -9

/**
 * This platform, build or version lacks it.
 */
#define RMQ_E_UNSUPPORTED -10

/**
 * Memory could not be had. Not used in this version.
 */
#define RMQ_E_NO_MEMORY -11

/**
 * A thread could not be started.
 */
#define RMQ_E_THREAD -12

/**
 * The operating system refused; the text has its error. In broadcasting an event tells it of offsets that cannot be
 * saved.
 */
#define RMQ_E_IO -13

/**
 * No such property; the text has the nearest name.
 */
#define RMQ_E_CONFIG_KEY -20

/**
 * The property does not take this value; the text says what it takes.
 */
#define RMQ_E_CONFIG_VALUE -21

/**
 * A required property is not set; the text names it.
 */
#define RMQ_E_CONFIG_MISSING -22

/**
 * Another consumer of the group uses the same client id, or in broadcasting the same file of offsets.
 * rmq_consumer_start answers it; of one that comes later an event, rmq_consumer_last_error and the log tell.
 */
#define RMQ_E_DUPLICATE_CLIENT -23

/**
 * The queue is not assigned to this consumer.
 */
#define RMQ_E_NOT_ASSIGNED -24

/**
 * The queue was taken away, or its offset was moved; the messages may be delivered again, here or elsewhere.
 */
#define RMQ_E_REVOKED -25

/**
 * The group has committed nothing for the queue.
 */
#define RMQ_E_NO_OFFSET -26

/**
 * The file of a broadcasting consumer's offsets and its backup cannot be read: every queue begins by "consume.from".
 * An event, rmq_consumer_last_error and the log tell it, no function answers it.
 */
#define RMQ_E_OFFSET_FILE -29

/**
 * No name server answered; the text has each address and its error.
 */
#define RMQ_E_NO_NAMESRV -30

/**
 * The topic has no route.
 */
#define RMQ_E_NO_ROUTE -31

/**
 * A connection could not be made.
 */
#define RMQ_E_CONNECT -32

/**
 * The connection was lost.
 */
#define RMQ_E_DISCONNECTED -33

/**
 * The broker did not answer in time.
 */
#define RMQ_E_REQUEST_TIMEOUT -34

/**
 * The peer sent bytes that are not RocketMQ's protocol.
 */
#define RMQ_E_PROTOCOL -35

/**
 * A message body does not match its checksum.
 */
#define RMQ_E_CHECKSUM -36

/**
 * A message body could not be decompressed.
 */
#define RMQ_E_DECOMPRESS -37

/**
 * The subscription expression is not valid.
 */
#define RMQ_E_FILTER -38

/**
 * The credentials were refused. Not used in this version.
 */
#define RMQ_E_AUTH -40

/**
 * A bug in the library; the consumer may only be destroyed.
 */
#define RMQ_E_PANIC -99

/**
 * Names a code: the constant of this header, or the broker's own name for a positive one.
 *
 * @param code  any number
 * @returns a text that is never NULL and lives as long as the process; "UNKNOWN" for a number without a name
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_code_name(rmq_code code);

/**
 * Says in one sentence what a code means.
 *
 * @param code  any number
 * @returns a text that is never NULL and lives as long as the process
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_code_string(rmq_code code);

/**
 * Tells whether the same call may succeed later without any change.
 *
 * @param code  any number
 * @returns 1 or 0
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_code_is_retriable(rmq_code code);

/**
 * Tells whether a code means that the consumer may only be destroyed.
 *
 * @param code  any number
 * @returns 1 or 0
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_code_is_fatal(rmq_code code);

/**
 * Lists every code that has a name, for languages that do not read this header.
 *
 * @returns a JSON array of objects with code, name, text, retriable and fatal; never NULL, lives as long as the
 *          process
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_codes_json(void);

/**
 * Gives the code of the last call that failed on this thread.
 *
 * @returns a code; RMQ_OK when none failed yet. A call that succeeds does not clear it
 * @par Thread-safety  any thread; each has its own
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_last_error_code(void);

/**
 * Gives the text of the last call that failed on this thread. Read it on that thread, before its next call.
 *
 * @returns a text of at most 511 bytes; never NULL, empty when none failed yet. The address stays valid as long as the
 *          thread, the text changes with the next failure. A call that succeeds does not clear it
 * @par Thread-safety  any thread; each has its own
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_last_error_message(void);

/**
 * Gives what the broker said when the last call that failed on this thread failed by its refusal.
 *
 * @returns a text as of rmq_last_error_message; empty when the broker said nothing or something else failed
 * @par Thread-safety  any thread; each has its own
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_last_broker_remark(void);

/**
 * Gives the version of the library that is loaded.
 *
 * @returns a text like "0.1.0"; never NULL, lives as long as the process
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_version(void);

/**
 * Gives the version of the library that is loaded as a number, to compare with RMQ_VERSION_NUMBER.
 *
 * @returns major << 16 | minor << 8 | patch
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
uint32_t rmq_version_number(void);

/**
 * Gives the number in the library's SONAME.
 *
 * @returns 0 for librmq.so.0
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_abi_version(void);

/**
 * Tells how the library was built.
 *
 * @returns a JSON object with version, abi, os, arch, debug and compression; never NULL, lives as long as the process
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_build_info_json(void);

/**
 * Checks that the library that is loaded is not older than the header a program was built with, and is of its ABI.
 * RMQ_CHECK_VERSION() passes the header's number.
 *
 * @param header_number  RMQ_VERSION_NUMBER of the header
 * @returns RMQ_OK; RMQ_E_UNSUPPORTED if the library is older or of another ABI
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_check_version(uint32_t header_number);

/**
 * Makes a configuration in which every property has its default.
 *
 * @returns a handle; NULL only when the library has a bug, which rmq_last_error_message tells
 * @par Thread-safety  any thread, may be called from a message callback
 * @par Ownership      the caller's; end it with rmq_config_destroy
 * @since 0.1
 */
RMQ_EXPORT
rmq_config *rmq_config_new(void);

/**
 * Copies a configuration, its log callback included; the callback's userdata is freed after the last of both.
 *
 * @param config  borrowed; must not be NULL
 * @returns a handle; NULL if config is NULL
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @par Ownership      the caller's; end it with rmq_config_destroy
 * @since 0.1
 */
RMQ_EXPORT
rmq_config *rmq_config_clone(const rmq_config *config);

/**
 * Ends a configuration. Consumers that were made from it are not affected.
 *
 * @param config  a configuration of the caller's, or NULL, which does nothing
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @par Ownership      ends; the log callback's userdata is freed here unless a copy or a consumer still needs it
 * @since 0.1
 */
RMQ_EXPORT
void rmq_config_destroy(rmq_config *config);

/**
 * Sets a property. docs/CONFIGURATION.md and rmq_config_properties_json list them; Java's names and their snake_case
 * forms are accepted too, in Java's unit.
 *
 * @param config  must not be NULL
 * @param key     UTF-8, for example "consumer.group"
 * @param value   UTF-8; numbers and booleans as text
 * @param errbuf  gets the text of a failure, cut to size; may be NULL
 * @param size    bytes of errbuf
 * @returns RMQ_OK; RMQ_E_CONFIG_KEY if there is no such property; RMQ_E_CONFIG_VALUE if it does not take the value;
 *          RMQ_E_UNSUPPORTED if what it asks for is not in this version; RMQ_E_INVALID_ARG. The configuration is
 *          unchanged on failure
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @par Ownership      key and value are copied
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_set(rmq_config *config,
                        const char *key,
                        const char *value,
                        char *errbuf,
                        size_t size);

/**
 * Gives the value a property has: set, or its default. An alias answers in its own unit. Secrets are masked.
 *
 * @param config  borrowed; must not be NULL
 * @param key     UTF-8, any name of the property
 * @param buf     gets the value and a NUL; NULL with size 0 only asks for the size
 * @param size    bytes of buf
 * @param needed  gets the bytes the value takes, its NUL included; may be NULL
 * @returns RMQ_OK, with an empty text for a property that is not set and has no default; RMQ_E_BUFFER_TOO_SMALL;
 *          RMQ_E_CONFIG_KEY; RMQ_E_CONFIG_VALUE if the value is no whole number of the alias' unit; RMQ_E_UNSUPPORTED
 *          for a Java property that this version lacks; RMQ_E_INVALID_ARG
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @par Ownership      nothing is transferred
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_get(const rmq_config *config,
                        const char *key,
                        char *buf,
                        size_t size,
                        size_t *needed);

/**
 * Sets every property that a JSON object names; its values are texts, numbers or booleans. All or none.
 *
 * @param config  must not be NULL
 * @param json    UTF-8, needs no NUL
 * @param len     bytes of json
 * @param errbuf  gets the text of a failure, cut to size; may be NULL
 * @param size    bytes of errbuf
 * @returns RMQ_OK; RMQ_E_CONFIG_KEY, RMQ_E_CONFIG_VALUE, RMQ_E_UNSUPPORTED as rmq_config_set; RMQ_E_CONFIG_VALUE if it
 *          is no JSON object; RMQ_E_INVALID_ARG. The configuration is unchanged on failure
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @par Ownership      json is copied
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_load_json(rmq_config *config,
                              const char *json,
                              size_t len,
                              char *errbuf,
                              size_t size);

/**
 * Gives every property that has a value, set or default, as a JSON object of texts. Secrets are masked.
 *
 * @param config  borrowed; must not be NULL
 * @param buf     gets the object and a NUL; NULL with size 0 only asks for the size
 * @param size    bytes of buf
 * @param needed  gets the bytes the object takes, its NUL included; may be NULL
 * @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @par Ownership      nothing is transferred
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_dump_json(const rmq_config *config,
                              char *buf,
                              size_t size,
                              size_t *needed);

/**
 * Lists every property with its names, type, unit, range, default and meaning.
 *
 * @returns a JSON array; never NULL, lives as long as the process
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_config_properties_json(void);

/**
 * Sets the consumer group, as rmq_config_set of "consumer.group".
 *
 * @param config  must not be NULL
 * @param group   UTF-8, copied
 * @returns as rmq_config_set; the text is in rmq_last_error_message
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_set_group(rmq_config *config,
                              const char *group);

/**
 * Sets the name servers, as rmq_config_set of "namesrv.addr".
 *
 * @param config     must not be NULL
 * @param addresses  UTF-8, copied; host:port, several separated by ;
 * @returns as rmq_config_set; the text is in rmq_last_error_message
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_set_namesrv_addr(rmq_config *config,
                                     const char *addresses);

/**
 * Sets the instance name, as rmq_config_set of "instance.name".
 *
 * @param config  must not be NULL
 * @param name    UTF-8, copied
 * @returns as rmq_config_set; the text is in rmq_last_error_message
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_set_instance_name(rmq_config *config,
                                      const char *name);

/**
 * Sets the credentials, as rmq_config_set of "access.key", "secret.key" and "security.token". This version answers
 * RMQ_E_UNSUPPORTED unless all are empty.
 *
 * @param config          must not be NULL
 * @param access_key      UTF-8, copied
 * @param secret_key      UTF-8, copied
 * @param security_token  UTF-8, copied; may be NULL
 * @returns as rmq_config_set; the text is in rmq_last_error_message. All or none
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_set_credentials(rmq_config *config,
                                    const char *access_key,
                                    const char *secret_key,
                                    const char *security_token);

/**
 * Sets the message model, as rmq_config_set of "message.model".
 *
 * @param config  must not be NULL
 * @param model   RMQ_MESSAGE_MODEL_CLUSTERING or RMQ_MESSAGE_MODEL_BROADCASTING
 * @returns as rmq_config_set; the text is in rmq_last_error_message
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_set_message_model(rmq_config *config,
                                      int32_t model);

/**
 * Sets how many callbacks may run at the same time, as rmq_config_set of "consume.thread.max".
 *
 * @param config   must not be NULL
 * @param threads  1 to 1000
 * @returns as rmq_config_set; the text is in rmq_last_error_message
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_set_consume_threads(rmq_config *config,
                                        int32_t threads);

/**
 * Sets how many messages one callback gets at most, as rmq_config_set of "consume.batch.size".
 *
 * @param config    must not be NULL
 * @param messages  1 to 1024
 * @returns as rmq_config_set; the text is in rmq_last_error_message
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_set_batch_size(rmq_config *config,
                                   int32_t messages);

/**
 * Sets how often a message is delivered again before it goes to the dead letters, as rmq_config_set of
 * "reconsume.max".
 *
 * @param config  must not be NULL
 * @param times   0 or more; -1 is 16, as in Java
 * @returns as rmq_config_set; the text is in rmq_last_error_message
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_set_max_reconsume_times(rmq_config *config,
                                            int32_t times);

/**
 * Sets where log records of the consumers go that are made from this configuration; "log.level" says which. Without a
 * callback nothing is logged anywhere. With "log.queue" records are events, and the callback gets none.
 *
 * @param config         must not be NULL
 * @param callback       see rmq_log_cb; NULL for none
 * @param userdata       passed back to the callback; may be NULL
 * @param free_userdata  frees userdata; may be NULL
 * @returns RMQ_OK; RMQ_E_INVALID_ARG if config is NULL. On failure userdata stays the caller's
 * @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
 * @par Ownership      userdata is taken over. It is freed once: when the callback is replaced, the configuration and
 *                     its copies are destroyed and the last consumer made from them is, whichever comes last, on the
 *                     thread that does it
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_config_set_log_callback(rmq_config *config,
                                     rmq_log_cb callback,
                                     void *userdata,
                                     rmq_free_cb free_userdata);

/**
 * Makes a consumer. It copies the configuration, talks to nobody and starts no thread.
 *
 * @param config  borrowed; must not be NULL
 * @param errbuf  gets the text of a failure, cut to size; may be NULL
 * @param size    bytes of errbuf
 * @returns a handle; NULL on failure, with the text in errbuf and rmq_last_error_message and the code in
 *          rmq_last_error_code: RMQ_E_CONFIG_MISSING if the group or the name servers are not set; RMQ_E_CONFIG_VALUE
 *          if values contradict each other, or in broadcasting if the file of the offsets has no usable path;
 *          RMQ_E_INVALID_ARG
 * @par Thread-safety  any thread, may be called from a message callback
 * @par Ownership      the caller's; end it with rmq_consumer_destroy
 * @since 0.1
 */
RMQ_EXPORT
rmq_consumer *rmq_consumer_new(const rmq_config *config,
                               char *errbuf,
                               size_t size);

/**
 * Subscribes to a topic, or changes its expression; also while the consumer is running.
 *
 * @param consumer    must not be NULL
 * @param topic       UTF-8, copied
 * @param expression  UTF-8, copied: tags separated by ||, or * for all; NULL and "" are *
 * @returns RMQ_OK; RMQ_E_INVALID_ARG; RMQ_E_FILTER if a tag is empty or * stands beside tags; RMQ_E_STATE if the
 *          consumer is stopped; RMQ_E_FORKED; RMQ_E_PANIC. A tag that looks like a mistake, as "new,paid", is taken
 *          and logged as a warning
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_subscribe(rmq_consumer *consumer,
                                const char *topic,
                                const char *expression);

/**
 * Ends the subscription to a topic: its queues are given up. If a pattern matches it, it is then subscribed by that.
 *
 * @param consumer  must not be NULL
 * @param topic     UTF-8; one that is not subscribed to does nothing
 * @returns RMQ_OK; RMQ_E_INVALID_ARG, also if only a pattern found the topic (rmq_consumer_unsubscribe_pattern ends
 *          it); RMQ_E_STATE if the consumer is stopped; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_unsubscribe(rmq_consumer *consumer,
                                  const char *topic);

/**
 * Gives the present subscriptions as JSON: an array with an object for each topic, members "topic", "type" (TAG or
 * SQL92), "expression", "pattern" (the one that found it, or null) and "filters" (expressions by field); then one for
 * each pattern, members "pattern", "type", "expression" and "topics".
 *
 * @param consumer  borrowed; must not be NULL
 * @param buf       gets the JSON text and a NUL; NULL with size 0 only asks for the size
 * @param size      bytes of buf
 * @param needed    gets the bytes the text takes, its NUL included; may be NULL
 * @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_subscriptions_json(const rmq_consumer *consumer,
                                         char *buf,
                                         size_t size,
                                         size_t *needed);

/**
 * Starts consuming. Blocks at most the property "start.timeout.ms", until a name server and the brokers of the known
 * topics answered; who refuses a connection is tried again until then. A topic without a route does not hold it up.
 * Without a message callback it is for rmq_consumer_poll. With start.timeout.ms=0 a client id that is taken is told
 * later, by an error event and rmq_consumer_last_error.
 *
 * @param consumer  must not be NULL
 * @returns RMQ_OK; RMQ_E_STATE if it was started before, or if "allocate.strategy" is custom and no allocate callback
 *          is set; RMQ_E_NO_NAMESRV, RMQ_E_CONNECT, RMQ_E_TIMEOUT or a broker's code, after which it may be started
 *          again; RMQ_E_DUPLICATE_CLIENT if another consumer of the group has the same client id and keeps it for 3 s,
 *          in broadcasting if another keeps its offsets in the same file; RMQ_E_THREAD; RMQ_E_INVALID_ARG;
 *          RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_start(rmq_consumer *consumer);

/**
 * Gives the state of a consumer.
 *
 * @param consumer  borrowed; must not be NULL
 * @returns one of RMQ_STATE_*, which are positive; RMQ_E_INVALID_ARG, RMQ_E_FORKED or RMQ_E_PANIC, which are negative
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_consumer_state(const rmq_consumer *consumer);

/**
 * Tells whether a consumer is consuming.
 *
 * @param consumer  borrowed; NULL answers 0
 * @returns 1 in RMQ_STATE_RUNNING, else 0
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_consumer_is_started(const rmq_consumer *consumer);

/**
 * Gives the id by which brokers know this member of its group.
 *
 * @param consumer  borrowed; NULL answers NULL
 * @returns a text that lives as long as the consumer; NULL on failure
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_consumer_client_id(const rmq_consumer *consumer);

/**
 * Gives the text of the last failure of a consumer, on whichever thread it happened; empty when there was none.
 *
 * @param consumer  borrowed; must not be NULL
 * @param buf       gets the text and a NUL; NULL with size 0 only asks for the size
 * @param size      bytes of buf
 * @param needed    gets the bytes the text takes, its NUL included; may be NULL
 * @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_last_error(const rmq_consumer *consumer,
                                 char *buf,
                                 size_t size,
                                 size_t *needed);

/**
 * Gives the text of the bug that left a consumer in RMQ_STATE_FATAL; empty when there was none.
 *
 * @param consumer  borrowed; must not be NULL
 * @param buf       gets the text and a NUL; NULL with size 0 only asks for the size
 * @param size      bytes of buf
 * @param needed    gets the bytes the text takes, its NUL included; may be NULL
 * @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_fatal_error(const rmq_consumer *consumer,
                                  char *buf,
                                  size_t size,
                                  size_t *needed);

/**
 * Gives the queues that are assigned to a consumer as JSON.
 *
 * @param consumer  borrowed; must not be NULL
 * @param buf       gets the JSON text and a NUL; NULL with size 0 only asks for the size
 * @param size      bytes of buf
 * @param needed    gets the bytes the text takes, its NUL included; may be NULL
 * @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_assignment_json(const rmq_consumer *consumer,
                                      char *buf,
                                      size_t size,
                                      size_t *needed);

/**
 * Gives the statistics of a consumer as JSON: threads, brokers, topics with their queues, callbacks and totals. Each
 * member is told in docs/STATISTICS.md; docs/statistics.schema.json is its JSON Schema. Before the start and after the
 * shutdown there are no brokers, and the totals stay. With "stats.interval.ms" it comes as RMQ_EVENT_STATS too.
 *
 * @param consumer  borrowed; must not be NULL
 * @param buf       gets the JSON text and a NUL; NULL with size 0 only asks for the size
 * @param size      bytes of buf
 * @param needed    gets the bytes the text takes, its NUL included; may be NULL
 * @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_stats_json(const rmq_consumer *consumer,
                                 char *buf,
                                 size_t size,
                                 size_t *needed);

/**
 * Begins to stop a consumer and returns at once: polls end with RMQ_E_CLOSED, and soon no message callback begins any
 * more. What is held may still be settled. The rest, up to the last commit, goes on by itself;
 * rmq_consumer_wait_stopped or rmq_consumer_shutdown waits for it, and one of them, or rmq_consumer_destroy, must be
 * called. A consumer that was not started is stopped by this.
 *
 * @param consumer  must not be NULL
 * @returns RMQ_OK, also when it is stopped or stopping already; RMQ_E_STATE while rmq_consumer_start runs;
 *          RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback; not from a signal handler
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_request_stop(rmq_consumer *consumer);

/**
 * Waits until somebody asks for a stop, by rmq_consumer_request_stop or rmq_consumer_shutdown, then until the consumer
 * is stopped as by rmq_consumer_shutdown. A main thread may spend its time in it.
 *
 * @param consumer    must not be NULL
 * @param timeout_ms  how long to wait; -1 waits without a bound
 * @returns RMQ_OK once it is stopped; RMQ_E_TIMEOUT if nobody asked, or callbacks are still running or messages are
 *          not settled; RMQ_E_STATE if it was not started and nobody asked for a stop, if its start failed, or if it
 *          is fatal; RMQ_E_IN_CALLBACK; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread but those of callbacks of this consumer
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_wait_stopped(rmq_consumer *consumer,
                                   int32_t timeout_ms);

/**
 * Stops consuming: ends all polls, waits for running callbacks and for batches that are kept or polled, commits what
 * was finished, tells the brokers. After RMQ_OK no message callback runs and none will; the log callback may until the
 * destroy. The consumer cannot be started again.
 *
 * @param consumer    must not be NULL
 * @param timeout_ms  how long it may take; -1 is the property "shutdown.timeout.ms"
 * @returns RMQ_OK, also when it is stopped already; RMQ_E_TIMEOUT if callbacks are still running or messages are not
 *          settled, after which it may be called again; RMQ_E_IN_CALLBACK; RMQ_E_INVALID_ARG; RMQ_E_FORKED;
 *          RMQ_E_PANIC
 * @par Thread-safety  any thread but those of callbacks of this consumer
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_shutdown(rmq_consumer *consumer,
                               int32_t timeout_ms);

/**
 * Ends a consumer: shuts it down, within the property "shutdown.timeout.ms", frees the userdata of its callbacks and
 * the handle. On failure nothing is freed and the handle stays usable. All this holds in RMQ_STATE_FATAL too.
 *
 * @param consumer  a consumer of the caller's, or NULL, which does nothing
 * @returns RMQ_OK, and then the handle is gone; RMQ_E_TIMEOUT if callbacks are still running or messages are not
 *          settled; RMQ_E_IN_CALLBACK; RMQ_E_PANIC. In a process forked from the one that made it: RMQ_OK, and nothing
 *          is freed
 * @par Thread-safety  any thread but those of callbacks of this consumer, when no other thread begins a call on it
 *                     any more; calls that are running end well
 * @par Ownership      ends with RMQ_OK
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_destroy(rmq_consumer *consumer);

/**
 * Tells whether a selector's type selects by tag, as the Go client's IsTagType does: nothing, and "TAG" in any case.
 *
 * @param type  UTF-8; NULL is nothing
 * @returns 1 for a type that selects by tag, else 0
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_is_tag_type(const char *type);

/**
 * Subscribes to a topic by a selector, or changes it; also while the consumer is running. SQL92 conditions are checked
 * by the topic's brokers: by rmq_consumer_start, or by this call when the consumer is running, which then blocks for
 * up to twice "request.timeout.ms" and "connect.timeout.ms". A refused condition changes nothing. The condition for a
 * topic that does not exist yet is checked when it appears; a refusal is then in rmq_consumer_last_error and the log.
 *
 * @param consumer    must not be NULL
 * @param topic       UTF-8, copied
 * @param type        UTF-8, copied: "TAG", NULL or "" for tags; "SQL92" for a condition over properties; in any case
 * @param expression  UTF-8, copied: tags separated by ||, with NULL, "" and * for all; or a condition, which must be
 *                    there, as "price > 10 AND region = 'eu'"
 * @returns RMQ_OK; RMQ_E_INVALID_ARG, also for another type; RMQ_E_FILTER if a tag is empty, * stands beside tags or a
 *          condition is missing; RMQ_E_STATE if the consumer is stopped; while it is running also a broker's code, 23
 *          for a condition it cannot read and 1 when it does not filter by SQL92, and RMQ_E_NO_NAMESRV, RMQ_E_CONNECT,
 *          RMQ_E_REQUEST_TIMEOUT or RMQ_E_TIMEOUT when it could not be asked; RMQ_E_IN_CALLBACK in a log callback;
 *          RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_subscribe_selector(rmq_consumer *consumer,
                                         const char *topic,
                                         const char *type,
                                         const char *expression);

/**
 * Subscribes to every topic whose whole name a regular expression matches, now and later: the name servers are asked
 * by rmq_consumer_start, and then every "namesrv.poll.interval.ms". A topic that is deleted is let go at the second
 * look. Topics of RocketMQ itself (%RETRY%, %DLQ%, rmq_sys_ and the like, those of clusters and brokers) are never
 * matched; a topic that was subscribed by its name keeps its own selector, and of several patterns the one that was
 * subscribed first counts. While the consumer is running the topics are looked for in the background; a condition that
 * a broker refuses then is in rmq_consumer_last_error and the log, and its topic is not consumed.
 *
 * @param consumer     must not be NULL
 * @param topic_regex  UTF-8, copied: a regular expression without look-around and back references; the same text
 *                     again replaces the selector
 * @param type         as for rmq_consumer_subscribe_selector
 * @param expression   as for rmq_consumer_subscribe_selector, for each of the topics
 * @returns RMQ_OK; RMQ_E_INVALID_ARG; RMQ_E_FILTER if either expression cannot be read; RMQ_E_STATE if the consumer is
 *          stopped; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_subscribe_pattern(rmq_consumer *consumer,
                                        const char *topic_regex,
                                        const char *type,
                                        const char *expression);

/**
 * Ends a pattern: the queues of its topics are given up, but for topics that another pattern matches. (A function of
 * its own, since a topic's name can be a pattern too: rmq_consumer_unsubscribe ends what was subscribed by name.)
 *
 * @param consumer     must not be NULL
 * @param topic_regex  UTF-8; the text that was given to rmq_consumer_subscribe_pattern; another one does nothing
 * @returns RMQ_OK; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is stopped; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_unsubscribe_pattern(rmq_consumer *consumer,
                                          const char *topic_regex);

/**
 * Filters a topic's messages in the client by a regular expression over one of their fields, from the next pull on. A
 * message in which it is not found, or that has no such field, does not reach the callback; it is acknowledged and
 * counted as "filtered" in rmq_consumer_stats_json. A topic may have one filter for each field; messages must pass
 * all. Messages that are delivered again are not filtered again. It may be set before the topic is subscribed, stays
 * when that ends, and holds for a topic that a pattern found as well.
 *
 * @param consumer  must not be NULL
 * @param topic     UTF-8, copied: a topic's name
 * @param field     UTF-8, copied: "tag"; "keys", where one of the keys has to match; or "property:NAME"
 * @param regex     UTF-8, copied: a regular expression without look-around and back references, searched for anywhere
 *                  in the field; ^ and $ bind it. NULL and "" take the filter of this field away
 * @returns RMQ_OK; RMQ_E_INVALID_ARG, also for another field; RMQ_E_FILTER if the expression cannot be read or is too
 *          large; RMQ_E_STATE if the consumer is stopped; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_filter_regex(rmq_consumer *consumer,
                                   const char *topic,
                                   const char *field,
                                   const char *regex);

/**
 * Gives the route of a subscribed topic as JSON, as the consumer last heard it from a name server: an object with the
 * topic, its brokers with their addresses by broker id (0 is the master), and the queues that may be read.
 *
 * @param consumer  borrowed; must not be NULL
 * @param topic     borrowed for the call; must not be NULL; the group's retry topic is allowed too
 * @param buf       gets the JSON text and a NUL; NULL with size 0 only asks for the size
 * @param size      bytes of buf
 * @param needed    gets the bytes the text takes, its NUL included; may be NULL
 * @returns RMQ_OK; RMQ_E_STATE when it is not started; RMQ_E_NO_ROUTE for a topic that is not subscribed or that no
 * name server knows yet; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_route_json(const rmq_consumer *consumer,
                                 const char *topic,
                                 char *buf,
                                 size_t size,
                                 size_t *needed);

/**
 * Names the queues to consume, in place of those named before; [] gives all up. Such a consumer is no member of its
 * group: other members neither see it nor share its queues, it has no retry topic, and what a callback wants again is
 * delivered again 5 s later by itself. Its offsets are committed under the group as usual. A consumer assigns or
 * subscribes, never both: what it does first it keeps to. A running one waits at most the property
 * "request.timeout.ms", until it owns the queues whose routes are known; others are consumed when they appear. SQL92
 * conditions are checked by the brokers as in rmq_consumer_subscribe_selector; a refused one changes nothing.
 *
 * @param consumer     must not be NULL
 * @param queues_json  UTF-8, copied: an array of {"topic": "T", "broker": "B", "queue_id": 0, "type": "TAG",
 *                     "expression": "*"}. Without queue_id all queues are meant, without broker those of all brokers,
 *                     as they come and go; type and expression are those of rmq_consumer_subscribe_selector, all
 *                     messages when they are left out, and one for each topic
 * @returns RMQ_OK; RMQ_E_INVALID_ARG if it is no such array; RMQ_E_FILTER; RMQ_E_STATE if topics were subscribed to,
 *          if it was started without an assignment, is stopped, or broadcasts; RMQ_E_REQUEST_TIMEOUT, after which it
 *          goes on by itself; RMQ_E_CLOSED if it was stopped meanwhile; with SQL92 while it is running
 *          also what rmq_consumer_subscribe_selector answers then; RMQ_E_IN_CALLBACK in a log callback; RMQ_E_FORKED;
 *          RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_assign(rmq_consumer *consumer,
                             const char *queues_json);

/**
 * Pauses queues: from now on no message of them is pulled or handed out. Callbacks that run end as usual; what nobody
 * has is given back and pulled again after the resume, once the callbacks that have messages of the queue have ended
 * and kept or polled batches are settled. It holds until a resume, for queues that are assigned later too: for each
 * queue the latest pause or resume that means it counts. May be called before the start.
 *
 * @param consumer  must not be NULL
 * @param topic     UTF-8, copied: queues of this topic, %RETRY% before the group's name for its retry topic; NULL is
 *                  any
 * @param broker    UTF-8, copied: queues at this broker, by its name; NULL is any
 * @param queue_id  the queue with this number; -1 is any
 * @returns RMQ_OK, also when no queue is meant now; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is stopped;
 *          RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_pause(rmq_consumer *consumer,
                            const char *topic,
                            const char *broker,
                            int32_t queue_id);

/**
 * Resumes queues that were paused. A resume of fewer queues than were paused leaves the others paused.
 *
 * @param consumer  must not be NULL
 * @param topic     UTF-8, copied: queues of this topic, %RETRY% before the group's name for its retry topic; NULL is
 *                  any
 * @param broker    UTF-8, copied: queues at this broker, by its name; NULL is any
 * @param queue_id  the queue with this number; -1 is any
 * @returns RMQ_OK, also when no queue is meant now; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is stopped;
 *          RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_resume(rmq_consumer *consumer,
                             const char *topic,
                             const char *broker,
                             int32_t queue_id);

/**
 * Commits what is complete now in all queues of the consumer, and waits for the brokers' answers: at most the property
 * "request.timeout.ms". What callbacks complete is committed without it too, a moment later, unless "auto.commit" is
 * false.
 *
 * @param consumer  must not be NULL
 * @returns RMQ_OK; the first failure if one or more queues failed: RMQ_E_STATE if the consumer is not running;
 *          RMQ_E_CLOSED if it was stopped meanwhile; RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the
 *          broker's code; RMQ_E_IN_CALLBACK in a log callback; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_commit(rmq_consumer *consumer);

/**
 * Commits what is complete now in one queue, and waits for the broker's answer.
 *
 * @param consumer  must not be NULL
 * @param topic     UTF-8, copied
 * @param broker    UTF-8, copied: the name of the queue's broker
 * @param queue_id  the queue's number at that broker
 * @returns RMQ_OK; RMQ_E_NOT_ASSIGNED if the queue is not this consumer's, RMQ_E_REVOKED if it was taken away
 *          meanwhile; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is not running; RMQ_E_CLOSED if it was stopped
 *          meanwhile; RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK
 *          in a log callback; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_commit_queue(rmq_consumer *consumer,
                                   const char *topic,
                                   const char *broker,
                                   int32_t queue_id);

/**
 * Asks the broker for the offset that the group has committed for a queue: the next message to consume after a start.
 *
 * @param consumer  must not be NULL
 * @param topic     UTF-8, copied
 * @param broker    UTF-8, copied: the name of the queue's broker
 * @param queue_id  the queue's number at that broker
 * @param offset    gets the offset; must not be NULL
 * @returns RMQ_OK; RMQ_E_NO_OFFSET if the group has committed nothing (brokers of 4.x answer 0 instead for a queue
 *          that still has its first message); RMQ_E_NO_ROUTE if the queue is in no route of this consumer's topics;
 *          RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is not running; RMQ_E_CLOSED if it was stopped meanwhile;
 *          RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK in a log
 *          callback; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_committed(const rmq_consumer *consumer,
                                const char *topic,
                                const char *broker,
                                int32_t queue_id,
                                int64_t *offset);

/**
 * Gives the offset that is pulled next in a queue of the consumer. Right after the queue was assigned it waits until
 * it is known where it begins: at most the property "request.timeout.ms".
 *
 * @param consumer  must not be NULL
 * @param topic     UTF-8, copied
 * @param broker    UTF-8, copied: the name of the queue's broker
 * @param queue_id  the queue's number at that broker
 * @param offset    gets the offset; must not be NULL
 * @returns RMQ_OK; RMQ_E_NOT_ASSIGNED if the queue is not this consumer's, RMQ_E_INVALID_ARG; RMQ_E_STATE if the
 *          consumer is not running; RMQ_E_CLOSED if it was stopped meanwhile; RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT,
 *          RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK in a log callback; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_position(const rmq_consumer *consumer,
                               const char *topic,
                               const char *broker,
                               int32_t queue_id,
                               int64_t *offset);

/**
 * Asks the broker for the first and the last offset of a queue.
 *
 * @param consumer  must not be NULL
 * @param topic     UTF-8, copied
 * @param broker    UTF-8, copied: the name of the queue's broker
 * @param queue_id  the queue's number at that broker
 * @param min       gets the offset of the first message that the broker still has; may be NULL
 * @param max       gets the offset behind the last message; may be NULL
 * @returns RMQ_OK; RMQ_E_NO_ROUTE if the queue is in no route of this consumer's topics; RMQ_E_INVALID_ARG;
 *          RMQ_E_STATE if the consumer is not running; RMQ_E_CLOSED if it was stopped meanwhile;
 *          RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK in a log
 *          callback; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_watermarks(const rmq_consumer *consumer,
                                 const char *topic,
                                 const char *broker,
                                 int32_t queue_id,
                                 int64_t *min,
                                 int64_t *max);

/**
 * Goes on at another offset in a queue of the consumer, within what the broker has; its end is allowed. Messages
 * that no callback has are dropped, results of callbacks that run with older ones are ignored, and with
 * "auto.commit" the new offset is committed, also when it is lower. After RMQ_OK no message from before begins to be
 * delivered; on failure nothing is changed.
 *
 * @param consumer  must not be NULL
 * @param topic     UTF-8, copied
 * @param broker    UTF-8, copied: the name of the queue's broker
 * @param queue_id  the queue's number at that broker
 * @param offset    the offset of the next message to deliver
 * @returns RMQ_OK; RMQ_E_NOT_ASSIGNED if the queue is not this consumer's, RMQ_E_REVOKED if it was taken away
 *          meanwhile; RMQ_E_INVALID_ARG, also for an offset outside the queue, with the range in the text; RMQ_E_STATE
 *          if the consumer is not running; RMQ_E_CLOSED if it was stopped meanwhile; RMQ_E_REQUEST_TIMEOUT,
 *          RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK in a log callback; RMQ_E_FORKED;
 *          RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_seek(rmq_consumer *consumer,
                           const char *topic,
                           const char *broker,
                           int32_t queue_id,
                           int64_t offset);

/**
 * Goes on at the first message that the broker still has of a queue. Messages that no callback has are dropped,
 * results of callbacks that run with older ones are ignored, and with "auto.commit" the new offset is committed,
 * also when it is lower. After RMQ_OK no message from before begins to be delivered; on failure nothing is changed.
 *
 * @param consumer  must not be NULL
 * @param topic     UTF-8, copied
 * @param broker    UTF-8, copied: the name of the queue's broker
 * @param queue_id  the queue's number at that broker
 * @returns RMQ_OK; RMQ_E_NOT_ASSIGNED if the queue is not this consumer's, RMQ_E_REVOKED if it was taken away
 *          meanwhile; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is not running; RMQ_E_CLOSED if it was stopped
 *          meanwhile; RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK
 *          in a log callback; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_seek_begin(rmq_consumer *consumer,
                                 const char *topic,
                                 const char *broker,
                                 int32_t queue_id);

/**
 * Goes on behind the last message of a queue: only what arrives later is delivered. Messages that no callback has are
 * dropped, results of callbacks that run with older ones are ignored, and the new offset is committed, also when it is
 * lower. After RMQ_OK no message from before begins to be delivered; on failure nothing is changed.
 *
 * @param consumer  must not be NULL
 * @param topic     UTF-8, copied
 * @param broker    UTF-8, copied: the name of the queue's broker
 * @param queue_id  the queue's number at that broker
 * @returns RMQ_OK; RMQ_E_NOT_ASSIGNED if the queue is not this consumer's, RMQ_E_REVOKED if it was taken away
 *          meanwhile; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is not running; RMQ_E_CLOSED if it was stopped
 *          meanwhile; RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK
 *          in a log callback; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_seek_end(rmq_consumer *consumer,
                               const char *topic,
                               const char *broker,
                               int32_t queue_id);

/**
 * Goes on at the first message of a queue that the broker stored at a time or after it; behind the last message if
 * there is none (brokers of 4.x: at the last message). Messages that no callback has are dropped, results of
 * callbacks that run with older ones are ignored, and with "auto.commit" the new offset is committed, also when it
 * is lower. After RMQ_OK no message from before begins to be delivered; on failure nothing is changed.
 *
 * @param consumer  must not be NULL
 * @param topic     UTF-8, copied
 * @param broker    UTF-8, copied: the name of the queue's broker
 * @param queue_id  the queue's number at that broker
 * @param timestamp_ms  milliseconds since 1970
 * @returns RMQ_OK; RMQ_E_NOT_ASSIGNED if the queue is not this consumer's, RMQ_E_REVOKED if it was taken away
 *          meanwhile; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is not running; RMQ_E_CLOSED if it was stopped
 *          meanwhile; RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK
 *          in a log callback; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_seek_timestamp(rmq_consumer *consumer,
                                     const char *topic,
                                     const char *broker,
                                     int32_t queue_id,
                                     int64_t timestamp_ms);

/**
 * Sets the name servers, before the start or while the consumer is running, in place of those before: for a cluster
 * whose name servers move. A running consumer asks them for all its routes at once and ends its connections to those
 * that are not among them; consuming goes on meanwhile. Nobody is asked before this call returns.
 *
 * @param consumer   must not be NULL
 * @param addresses  UTF-8, copied; as the property "namesrv.addr": host:port, several separated by ";"
 * @returns RMQ_OK; RMQ_E_CONFIG_VALUE if addresses is no such list; RMQ_E_STATE if the consumer is being shut down, is
 *          stopped or fatal; RMQ_E_INVALID_ARG; RMQ_E_IN_CALLBACK in a log or wake-up callback; RMQ_E_FORKED;
 *          RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback; never blocks
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_set_namesrv_addr(rmq_consumer *consumer,
                                       const char *addresses);

/**
 * Sets how many message callbacks may run at once, before the start or while the consumer is running, in place of
 * "consume.thread.max". More threads start when work waits. Threads that are too many end, each when its callback has
 * returned; until then more callbacks may run. With less than "consume.thread.min" no more than these stay. A consumer
 * that is polled has no such threads.
 *
 * @param consumer  must not be NULL
 * @param threads   as the property takes it: 1 to 1000
 * @returns RMQ_OK; RMQ_E_CONFIG_VALUE if threads is out of range; RMQ_E_STATE if the consumer is being shut down, is
 *          stopped or fatal; RMQ_E_INVALID_ARG; RMQ_E_IN_CALLBACK in a log or wake-up callback; RMQ_E_FORKED;
 *          RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback; never blocks
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_set_thread_max(rmq_consumer *consumer,
                                     int32_t threads);

/**
 * Limits how many messages are handed out in a second, to callbacks or polls, before the start or while the consumer
 * is running. What has to wait holds no thread and stays within the bounds of memory, so that pulls rest when they are
 * reached. What a tenth of a second allows, and always one message, can be saved up. A limit is of this consumer, not
 * of its group, and each delivery counts, repeated ones too; not those that an administrator asks for. A lower limit
 * holds at once, for what was pulled before too. Calls with different topics add up: a message needs the leave of its
 * topic's limit and of the whole consumer's.
 *
 * @param consumer    must not be NULL
 * @param topic       UTF-8, copied: the topic the messages were sent to, subscribed or not; NULL for the whole
 *                    consumer
 * @param per_second  from 1; 0 takes the limit away
 * @returns RMQ_OK; RMQ_E_INVALID_ARG, also if per_second is negative or topic is no topic's name; RMQ_E_STATE if the
 *          consumer is being shut down, is stopped or fatal; RMQ_E_IN_CALLBACK in a log or wake-up callback;
 *          RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback; never blocks
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_set_rate_limit(rmq_consumer *consumer,
                                     const char *topic,
                                     int32_t per_second);

/**
 * Sets the function that gets the messages, before the start; it cannot be changed after. Without one they wait for
 * rmq_consumer_poll.
 *
 * @param consumer       must not be NULL
 * @param callback       see rmq_message_cb; NULL takes the present one away
 * @param userdata       passed back to the callback; may be NULL
 * @param free_userdata  frees userdata; may be NULL
 * @returns RMQ_OK; RMQ_E_STATE after the start; RMQ_E_INVALID_ARG; RMQ_E_FORKED. On failure userdata stays the
 *          caller's
 * @par Thread-safety  any thread
 * @par Ownership      userdata is taken over; that of the callback before is freed before this returns
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_set_message_callback(rmq_consumer *consumer,
                                           rmq_message_cb callback,
                                           void *userdata,
                                           rmq_free_cb free_userdata);

/**
 * Counts the messages of a batch.
 *
 * @param batch  borrowed; NULL answers 0
 * @returns at least 1
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
size_t rmq_batch_count(const rmq_batch *batch);

/**
 * Gives a message of a batch.
 *
 * @param batch  borrowed; NULL answers NULL
 * @param index  from 0
 * @returns a message lent as long as the batch; NULL behind the last one
 * @par Thread-safety  any thread
 * @par Ownership      the batch's; rmq_message_retain makes a copy that may be kept
 * @since 0.1
 */
RMQ_EXPORT
const rmq_message *rmq_batch_at(const rmq_batch *batch,
                                size_t index);

/**
 * Gives the topic of the queue a batch was pulled from: for messages delivered again that is %RETRY% and the group,
 * while rmq_message_topic is the topic they were sent to.
 *
 * @param batch  borrowed; NULL answers NULL
 * @param len    gets the bytes before the NUL; may be NULL
 * @returns a text that lives as long as the batch
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_batch_topic(const rmq_batch *batch,
                            size_t *len);

/**
 * Gives the name of the broker a batch was pulled from.
 *
 * @param batch  borrowed; NULL answers NULL
 * @param len    gets the bytes before the NUL; may be NULL
 * @returns a text that lives as long as the batch
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_batch_broker(const rmq_batch *batch,
                             size_t *len);

/**
 * Gives the queue a batch was pulled from.
 *
 * @param batch  borrowed; NULL answers -1
 * @returns the number of the queue at its broker
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_batch_queue_id(const rmq_batch *batch);

/**
 * Takes messages of one queue, for a consumer that was started without a message callback. Messages are kept until
 * they are settled with rmq_batch_ack and its siblings; each can be settled once, in any order, on any thread. What is
 * not settled after "consume.timeout.ms" is delivered again. The messages were pulled together, so there are never
 * more than "pull.batch.size".
 *
 * @param consumer    must not be NULL
 * @param max         how many messages at most, from 1; fewer come if the queue has fewer at hand
 * @param timeout_ms  how long to wait for the first; 0 does not wait, -1 waits without a bound
 * @param batch       gets the batch; NULL is stored on failure; must not be NULL
 * @returns RMQ_OK; RMQ_E_TIMEOUT if nothing came, also when "unsettled.max" messages are not settled; RMQ_E_CLOSED
 *          once the consumer is being shut down or is fatal; RMQ_E_WOKEN after rmq_consumer_wakeup; RMQ_E_STATE before
 *          the start or if a message callback is set; RMQ_E_INVALID_ARG; RMQ_E_IN_CALLBACK from a log callback;
 *          RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, several at once
 * @par Ownership      the batch is the caller's; end it with rmq_batch_destroy
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_poll(rmq_consumer *consumer,
                           size_t max,
                           int32_t timeout_ms,
                           rmq_batch **batch);

/**
 * Ends one rmq_consumer_poll with RMQ_E_WOKEN: one that waits, else the next to be called, even if messages wait;
 * those stay for the poll after it. Calls add up: n of them end n polls, so that each of n polling threads can be told
 * once.
 *
 * @param consumer  must not be NULL
 * @returns RMQ_OK; RMQ_E_CLOSED once the consumer is stopped or fatal; RMQ_E_STATE before the start or if a message
 *          callback is set; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, but not a signal handler; never blocks
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_wakeup(rmq_consumer *consumer);

/**
 * Keeps a batch beyond the callback it is lent to. The callback then answers RMQ_CONSUME_DEFERRED, and the messages
 * are settled later with rmq_batch_ack and its siblings. If it answers something else, that settles what is not
 * settled yet.
 *
 * @param batch  borrowed: lent to a callback, or the caller's own; NULL answers NULL
 * @returns a handle to the same messages; NULL on failure, with RMQ_E_INVALID_ARG, RMQ_E_CLOSED or RMQ_E_FORKED in
 *          rmq_last_error_code
 * @par Thread-safety  any thread
 * @par Ownership      the caller's; end it with rmq_batch_destroy. The last handle that ends decides what becomes of
 *                     messages that are not settled
 * @since 0.1
 */
RMQ_EXPORT
rmq_batch *rmq_batch_retain(const rmq_batch *batch);

/**
 * Settles: every message that is not settled yet was consumed.
 *
 * @param batch  the caller's; must not be NULL
 * @returns RMQ_OK; RMQ_E_STATE if all were settled before, or the batch is lent to a callback; RMQ_E_REVOKED if the
 *          queue was taken away or moved meanwhile, so that the messages may be delivered again; RMQ_E_CLOSED if the
 *          consumer is gone; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, several at once; never blocks
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_batch_ack(const rmq_batch *batch);

/**
 * Settles: every message up to an index that is not settled yet was consumed.
 *
 * @param batch  the caller's; must not be NULL
 * @param index  of the last message that was consumed
 * @returns as rmq_batch_ack; RMQ_E_INVALID_ARG also if the batch has no message with this index
 * @par Thread-safety  any thread, several at once; never blocks
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_batch_ack_until(const rmq_batch *batch,
                             size_t index);

/**
 * Settles: one message was consumed.
 *
 * @param batch  the caller's; must not be NULL
 * @param index  of the message
 * @returns as rmq_batch_ack; RMQ_E_INVALID_ARG also if the batch has no message with this index
 * @par Thread-safety  any thread, several at once; never blocks
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_batch_ack_at(const rmq_batch *batch,
                          size_t index);

/**
 * Settles: every message that is not settled yet shall be delivered again later. In orderly consumption it comes again
 * in its place once the whole batch is settled and the queue has rested for "suspend.queue.ms".
 *
 * @param batch        the caller's; must not be NULL
 * @param delay_level  as in rmq_context_set_delay_level; in orderly consumption only -1, the dead letters, counts
 * @returns as rmq_batch_ack; RMQ_E_INVALID_ARG also if delay_level is below -1
 * @par Thread-safety  any thread, several at once; never blocks
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_batch_retry(const rmq_batch *batch,
                         int32_t delay_level);

/**
 * Settles: one message shall be delivered again later.
 *
 * @param batch        the caller's; must not be NULL
 * @param index        of the message
 * @param delay_level  as in rmq_batch_retry
 * @returns as rmq_batch_retry; RMQ_E_INVALID_ARG also if the batch has no message with this index
 * @par Thread-safety  any thread, several at once; never blocks
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_batch_retry_at(const rmq_batch *batch,
                            size_t index,
                            int32_t delay_level);

/**
 * Settles in orderly consumption: every message that is not settled yet comes again in its place, after the queue has
 * rested.
 *
 * @param batch   the caller's; must not be NULL
 * @param millis  how long the queue rests: 10 to 30000, or -1 for the property "suspend.queue.ms"
 * @returns as rmq_batch_ack; RMQ_E_STATE also if "consume.mode" is not orderly; RMQ_E_INVALID_ARG also if millis is
 *          out of range
 * @par Thread-safety  any thread, several at once; never blocks
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_batch_suspend(const rmq_batch *batch,
                           int32_t millis);

/**
 * Counts the messages of a kept batch that are not settled yet.
 *
 * @param batch  borrowed; NULL answers 0
 * @returns how many; 0 for a batch that is lent to a callback and was not retained
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
size_t rmq_batch_unsettled(const rmq_batch *batch);

/**
 * Ends a batch from rmq_consumer_poll or rmq_batch_retain. When its last handle ends, messages that are not settled
 * are delivered again; with "poll.ack" on_destroy those of a polled batch count as consumed instead. A batch may
 * outlive its consumer. In a process forked from the one that got it nothing is freed or settled.
 *
 * @param batch  the caller's, not one lent to a callback; NULL does nothing
 * @par Thread-safety  any thread; no other thread uses this handle any more
 * @par Ownership      ends here, with all texts and messages that were borrowed from it
 * @since 0.1
 */
RMQ_EXPORT
void rmq_batch_destroy(rmq_batch *batch);

/**
 * Gives a descriptor that is readable while there may be something to poll. See "Poll and event loops" above.
 *
 * @param consumer  must not be NULL
 * @returns a descriptor, 0 or more, the same one on every call; a negative code on failure: RMQ_E_INVALID_ARG;
 *          RMQ_E_IO if the system has none left; RMQ_E_FORKED; RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @par Ownership      the consumer's: never close it. It ends with rmq_consumer_destroy
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_consumer_wakeup_fd(rmq_consumer *consumer);

/**
 * Gives a duplicate of rmq_consumer_wakeup_fd, for an event loop that closes what it is given. Duplicates share what
 * they say, so only one of them may be waited for.
 *
 * @param consumer  must not be NULL
 * @returns a descriptor, 0 or more, a new one on every call; a negative code on failure, as of rmq_consumer_wakeup_fd
 * @par Thread-safety  any thread, may be called from a message callback
 * @par Ownership      the caller's, who closes it; it may outlive the consumer, and is then readable for good
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_consumer_wakeup_fd_dup(rmq_consumer *consumer);

/**
 * Sets the function that is called when there may be something to poll, before the start; it cannot be changed after.
 * It is called on any thread of the library, and on those that poll, call rmq_consumer_wakeup or stop the consumer;
 * not any more after rmq_consumer_shutdown answered RMQ_OK, which waits for a call that is running.
 *
 * @param consumer       must not be NULL
 * @param callback       see rmq_wakeup_cb; NULL takes the present one away
 * @param userdata       passed back to the callback; may be NULL
 * @param free_userdata  frees userdata; may be NULL
 * @returns RMQ_OK; RMQ_E_STATE after the start; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC. On failure userdata
 *          stays the caller's
 * @par Thread-safety  any thread
 * @par Ownership      userdata is taken over; that of the callback before is freed before this returns
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_set_wakeup_callback(rmq_consumer *consumer,
                                          rmq_wakeup_cb callback,
                                          void *userdata,
                                          rmq_free_cb free_userdata);

/**
 * Gives the topic a message was sent to. For one that is delivered again that is not the queue's topic: see
 * rmq_batch_topic.
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_topic(const rmq_message *message,
                              size_t *len);

/**
 * Gives the topic of the queue a message was read from: %RETRY% and the group for one that is delivered again.
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_stored_topic(const rmq_message *message,
                                     size_t *len);

/**
 * Gives the tag of a message.
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message; NULL if it has none
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_tags(const rmq_message *message,
                             size_t *len);

/**
 * Gives the business keys of a message, separated by spaces.
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message; NULL if it has none
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_keys(const rmq_message *message,
                             size_t *len);

/**
 * Gives the id that the producer's client gave a message, or else that of rmq_message_offset_msg_id.
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_msg_id(const rmq_message *message,
                               size_t *len);

/**
 * Gives the id that says where a message is stored: broker address and place in its log.
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_offset_msg_id(const rmq_message *message,
                                      size_t *len);

/**
 * Gives the id of the transaction a message was sent in.
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message; NULL if it was in none
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_transaction_id(const rmq_message *message,
                                       size_t *len);

/**
 * Gives the name of the broker a message was read from.
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_broker_name(const rmq_message *message,
                                    size_t *len);

/**
 * Gives the producer's address as "ip:port".
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message; NULL if the broker stored an impossible one
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_born_host(const rmq_message *message,
                                  size_t *len);

/**
 * Gives the address of the broker that stored a message as "ip:port".
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message; NULL if the broker stored an impossible one
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_store_host(const rmq_message *message,
                                   size_t *len);

/**
 * Gives what the producer sent, already decompressed.
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes; may be NULL
 * @returns bytes that live as long as the message, without a NUL behind; not NULL even when there are none
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const uint8_t *rmq_message_body(const rmq_message *message,
                                size_t *len);

/**
 * Gives the value of a property. When a key stands twice the last one counts, as in Java.
 *
 * @param message  borrowed; NULL answers NULL
 * @param key      UTF-8; must not be NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a text that lives as long as the message, with the bytes the producer sent; NULL if there is no such
 *          property
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_property(const rmq_message *message,
                                 const char *key,
                                 size_t *len);

/**
 * Counts the properties of a message, a key that stands twice as two.
 *
 * @param message  borrowed; NULL answers 0
 * @returns the end of the indexes of rmq_message_property_at
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
size_t rmq_message_property_count(const rmq_message *message);

/**
 * Gives a property by its place.
 *
 * @param message    borrowed; must not be NULL
 * @param index      from 0
 * @param key        gets a text that lives as long as the message; may be NULL
 * @param key_len    gets the bytes before its NUL; may be NULL
 * @param value      gets a text that lives as long as the message; may be NULL
 * @param value_len  gets the bytes before its NUL; may be NULL
 * @returns RMQ_OK; RMQ_E_INVALID_ARG if message is NULL or there is no such place, and then nothing is stored
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_message_property_at(const rmq_message *message,
                                 size_t index,
                                 const char **key,
                                 size_t *key_len,
                                 const char **value,
                                 size_t *value_len);

/**
 * Gives the queue a message was read from.
 *
 * @param message  borrowed; NULL answers -1
 * @returns the number of the queue at its broker
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_message_queue_id(const rmq_message *message);

/**
 * Gives the place of a message in its queue.
 *
 * @param message  borrowed; NULL answers -1
 * @returns the offset
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int64_t rmq_message_queue_offset(const rmq_message *message);

/**
 * Gives the place of a message in its broker's log.
 *
 * @param message  borrowed; NULL answers -1
 * @returns the offset
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int64_t rmq_message_commit_log_offset(const rmq_message *message);

/**
 * Gives when a message was made, by the producer's clock.
 *
 * @param message  borrowed; NULL answers -1
 * @returns milliseconds since 1970
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int64_t rmq_message_born_timestamp(const rmq_message *message);

/**
 * Gives when a message was stored, by the broker's clock.
 *
 * @param message  borrowed; NULL answers -1
 * @returns milliseconds since 1970
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int64_t rmq_message_store_timestamp(const rmq_message *message);

/**
 * Counts how often a message was sent back before this delivery.
 *
 * @param message  borrowed; NULL answers -1
 * @returns 0 at the first delivery
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_message_reconsume_times(const rmq_message *message);

/**
 * Gives the delay level a message was sent or last sent back with.
 *
 * @param message  borrowed; NULL answers -1
 * @returns the level; 0 without
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_message_delay_level(const rmq_message *message);

/**
 * Gives the number that the producer's application put on a message.
 *
 * @param message  borrowed; NULL answers 0
 * @returns any number
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_message_flag(const rmq_message *message);

/**
 * Gives the bits RocketMQ put on a message, as stored: those of compression too, though rmq_message_body is not
 * compressed.
 *
 * @param message  borrowed; NULL answers 0
 * @returns a set of bits
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_message_sys_flag(const rmq_message *message);

/**
 * Gives the bytes a message takes in the broker's log.
 *
 * @param message  borrowed; NULL answers -1
 * @returns bytes
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_message_store_size(const rmq_message *message);

/**
 * Gives the checksum of the stored body.
 *
 * @param message  borrowed; NULL answers 0
 * @returns CRC-32 without its top bit
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_message_body_crc(const rmq_message *message);

/**
 * Gives where the prepared half of a transactional message is stored.
 *
 * @param message  borrowed; NULL answers -1
 * @returns the place in the log; 0 without
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int64_t rmq_message_prepared_transaction_offset(const rmq_message *message);

/**
 * Gives everything but the body as a JSON object: for languages in which one call is cheaper than twenty.
 *
 * @param message  borrowed; must not be NULL
 * @param buf      gets the object and a NUL; NULL with size 0 only asks for the size
 * @param size     bytes of buf
 * @param needed   gets the bytes the object takes, its NUL included; may be NULL
 * @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_message_to_json(const rmq_message *message,
                             char *buf,
                             size_t size,
                             size_t *needed);

/**
 * Copies a message, to keep it beyond its batch. The copy is of this one message; it holds nothing else in memory.
 *
 * @param message  borrowed, lent or a copy; must not be NULL
 * @returns a copy; NULL if message is NULL
 * @par Thread-safety  any thread
 * @par Ownership      the caller's; end it with rmq_message_release. It may outlive the consumer
 * @since 0.1
 */
RMQ_EXPORT
rmq_message *rmq_message_retain(const rmq_message *message);

/**
 * Ends a copy that rmq_message_retain made. A message lent by a batch must not be released.
 *
 * @param message  a copy of the caller's, or NULL, which does nothing
 * @par Thread-safety  any thread, when no other uses it any more
 * @par Ownership      ends
 * @since 0.1
 */
RMQ_EXPORT
void rmq_message_release(rmq_message *message);

/**
 * Fills views of the messages of a batch, in their order, in one call. Nothing is copied but the views.
 *
 * @param batch   lent or the caller's; must not be NULL
 * @param views   room for max structs that begin stride bytes apart; must not be NULL
 * @param stride  sizeof(rmq_message_view) as the caller knows it: of a longer one, from a newer header, the end is
 *                zeroed
 * @param max     how many to fill at most, from 1; rmq_batch_count says how many there are
 * @returns how many were filled, at least 1; 0 on failure, with RMQ_E_INVALID_ARG in rmq_last_error_code: batch or
 *          views is NULL, views is not aligned, stride is no size this struct ever had, or max is 0
 * @par Thread-safety  any thread
 * @par Ownership      what the views point to is the batch's and lives as long
 * @since 0.1
 */
RMQ_EXPORT
size_t rmq_batch_views(const rmq_batch *batch,
                       rmq_message_view *views,
                       size_t stride,
                       size_t max);

/**
 * Gives the topic of the messages that a group has given up: subscribe to it, or assign it, with a group of your own.
 * It exists from the first dead letter on.
 *
 * @param group   the group that gave up, as in its "consumer.group"; must not be NULL
 * @param buf     gets the topic and a NUL; NULL with size 0 only asks for the size
 * @param size    bytes of buf; 126 are enough for every group
 * @param needed  gets the bytes the text takes, its NUL included; may be NULL
 * @returns RMQ_OK; RMQ_E_INVALID_ARG if group is no name of a group or a pointer is NULL; RMQ_E_BUFFER_TOO_SMALL;
 *          RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_dead_letter_topic(const char *group,
                               char *buf,
                               size_t size,
                               size_t *needed);

/**
 * Gives the topic a message was first sent to. Other than rmq_message_topic it looks behind a dead letter, too.
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_origin_topic(const rmq_message *message,
                                     size_t *len);

/**
 * Gives what rmq_message_msg_id gave when a message was delivered for the first time: the id that its producer knows.
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_origin_msg_id(const rmq_message *message,
                                      size_t *len);

/**
 * Gives what rmq_message_offset_msg_id gave when a message was delivered for the first time: where its first copy is
 * stored, for "mqadmin queryMsgById".
 *
 * @param message  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a UTF-8 text that lives as long as the message; NULL if nobody noted it, as for a retry that a Java
 *          consumer published by itself because no broker took it back
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_message_origin_offset_msg_id(const rmq_message *message,
                                             size_t *len);

/**
 * Sets when the messages are delivered again if the callback answers RMQ_RECONSUME_LATER.
 *
 * @param context  must not be NULL
 * @param level    1 to 18 are the broker's delay levels (1s 5s 10s 30s 1m … 2h unless configured otherwise), and a
 *                 greater one counts as its last; 0 lets the broker decide, which is the default; -1 sends them to the
 *                 dead letters at once
 * @returns RMQ_OK; RMQ_E_INVALID_ARG if context is NULL or level is below -1
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_context_set_delay_level(rmq_context *context,
                                     int32_t level);

/**
 * Says that only the messages up to an index were consumed; those behind it are delivered again. It counts when the
 * callback answers RMQ_CONSUME_SUCCESS.
 *
 * @param context  must not be NULL
 * @param index    of the last message that was consumed; to say that none was, answer RMQ_RECONSUME_LATER
 * @returns RMQ_OK; RMQ_E_INVALID_ARG if context is NULL or the batch has no message with this index
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_context_set_ack_index(rmq_context *context,
                                   size_t index);

/**
 * Sets how long an orderly queue rests before messages of this call come again.
 *
 * @param context  must not be NULL
 * @param millis   10 to 30000, or -1 for the property "suspend.queue.ms", which is the default
 * @returns RMQ_OK; RMQ_E_INVALID_ARG if context is NULL or millis out of range
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_context_set_suspend_ms(rmq_context *context,
                                    int32_t millis);

/**
 * Sets for this call of an orderly callback whether RMQ_CONSUME_SUCCESS is committed by itself.
 *
 * @param context      must not be NULL
 * @param auto_commit  1 or 0; the default is the property "orderly.auto.commit"
 * @returns RMQ_OK; RMQ_E_INVALID_ARG if context is NULL or auto_commit neither 0 nor 1
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_context_set_auto_commit(rmq_context *context,
                                     int32_t auto_commit);

/**
 * Gives the queue the batch was pulled from, as rmq_batch_queue_id.
 *
 * @param context  borrowed; NULL answers -1
 * @returns the number of the queue at its broker
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_context_queue_id(const rmq_context *context);

/**
 * Gives the topic of the queue the batch was pulled from, as rmq_batch_topic.
 *
 * @param context  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a text that lives until the callback returns
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_context_topic(const rmq_context *context,
                              size_t *len);

/**
 * Gives the broker the batch was pulled from, as rmq_batch_broker.
 *
 * @param context  borrowed; NULL answers NULL
 * @param len      gets the bytes before the NUL; may be NULL
 * @returns a text that lives until the callback returns
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_context_broker(const rmq_context *context,
                               size_t *len);

/**
 * Sets the function that gets events, before the start. Without one they wait for rmq_consumer_poll_event.
 *
 * @param consumer       must not be NULL
 * @param mask           RMQ_EVENT_* joined by |, or RMQ_EVENT_EVERY; events of other kinds are dropped
 * @param callback       see rmq_event_cb; NULL takes the present one away
 * @param userdata       passed back to the callback; may be NULL
 * @param free_userdata  frees userdata; may be NULL
 * @returns RMQ_OK; RMQ_E_STATE after the start; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC. On failure userdata
 *          stays the caller's
 * @par Thread-safety  any thread
 * @par Ownership      userdata is taken over; that of the callback before is freed before this returns
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_set_event_callback(rmq_consumer *consumer,
                                         int32_t mask,
                                         rmq_event_cb callback,
                                         void *userdata,
                                         rmq_free_cb free_userdata);

/**
 * Takes the oldest event that waits. At most 1024 wait; then the oldest make room and are counted in the statistics.
 * Log records have 512 places of their own, and of RMQ_EVENT_STATS only the newest waits.
 *
 * @param consumer    must not be NULL
 * @param timeout_ms  how long to wait for one; 0 does not wait, -1 waits without a bound
 * @param event       gets the event; NULL is stored on failure; must not be NULL
 * @returns RMQ_OK; RMQ_E_TIMEOUT if none came; RMQ_E_CLOSED if the consumer is stopped and none is left; RMQ_E_STATE
 *          if an event callback is set; RMQ_E_INVALID_ARG; RMQ_E_IN_CALLBACK from a log callback; RMQ_E_FORKED;
 *          RMQ_E_PANIC
 * @par Thread-safety  any thread, may be called from a message callback
 * @par Ownership      the event is the caller's; end it with rmq_event_destroy
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_poll_event(rmq_consumer *consumer,
                                 int32_t timeout_ms,
                                 rmq_event **event);

/**
 * Gives the kind of an event.
 *
 * @param event  borrowed; NULL answers 0
 * @returns one of RMQ_EVENT_*, or a kind that is newer than the header
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_event_kind(const rmq_event *event);

/**
 * Gives the code of an event of a failure.
 *
 * @param event  borrowed; NULL answers RMQ_E_INVALID_ARG
 * @returns the code; RMQ_OK for an event that is no failure
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_event_code(const rmq_event *event);

/**
 * Gives how much an event matters.
 *
 * @param event  borrowed; NULL answers 0
 * @returns one of RMQ_LOG_*
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_event_level(const rmq_event *event);

/**
 * Gives an event as a sentence.
 *
 * @param event  borrowed; NULL answers NULL
 * @returns a text that lives as long as the event
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_event_text(const rmq_event *event);

/**
 * Gives an event as a JSON object. Its members are told in docs/events.md; of RMQ_EVENT_STATS it is what
 * rmq_consumer_stats_json gives.
 *
 * @param event  borrowed; NULL answers NULL
 * @returns a text that lives as long as the event
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_event_json(const rmq_event *event);

/**
 * Gives the part of the library that speaks: of RMQ_EVENT_ERROR and RMQ_EVENT_LOG, as rmq_log_cb gets it.
 *
 * @param event  borrowed; NULL answers NULL
 * @returns a text that lives as long as the event; NULL for an event of another kind
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_event_target(const rmq_event *event);

/**
 * Gives for how many events of its like an event stands. Equal failures and warnings within a second are held back:
 * the first comes at once, and when the second is over the newest of the others comes for all of them.
 *
 * @param event  borrowed; NULL answers 0
 * @returns 1 and more
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_EXPORT
int64_t rmq_event_count(const rmq_event *event);

/**
 * Ends an event that rmq_consumer_poll_event gave.
 *
 * @param event  the caller's, not one lent to a callback; NULL does nothing
 * @par Thread-safety  any thread
 * @par Ownership      ends here
 * @since 0.1
 */
RMQ_EXPORT
void rmq_event_destroy(rmq_event *event);

/**
 * Sets the function that divides the queues, for the property "allocate.strategy" = "custom". One is needed before the
 * start then; it cannot be changed after.
 *
 * @param consumer       must not be NULL
 * @param callback       see rmq_allocate_cb; NULL takes the present one away
 * @param userdata       passed back to the callback; may be NULL
 * @param free_userdata  frees userdata; may be NULL
 * @returns RMQ_OK; RMQ_E_CONFIG_VALUE if another strategy is configured; RMQ_E_STATE after the start;
 *          RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC. On failure userdata stays the caller's
 * @par Thread-safety  any thread
 * @par Ownership      userdata is taken over; that of the callback before is freed before this returns
 * @since 0.1
 */
RMQ_EXPORT
rmq_code rmq_consumer_set_allocate_callback(rmq_consumer *consumer,
                                            rmq_allocate_cb callback,
                                            void *userdata,
                                            rmq_free_cb free_userdata);

/**
 * Gives the topic whose queues are divided.
 *
 * @param allocation  borrowed; NULL answers NULL
 * @param len         gets the bytes before the NUL; may be NULL
 * @returns a text that lives until the callback returns
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_allocation_topic(const rmq_allocation *allocation,
                                 size_t *len);

/**
 * Gives the client id of the consumer that is asked; it is among the members.
 *
 * @param allocation  borrowed; NULL answers NULL
 * @param len         gets the bytes before the NUL; may be NULL
 * @returns a text that lives until the callback returns
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_allocation_client_id(const rmq_allocation *allocation,
                                     size_t *len);

/**
 * Counts the members of the group.
 *
 * @param allocation  borrowed; NULL answers 0
 * @returns at least 1
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
size_t rmq_allocation_member_count(const rmq_allocation *allocation);

/**
 * Gives the client id of a member. All members see them in the same order.
 *
 * @param allocation  borrowed; NULL answers NULL
 * @param index       from 0
 * @param len         gets the bytes before the NUL; may be NULL
 * @returns a text that lives until the callback returns; NULL behind the last one
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_allocation_member_at(const rmq_allocation *allocation,
                                     size_t index,
                                     size_t *len);

/**
 * Counts the queues of the topic.
 *
 * @param allocation  borrowed; NULL answers 0
 * @returns at least 1; the callback's array has room for as many indexes
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
size_t rmq_allocation_queue_count(const rmq_allocation *allocation);

/**
 * Gives the name of a queue's broker. All members see the queues in the same order, by broker and number.
 *
 * @param allocation  borrowed; NULL answers NULL
 * @param index       from 0
 * @param len         gets the bytes before the NUL; may be NULL
 * @returns a text that lives until the callback returns; NULL behind the last one
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
const char *rmq_allocation_queue_broker(const rmq_allocation *allocation,
                                        size_t index,
                                        size_t *len);

/**
 * Gives the number of a queue at its broker.
 *
 * @param allocation  borrowed; NULL answers -1
 * @param index       from 0
 * @returns the number; -1 behind the last one
 * @par Thread-safety  the callback's thread
 * @since 0.1
 */
RMQ_EXPORT
int32_t rmq_allocation_queue_id(const rmq_allocation *allocation,
                                size_t index);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* RMQ_H */
