/* SPDX-License-Identifier: Apache-2.0
 *
 * rmq_mock.h - a RocketMQ cluster for unit tests, C interface.
 * Written by cbindgen from mock/src/capi; do not edit. */

#ifndef RMQ_MOCK_H
#define RMQ_MOCK_H

#include <stddef.h>
#include <stdint.h>

/**
 * @file
 * @brief A RocketMQ name server and brokers in the process of a test.
 *
 * For unit tests of programs that consume: no Java, no container, no file. Link
 * with -lrmq_mock, beside -lrmq. It speaks RocketMQ's protocol on ports of
 * 127.0.0.1, keeps its messages in memory, and misbehaves when told to. It is no
 * broker for anything else, and proves nothing about RocketMQ's own brokers.
 * docs/mock.md has a program, and what the mock does not do.
 *
 * - Handles: rmq_mock_cluster and rmq_mock_hold are the caller's, from their _new
 *   to their _destroy. _destroy of NULL does nothing. A const handle is only read.
 *   A text got from a handle lives as long as the handle. Whatever is passed in is
 *   copied before the call returns. Texts are UTF-8 with a NUL behind them.
 * - Errors: a function that can fail returns an rmq_mock_code, or NULL, or -1. The
 *   text is in rmq_mock_last_error_message, of the thread that made the call.
 * - Threads: every function may be called from any thread, message callbacks too.
 *   The cluster has threads of its own, named mock-...; it calls nothing back.
 * - Brokers and queues have numbers from 0.
 * - After fork the parent's cluster answers RMQ_MOCK_E_FORKED in the child.
 *
 * It is made for tests: between versions 0.x it may change without a word in the
 * SONAME, which is librmq_mock.so.0.
 */

/** @cond Of no use to programs. */
#if defined(_WIN32)
# define RMQ_MOCK_EXPORT __declspec(dllimport)
#elif defined(__GNUC__)
# define RMQ_MOCK_EXPORT __attribute__((visibility("default")))
#else
# define RMQ_MOCK_EXPORT
#endif
/** @endcond */

#ifdef __cplusplus
extern "C" {
#endif


/**
 * As a server: the name server and every broker.
 */
#define RMQ_MOCK_ANYWHERE -1

/**
 * As a server: the name server.
 */
#define RMQ_MOCK_NAMESRV -2

/**
 * As a number of times: until rmq_mock_behave.
 */
#define RMQ_MOCK_ALWAYS -1

/**
 * A consumer asks for messages. Fields: consumerGroup, topic, queueId, queueOffset, maxMsgNums.
 */
#define RMQ_MOCK_PULL_MESSAGE 11

/**
 * A consumer asks where its group is. Fields: consumerGroup, topic, queueId.
 */
#define RMQ_MOCK_QUERY_CONSUMER_OFFSET 14

/**
 * A consumer commits. Fields: consumerGroup, topic, queueId, commitOffset.
 */
#define RMQ_MOCK_UPDATE_CONSUMER_OFFSET 15

/**
 * A consumer asks for the offset of a point in time. Fields: topic, queueId, timestamp.
 */
#define RMQ_MOCK_SEARCH_OFFSET_BY_TIMESTAMP 29

/**
 * A consumer asks for the offset behind the last message. Fields: topic, queueId.
 */
#define RMQ_MOCK_GET_MAX_OFFSET 30

/**
 * A consumer asks for the offset of the first message. Fields: topic, queueId.
 */
#define RMQ_MOCK_GET_MIN_OFFSET 31

/**
 * A consumer says that it lives and what it subscribes to. What it says is in the body.
 */
#define RMQ_MOCK_HEART_BEAT 34

/**
 * A consumer leaves its group. Fields: clientID, consumerGroup.
 */
#define RMQ_MOCK_UNREGISTER_CLIENT 35

/**
 * A consumer sends a message back, to get it again later. Fields: group, originTopic, offset, delayLevel.
 */
#define RMQ_MOCK_CONSUMER_SEND_MSG_BACK 36

/**
 * A consumer asks who is in its group. Fields: consumerGroup.
 */
#define RMQ_MOCK_GET_CONSUMER_LIST_BY_GROUP 38

/**
 * A consumer locks queues. What it says is in the body.
 */
#define RMQ_MOCK_LOCK_BATCH_MQ 41

/**
 * A consumer unlocks queues. What it says is in the body.
 */
#define RMQ_MOCK_UNLOCK_BATCH_MQ 42

/**
 * A consumer asks whether the broker takes its SQL92 condition. What it says is in the body.
 */
#define RMQ_MOCK_CHECK_CLIENT_CONFIG 46

/**
 * A consumer asks the name server which brokers have a topic. Fields: topic.
 */
#define RMQ_MOCK_GET_ROUTEINFO_BY_TOPIC 105

/**
 * A consumer stores a message in a retry topic itself, when sending it back failed. Fields have names of one letter:
 * b is the topic, e the queue id.
 */
#define RMQ_MOCK_SEND_MESSAGE_V2 310

/**
 * Refused, without any effect; number is the response code, such as 1 SYSTEM_ERROR, 2 SYSTEM_BUSY, 16 NO_PERMISSION,
 * 17 TOPIC_NOT_EXIST, and text the remark.
 */
#define RMQ_MOCK_FAULT_REFUSE 1

/**
 * Served later; number is by how many milliseconds.
 */
#define RMQ_MOCK_FAULT_DELAY 2

/**
 * The connection ends; the request has no effect.
 */
#define RMQ_MOCK_FAULT_DISCONNECT 3

/**
 * Never answered, without any effect; the connection stays.
 */
#define RMQ_MOCK_FAULT_SILENCE 4

/**
 * Served, but the connection ends instead of the answer.
 */
#define RMQ_MOCK_FAULT_LOSE_ANSWER 5

/**
 * Served; the answer breaks off in the middle and the connection ends.
 */
#define RMQ_MOCK_FAULT_HALF_FRAME 6

/**
 * Served; bytes that are no frame come instead of the answer.
 */
#define RMQ_MOCK_FAULT_GARBAGE 7

/**
 * Served; a length larger than any frame comes instead of the answer.
 */
#define RMQ_MOCK_FAULT_OVERSIZED 8

/**
 * Served; the answer names a request that nobody made.
 */
#define RMQ_MOCK_FAULT_WRONG_OPAQUE 9

/**
 * Served; only the first bytes of the answer's body come, number says how many.
 */
#define RMQ_MOCK_FAULT_CUT_BODY 10

/**
 * Served; one message of a pull's answer arrives damaged, number says which one, from 0; without so many none.
 */
#define RMQ_MOCK_FAULT_CORRUPT_RECORD 11

/**
 * A name server and brokers on ports of 127.0.0.1; made by rmq_mock_cluster_new, ended by rmq_mock_cluster_destroy. Any
 * thread.
 */
typedef struct rmq_mock_cluster rmq_mock_cluster;

/**
 * Requests that wait; made by rmq_mock_hold_new, ended by rmq_mock_hold_destroy. Any thread. It may outlive its cluster.
 */
typedef struct rmq_mock_hold rmq_mock_hold;

/**
 * How a call ended: 0 is success, negative numbers are failures. They are those of rmq_code.
 */
typedef int32_t rmq_mock_code;

/**
 * Success.
 */
#define RMQ_MOCK_OK 0

/**
 * An argument is NULL, not UTF-8, out of range, or names what is not there; the text says which and why.
 */
#define RMQ_MOCK_E_INVALID_ARG -2

/**
 * It did not happen within the time given.
 */
#define RMQ_MOCK_E_TIMEOUT -6

/**
 * The cluster was made in the parent process.
 */
#define RMQ_MOCK_E_FORKED -8

/**
 * The buffer is too small; the size needed was stored.
 */
#define RMQ_MOCK_E_BUFFER_TOO_SMALL -9

/**
 * The operating system refused a port or a thread; the text has its error.
 */
#define RMQ_MOCK_E_IO -13

/**
 * The group has committed nothing for the queue.
 */
#define RMQ_MOCK_E_NO_OFFSET -26

/**
 * A bug in the mock.
 */
#define RMQ_MOCK_E_PANIC -99

/**
 * Gives the code of the last call of this library that failed on this thread.
 *
 * @returns a code; RMQ_MOCK_OK when none failed yet. A call that succeeds does not clear it
 * @par Thread-safety  any thread; each has its own
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_last_error_code(void);

/**
 * Gives the text of the last call of this library that failed on this thread. Read it on that thread, before its next
 * call. rmq_last_error_message does not have it.
 *
 * @returns a text of at most 511 bytes; never NULL, empty when none failed yet. The address stays valid as long as the
 *          thread, the text changes with the next failure. A call that succeeds does not clear it
 * @par Thread-safety  any thread; each has its own
 * @since 0.1
 */
RMQ_MOCK_EXPORT
const char *rmq_mock_last_error_message(void);

/**
 * Starts a cluster: a name server and brokers that listen on free ports of 127.0.0.1, each with its threads, until
 * rmq_mock_cluster_destroy. It is empty; several may be there at once.
 *
 * @param brokers         how many, 1 to 26; they are called broker-a, broker-b, ... and have the numbers 0, 1, ... here
 * @param slaves          how many slaves each of them has, 0 to 8, with its name and the ids 1, 2, ...: they have copied
 *                        whatever it has at once; offsets and members are their own. Their numbers follow those of all
 *                        masters: first the slaves of broker 0
 * @param retry_delay_ms  how long a message rests that a consumer sent back, before it is in the retry topic, whatever
 *                        the delay level; 0 to 60000, 20 is a good choice
 * @param errbuf          gets the text of a failure, cut to size; may be NULL
 * @param size            bytes of errbuf
 * @returns a handle; NULL on failure, with the text in errbuf and rmq_mock_last_error_message and the code in
 *          rmq_mock_last_error_code: RMQ_MOCK_E_INVALID_ARG, or RMQ_MOCK_E_IO when ports or threads cannot be had
 * @par Thread-safety  any thread
 * @par Ownership      the caller's; end it with rmq_mock_cluster_destroy
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_cluster *rmq_mock_cluster_new(int32_t brokers,
                                       int32_t slaves,
                                       int32_t retry_delay_ms,
                                       char *errbuf,
                                       size_t size);

/**
 * Ends a cluster with its connections, threads and messages. Consumers that are connected see the end of a network;
 * destroy them first. In a child process of the one that made it, it does nothing.
 *
 * @param cluster  may be NULL
 * @par Thread-safety  any thread, once, when no other call uses the handle
 * @since 0.1
 */
RMQ_MOCK_EXPORT
void rmq_mock_cluster_destroy(rmq_mock_cluster *cluster);

/**
 * Gives the address of the name server, for "namesrv.addr" or the environment variable NAMESRV_ADDR.
 *
 * @param cluster  may be NULL
 * @returns a text like "127.0.0.1:15123" that lives as long as the cluster and stays the same; NULL for NULL
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
const char *rmq_mock_cluster_namesrv_addr(const rmq_mock_cluster *cluster);

/**
 * Ends the name server with its connections. A consumer goes on with the route it knows.
 *
 * @param cluster  must not be NULL
 * @returns RMQ_MOCK_OK, also when it is down already; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_namesrv_down(rmq_mock_cluster *cluster);

/**
 * Starts the name server again at its old address.
 *
 * @param cluster  must not be NULL
 * @returns RMQ_MOCK_OK, also when it is up already; RMQ_MOCK_E_IO when another program took its port meanwhile;
 *          RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_namesrv_up(rmq_mock_cluster *cluster);

/**
 * Tells how many brokers a cluster has, dead ones and slaves too.
 *
 * @param cluster  may be NULL
 * @returns one more than the highest number of a broker; 0 for NULL
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
int32_t rmq_mock_broker_count(const rmq_mock_cluster *cluster);

/**
 * Gives the name of a broker, as routes and rmq_message_broker_name have it.
 *
 * @param cluster  may be NULL
 * @param broker   its number, from 0
 * @returns a text like "broker-a" that lives as long as the cluster, of a slave that of its master; NULL for NULL or a
 *          number that is not there
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
const char *rmq_mock_broker_name(const rmq_mock_cluster *cluster,
                                 int32_t broker);

/**
 * Gives the address of a broker.
 *
 * @param cluster  may be NULL
 * @param broker   its number, from 0
 * @returns a text like "127.0.0.1:15124" that lives as long as the cluster; another one after rmq_mock_broker_move;
 *          NULL for NULL or a number that is not there
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
const char *rmq_mock_broker_addr(const rmq_mock_cluster *cluster,
                                 int32_t broker);

/**
 * Ends a broker with its connections, as a crash: the name server no longer names it; members and locks are forgotten,
 * messages and offsets stay.
 *
 * @param cluster  must not be NULL
 * @param broker   its number, from 0
 * @returns RMQ_MOCK_OK, also when it is dead already; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_broker_kill(rmq_mock_cluster *cluster,
                                   int32_t broker);

/**
 * Starts a broker again at its old address.
 *
 * @param cluster  must not be NULL
 * @param broker   its number, from 0
 * @returns RMQ_MOCK_OK, also when it runs already; RMQ_MOCK_E_IO when another program took its port meanwhile;
 *          RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_broker_restart(rmq_mock_cluster *cluster,
                                      int32_t broker);

/**
 * Starts a broker again at another address, with what it has stored; ends it first if it runs. Consumers find it by the
 * next route they ask for.
 *
 * @param cluster  must not be NULL
 * @param broker   its number, from 0
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_IO when no port can be had, the broker is dead then;
 *          RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_broker_move(rmq_mock_cluster *cluster,
                                   int32_t broker);

/**
 * Lets a broker tell whoever pulls from it to go on elsewhere, as a master that is short of memory sends its readers to
 * a slave, and a slave sends them back.
 *
 * @param cluster    must not be NULL
 * @param broker     its number, from 0
 * @param broker_id  the id of the broker to go on at: 0 for the master, as everywhere at first; 1 for its first slave
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_broker_suggest(rmq_mock_cluster *cluster,
                                      int32_t broker,
                                      int64_t broker_id);

/**
 * Ends all connections of a broker and forgets who was on them, as a network that breaks for a moment.
 *
 * @param cluster  must not be NULL
 * @param broker   its number, from 0
 * @returns as rmq_mock_broker_restart
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_broker_drop_connections(rmq_mock_cluster *cluster,
                                               int32_t broker);

/**
 * Creates a topic on each broker. One that exists gets more queues, never fewer.
 *
 * @param cluster  must not be NULL
 * @param topic    its name: 1 to 127 letters, digits and the characters % | - _
 * @param queues   how many on each broker, 1 to 1024
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_create_topic(rmq_mock_cluster *cluster,
                                    const char *topic,
                                    int32_t queues);

/**
 * Deletes a topic with its messages from each broker. What groups have committed stays.
 *
 * @param cluster  must not be NULL
 * @param topic    its name; one that does not exist is no failure
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_delete_topic(rmq_mock_cluster *cluster,
                                    const char *topic);

/**
 * Stores a message at broker 0, and wakes the consumers that wait for it.
 *
 * @param cluster   must not be NULL
 * @param topic     a topic that exists
 * @param queue_id  a queue of the topic, from 0
 * @param body      the body; may be NULL with len 0
 * @param len       bytes of body
 * @param tags      its tag; NULL for none
 * @param keys      its keys, with spaces between them; NULL for none
 * @param offset    gets the message's offset in the queue; may be NULL
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_produce(rmq_mock_cluster *cluster,
                               const char *topic,
                               int32_t queue_id,
                               const uint8_t *body,
                               size_t len,
                               const char *tags,
                               const char *keys,
                               int64_t *offset);

/**
 * Stores a message with any properties at any broker, and wakes the consumers that wait for it. A broker that is dead
 * takes it too.
 *
 * @param cluster         must not be NULL
 * @param broker          the broker's number, from 0
 * @param topic           a topic that the broker has
 * @param queue_id        a queue of the topic, from 0
 * @param body            the body; may be NULL with len 0
 * @param len             bytes of body
 * @param properties      names and values in turn: the tag is the value of "TAGS", the keys are that of "KEYS"; may be
 *                        NULL with property_count 0
 * @param property_count  how many properties, half as many as texts
 * @param store_time_ms   when the broker claims to have stored it, in ms since 1970; 0 for now
 * @param offset          gets the message's offset in the queue; may be NULL
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_produce_with(rmq_mock_cluster *cluster,
                                    int32_t broker,
                                    const char *topic,
                                    int32_t queue_id,
                                    const uint8_t *body,
                                    size_t len,
                                    const char *const *properties,
                                    size_t property_count,
                                    int64_t store_time_ms,
                                    int64_t *offset);

/**
 * Tells which offsets a queue has: max - min messages may be read. A retry topic is "%RETRY%" and the group, one of dead
 * letters "%DLQ%" and the group; each has one queue. The first exists as soon as a consumer of the group has come, the other
 * from the first dead letter on.
 *
 * @param cluster   must not be NULL
 * @param broker    the broker's number, from 0
 * @param topic     a topic that the broker has
 * @param queue_id  a queue of the topic, from 0
 * @param min       gets the offset of the first message; may be NULL
 * @param max       gets the offset behind the last message; may be NULL
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_watermarks(const rmq_mock_cluster *cluster,
                                  int32_t broker,
                                  const char *topic,
                                  int32_t queue_id,
                                  int64_t *min,
                                  int64_t *max);

/**
 * Makes the messages before an offset unreadable, as when they have expired.
 *
 * @param cluster   must not be NULL
 * @param broker    the broker's number, from 0
 * @param topic     a topic that the broker has
 * @param queue_id  a queue of the topic, from 0
 * @param min       the smallest offset that may be read; from the present one to that behind the last message
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_expire(rmq_mock_cluster *cluster,
                              int32_t broker,
                              const char *topic,
                              int32_t queue_id,
                              int64_t min);

/**
 * Tells what a group has committed: the offset of the message it reads next.
 *
 * @param cluster   must not be NULL
 * @param broker    the broker's number, from 0
 * @param group     the consumer group
 * @param topic     a topic that the broker has
 * @param queue_id  a queue that the topic has
 * @param offset    gets the offset; may be NULL
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_NO_OFFSET when it has committed nothing; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_committed(const rmq_mock_cluster *cluster,
                                 int32_t broker,
                                 const char *group,
                                 const char *topic,
                                 int32_t queue_id,
                                 int64_t *offset);

/**
 * Waits until a group has committed an offset or a higher one: what a consumer's test ends with.
 *
 * @param cluster     must not be NULL
 * @param broker      the broker's number, from 0
 * @param group       the consumer group
 * @param topic       a topic that the broker has
 * @param queue_id    a queue that the topic has
 * @param offset      one more than the offset of the last message to be consumed; at least 0
 * @param timeout_ms  how long to wait; 0 does not wait, -1 waits without a bound
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_TIMEOUT, and the text says where the group is; RMQ_MOCK_E_INVALID_ARG,
 *          RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_wait_committed(const rmq_mock_cluster *cluster,
                                      int32_t broker,
                                      const char *group,
                                      const char *topic,
                                      int32_t queue_id,
                                      int64_t offset,
                                      int32_t timeout_ms);

/**
 * Makes it so that a group has committed an offset, or nothing: before a consumer starts, to say where it begins. A
 * consumer that runs does not notice.
 *
 * @param cluster   must not be NULL
 * @param broker    the broker's number, from 0
 * @param group     the consumer group
 * @param topic     a topic that the broker has
 * @param queue_id  a queue that the topic has
 * @param offset    at least 0; -1 for nothing
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_set_committed(rmq_mock_cluster *cluster,
                                     int32_t broker,
                                     const char *group,
                                     const char *topic,
                                     int32_t queue_id,
                                     int64_t offset);

/**
 * Moves a group to an offset while its consumers run, as an administrator does: their commits are dropped until the next
 * pull, which is told where to go on. A pull that the broker holds learns of it when its time is over.
 *
 * @param cluster   must not be NULL
 * @param broker    the broker's number, from 0
 * @param group     the consumer group
 * @param topic     a topic that the broker has
 * @param queue_id  a queue that the topic has
 * @param offset    where to go on: also forward, also behind the last message; at least 0
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_reset_offset(rmq_mock_cluster *cluster,
                                    int32_t broker,
                                    const char *group,
                                    const char *topic,
                                    int32_t queue_id,
                                    int64_t offset);

/**
 * Counts the members of a group.
 *
 * @param cluster  may be NULL
 * @param broker   the broker's number, from 0
 * @param group    the consumer group
 * @returns how many; 0 also for a group that nobody was in; -1 on failure, see rmq_mock_last_error_code
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
int32_t rmq_mock_member_count(const rmq_mock_cluster *cluster,
                              int32_t broker,
                              const char *group);

/**
 * Lists the client ids of a group's members, as rmq_consumer_client_id gives them.
 *
 * @param cluster  must not be NULL
 * @param broker   the broker's number, from 0
 * @param group    the consumer group
 * @param buf      gets the client ids, one behind the other with a line feed between them; may be NULL with size 0
 * @param size     bytes of buf
 * @param needed   gets the bytes that the text takes with its NUL; may be NULL
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_BUFFER_TOO_SMALL, and buf has an empty text; RMQ_MOCK_E_INVALID_ARG,
 *          RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_members(const rmq_mock_cluster *cluster,
                               int32_t broker,
                               const char *group,
                               char *buf,
                               size_t size,
                               size_t *needed);

/**
 * Scripts what befalls the next requests of a kind. Faults are first in, first out: a request meets the oldest one that
 * fits and is not spent. One that keeps requests until they are let go is rmq_mock_hold_new.
 *
 * @param cluster       must not be NULL
 * @param request_code  which requests: RMQ_MOCK_PULL_MESSAGE and the like, or any number of RocketMQ's
 * @param server        who is asked: the number of a broker, RMQ_MOCK_NAMESRV or RMQ_MOCK_ANYWHERE
 * @param filter        only requests whose header has these fields: "topic=Orders&queueId=0"; names and values are
 *                      compared as they are; NULL or empty for all
 * @param times         how many requests, from 1 on, or RMQ_MOCK_ALWAYS
 * @param kind          RMQ_MOCK_FAULT_...
 * @param number        as the kind says, at least 0; 0 for the others
 * @param text          as the kind says; NULL is an empty one
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_fault(rmq_mock_cluster *cluster,
                             int32_t request_code,
                             int32_t server,
                             const char *filter,
                             int32_t times,
                             int32_t kind,
                             int32_t number,
                             const char *text);

/**
 * Forgets all faults that have not happened. What is held or delayed already stays so.
 *
 * @param cluster  must not be NULL
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_behave(rmq_mock_cluster *cluster);

/**
 * Scripts that the next requests of a kind wait until rmq_mock_hold_release, and are served then: for two events whose
 * order matters, without sleeping. One among the faults of rmq_mock_fault.
 *
 * @param cluster       must not be NULL
 * @param request_code  as for rmq_mock_fault
 * @param server        as for rmq_mock_fault
 * @param filter        as for rmq_mock_fault
 * @param times         as for rmq_mock_fault
 * @returns a handle; NULL on failure, see rmq_mock_last_error_code: RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @par Ownership      the caller's; end it with rmq_mock_hold_destroy
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_hold *rmq_mock_hold_new(rmq_mock_cluster *cluster,
                                 int32_t request_code,
                                 int32_t server,
                                 const char *filter,
                                 int32_t times);

/**
 * Waits until requests have come to a hold.
 *
 * @param hold        must not be NULL
 * @param count       how many in all since it was made, those let go too; at least 0
 * @param timeout_ms  how long to wait; 0 does not wait, -1 waits without a bound
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_TIMEOUT; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_hold_wait(const rmq_mock_hold *hold,
                                 int32_t count,
                                 int32_t timeout_ms);

/**
 * Serves what a hold keeps. Requests that come to it later are served at once.
 *
 * @param hold  must not be NULL
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_hold_release(rmq_mock_hold *hold);

/**
 * Ends a hold; what it keeps is served. In a child process of the one that made it, it does nothing.
 *
 * @param hold  may be NULL
 * @par Thread-safety  any thread, once, when no other call uses the handle
 * @since 0.1
 */
RMQ_MOCK_EXPORT
void rmq_mock_hold_destroy(rmq_mock_hold *hold);

/**
 * Counts the requests of a kind that have come since the cluster was made, those that met a fault too.
 *
 * @param cluster       may be NULL
 * @param request_code  as for rmq_mock_fault
 * @param server        as for rmq_mock_fault
 * @param filter        as for rmq_mock_fault
 * @returns how many; -1 on failure, see rmq_mock_last_error_code
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
int32_t rmq_mock_request_count(const rmq_mock_cluster *cluster,
                               int32_t request_code,
                               int32_t server,
                               const char *filter);

/**
 * Waits until requests of a kind have come.
 *
 * @param cluster       must not be NULL
 * @param request_code  as for rmq_mock_fault
 * @param server        as for rmq_mock_fault
 * @param filter        as for rmq_mock_fault
 * @param count         how many since the cluster was made; at least 0
 * @param timeout_ms    how long to wait; 0 does not wait, -1 waits without a bound
 * @returns RMQ_MOCK_OK; RMQ_MOCK_E_TIMEOUT, and the text says how many have come; RMQ_MOCK_E_INVALID_ARG,
 *          RMQ_MOCK_E_FORKED
 * @par Thread-safety  any thread
 * @since 0.1
 */
RMQ_MOCK_EXPORT
rmq_mock_code rmq_mock_wait_requests(const rmq_mock_cluster *cluster,
                                     int32_t request_code,
                                     int32_t server,
                                     const char *filter,
                                     int32_t count,
                                     int32_t timeout_ms);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* RMQ_MOCK_H */
