//! Control of single queues: pause, commit, seek, and what is known of their offsets.

use std::ffi::c_char;

use super::consumer::rmq_consumer;
use super::error::rmq_code;
use super::{guard, handle, quick};
use crate::consumer::{Consumer, Seek};
use crate::error::Result;

/// Pauses queues: from now on no message of them is pulled or handed out. Callbacks that run end as usual; what nobody
/// has is given back and pulled again after the resume, once the callbacks that have messages of the queue have ended
/// and kept or polled batches are settled. It holds until a resume, for queues that are assigned later too: for each
/// queue the latest pause or resume that means it counts. May be called before the start.
///
/// @param consumer  must not be NULL
/// @param topic     UTF-8, copied: queues of this topic, %RETRY% before the group's name for its retry topic; NULL is
///                  any
/// @param broker    UTF-8, copied: queues at this broker, by its name; NULL is any
/// @param queue_id  the queue with this number; -1 is any
/// @returns RMQ_OK, also when no queue is meant now; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is stopped;
///          RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_pause(
    consumer: *mut rmq_consumer,
    topic: *const c_char,
    broker: *const c_char,
    queue_id: i32,
) -> rmq_code {
    guard::code("rmq_consumer_pause", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                let (topic, broker) = (handle::text_or(topic, "topic")?, handle::text_or(broker, "broker")?);
                inner.engine().pause(topic, broker, any_queue(queue_id))
            })
        }
    })
}

/// Resumes queues that were paused. A resume of fewer queues than were paused leaves the others paused.
///
/// @param consumer  must not be NULL
/// @param topic     UTF-8, copied: queues of this topic, %RETRY% before the group's name for its retry topic; NULL is
///                  any
/// @param broker    UTF-8, copied: queues at this broker, by its name; NULL is any
/// @param queue_id  the queue with this number; -1 is any
/// @returns RMQ_OK, also when no queue is meant now; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is stopped;
///          RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_resume(
    consumer: *mut rmq_consumer,
    topic: *const c_char,
    broker: *const c_char,
    queue_id: i32,
) -> rmq_code {
    guard::code("rmq_consumer_resume", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                let (topic, broker) = (handle::text_or(topic, "topic")?, handle::text_or(broker, "broker")?);
                inner.engine().resume(topic, broker, any_queue(queue_id))
            })
        }
    })
}

/// Commits what is complete now in all queues of the consumer, and waits for the brokers' answers: at most the property
/// "request.timeout.ms". What callbacks complete is committed without it too, a moment later, unless "auto.commit" is
/// false.
///
/// @param consumer  must not be NULL
/// @returns RMQ_OK; the first failure if one or more queues failed: RMQ_E_STATE if the consumer is not running;
///          RMQ_E_CLOSED if it was stopped meanwhile; RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the
///          broker's code; RMQ_E_IN_CALLBACK in a log callback; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_commit(consumer: *mut rmq_consumer) -> rmq_code {
    guard::code("rmq_consumer_commit", || {
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                quick::refuse_inside("rmq_consumer_commit")?;
                inner.engine().commit()
            })
        }
    })
}

/// Commits what is complete now in one queue, and waits for the broker's answer.
///
/// @param consumer  must not be NULL
/// @param topic     UTF-8, copied
/// @param broker    UTF-8, copied: the name of the queue's broker
/// @param queue_id  the queue's number at that broker
/// @returns RMQ_OK; RMQ_E_NOT_ASSIGNED if the queue is not this consumer's, RMQ_E_REVOKED if it was taken away
///          meanwhile; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is not running; RMQ_E_CLOSED if it was stopped
///          meanwhile; RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK
///          in a log callback; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_commit_queue(
    consumer: *mut rmq_consumer,
    topic: *const c_char,
    broker: *const c_char,
    queue_id: i32,
) -> rmq_code {
    guard::code("rmq_consumer_commit_queue", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            on_queue("rmq_consumer_commit_queue", consumer, (topic, broker), |engine, topic, broker| {
                engine.commit_queue(topic, broker, queue_id)
            })
        }
    })
}

/// Asks the broker for the offset that the group has committed for a queue: the next message to consume after a start.
///
/// @param consumer  must not be NULL
/// @param topic     UTF-8, copied
/// @param broker    UTF-8, copied: the name of the queue's broker
/// @param queue_id  the queue's number at that broker
/// @param offset    gets the offset; must not be NULL
/// @returns RMQ_OK; RMQ_E_NO_OFFSET if the group has committed nothing (brokers of 4.x answer 0 instead for a queue
///          that still has its first message); RMQ_E_NO_ROUTE if the queue is in no route of this consumer's topics;
///          RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is not running; RMQ_E_CLOSED if it was stopped meanwhile;
///          RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK in a log
///          callback; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_committed(
    consumer: *const rmq_consumer,
    topic: *const c_char,
    broker: *const c_char,
    queue_id: i32,
    offset: *mut i64,
) -> rmq_code {
    guard::code("rmq_consumer_committed", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            on_queue("rmq_consumer_committed", consumer, (topic, broker), |engine, topic, broker| {
                required(offset, "offset")?;
                handle::store(offset, engine.committed(topic, broker, queue_id)?);
                Ok(())
            })
        }
    })
}

/// Gives the offset that is pulled next in a queue of the consumer. Right after the queue was assigned it waits until
/// it is known where it begins: at most the property "request.timeout.ms".
///
/// @param consumer  must not be NULL
/// @param topic     UTF-8, copied
/// @param broker    UTF-8, copied: the name of the queue's broker
/// @param queue_id  the queue's number at that broker
/// @param offset    gets the offset; must not be NULL
/// @returns RMQ_OK; RMQ_E_NOT_ASSIGNED if the queue is not this consumer's, RMQ_E_INVALID_ARG; RMQ_E_STATE if the
///          consumer is not running; RMQ_E_CLOSED if it was stopped meanwhile; RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT,
///          RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK in a log callback; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_position(
    consumer: *const rmq_consumer,
    topic: *const c_char,
    broker: *const c_char,
    queue_id: i32,
    offset: *mut i64,
) -> rmq_code {
    guard::code("rmq_consumer_position", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            on_queue("rmq_consumer_position", consumer, (topic, broker), |engine, topic, broker| {
                required(offset, "offset")?;
                handle::store(offset, engine.position(topic, broker, queue_id)?);
                Ok(())
            })
        }
    })
}

/// Asks the broker for the first and the last offset of a queue.
///
/// @param consumer  must not be NULL
/// @param topic     UTF-8, copied
/// @param broker    UTF-8, copied: the name of the queue's broker
/// @param queue_id  the queue's number at that broker
/// @param min       gets the offset of the first message that the broker still has; may be NULL
/// @param max       gets the offset behind the last message; may be NULL
/// @returns RMQ_OK; RMQ_E_NO_ROUTE if the queue is in no route of this consumer's topics; RMQ_E_INVALID_ARG;
///          RMQ_E_STATE if the consumer is not running; RMQ_E_CLOSED if it was stopped meanwhile;
///          RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK in a log
///          callback; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_watermarks(
    consumer: *const rmq_consumer,
    topic: *const c_char,
    broker: *const c_char,
    queue_id: i32,
    min: *mut i64,
    max: *mut i64,
) -> rmq_code {
    guard::code("rmq_consumer_watermarks", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            on_queue("rmq_consumer_watermarks", consumer, (topic, broker), |engine, topic, broker| {
                let (first, last) = engine.watermarks(topic, broker, queue_id)?;
                handle::store(min, first);
                handle::store(max, last);
                Ok(())
            })
        }
    })
}

/// Goes on at another offset in a queue of the consumer, within what the broker has; its end is allowed. Messages
/// that no callback has are dropped, results of callbacks that run with older ones are ignored, and with
/// "auto.commit" the new offset is committed, also when it is lower. After RMQ_OK no message from before begins to be
/// delivered; on failure nothing is changed.
///
/// @param consumer  must not be NULL
/// @param topic     UTF-8, copied
/// @param broker    UTF-8, copied: the name of the queue's broker
/// @param queue_id  the queue's number at that broker
/// @param offset    the offset of the next message to deliver
/// @returns RMQ_OK; RMQ_E_NOT_ASSIGNED if the queue is not this consumer's, RMQ_E_REVOKED if it was taken away
///          meanwhile; RMQ_E_INVALID_ARG, also for an offset outside the queue, with the range in the text; RMQ_E_STATE
///          if the consumer is not running; RMQ_E_CLOSED if it was stopped meanwhile; RMQ_E_REQUEST_TIMEOUT,
///          RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK in a log callback; RMQ_E_FORKED;
///          RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_seek(
    consumer: *mut rmq_consumer,
    topic: *const c_char,
    broker: *const c_char,
    queue_id: i32,
    offset: i64,
) -> rmq_code {
    guard::code("rmq_consumer_seek", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            on_queue("rmq_consumer_seek", consumer, (topic, broker), |engine, topic, broker| {
                engine.seek(topic, broker, queue_id, Seek::Offset(offset))
            })
        }
    })
}

/// Goes on at the first message that the broker still has of a queue. Messages that no callback has are dropped,
/// results of callbacks that run with older ones are ignored, and with "auto.commit" the new offset is committed,
/// also when it is lower. After RMQ_OK no message from before begins to be delivered; on failure nothing is changed.
///
/// @param consumer  must not be NULL
/// @param topic     UTF-8, copied
/// @param broker    UTF-8, copied: the name of the queue's broker
/// @param queue_id  the queue's number at that broker
/// @returns RMQ_OK; RMQ_E_NOT_ASSIGNED if the queue is not this consumer's, RMQ_E_REVOKED if it was taken away
///          meanwhile; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is not running; RMQ_E_CLOSED if it was stopped
///          meanwhile; RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK
///          in a log callback; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_seek_begin(
    consumer: *mut rmq_consumer,
    topic: *const c_char,
    broker: *const c_char,
    queue_id: i32,
) -> rmq_code {
    guard::code("rmq_consumer_seek_begin", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            on_queue("rmq_consumer_seek_begin", consumer, (topic, broker), |engine, topic, broker| {
                engine.seek(topic, broker, queue_id, Seek::Begin)
            })
        }
    })
}

/// Goes on behind the last message of a queue: only what arrives later is delivered. Messages that no callback has are
/// dropped, results of callbacks that run with older ones are ignored, and the new offset is committed, also when it is
/// lower. After RMQ_OK no message from before begins to be delivered; on failure nothing is changed.
///
/// @param consumer  must not be NULL
/// @param topic     UTF-8, copied
/// @param broker    UTF-8, copied: the name of the queue's broker
/// @param queue_id  the queue's number at that broker
/// @returns RMQ_OK; RMQ_E_NOT_ASSIGNED if the queue is not this consumer's, RMQ_E_REVOKED if it was taken away
///          meanwhile; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is not running; RMQ_E_CLOSED if it was stopped
///          meanwhile; RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK
///          in a log callback; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_seek_end(
    consumer: *mut rmq_consumer,
    topic: *const c_char,
    broker: *const c_char,
    queue_id: i32,
) -> rmq_code {
    guard::code("rmq_consumer_seek_end", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            on_queue("rmq_consumer_seek_end", consumer, (topic, broker), |engine, topic, broker| {
                engine.seek(topic, broker, queue_id, Seek::End)
            })
        }
    })
}

/// Goes on at the first message of a queue that the broker stored at a time or after it; behind the last message if
/// there is none (brokers of 4.x: at the last message). Messages that no callback has are dropped, results of
/// callbacks that run with older ones are ignored, and with "auto.commit" the new offset is committed, also when it
/// is lower. After RMQ_OK no message from before begins to be delivered; on failure nothing is changed.
///
/// @param consumer  must not be NULL
/// @param topic     UTF-8, copied
/// @param broker    UTF-8, copied: the name of the queue's broker
/// @param queue_id  the queue's number at that broker
/// @param timestamp_ms  milliseconds since 1970
/// @returns RMQ_OK; RMQ_E_NOT_ASSIGNED if the queue is not this consumer's, RMQ_E_REVOKED if it was taken away
///          meanwhile; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is not running; RMQ_E_CLOSED if it was stopped
///          meanwhile; RMQ_E_REQUEST_TIMEOUT, RMQ_E_CONNECT, RMQ_E_DISCONNECTED or the broker's code; RMQ_E_IN_CALLBACK
///          in a log callback; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_seek_timestamp(
    consumer: *mut rmq_consumer,
    topic: *const c_char,
    broker: *const c_char,
    queue_id: i32,
    timestamp_ms: i64,
) -> rmq_code {
    guard::code("rmq_consumer_seek_timestamp", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            on_queue("rmq_consumer_seek_timestamp", consumer, (topic, broker), |engine, topic, broker| {
                engine.seek(topic, broker, queue_id, Seek::Timestamp(timestamp_ms))
            })
        }
    })
}

/// Runs a call on a queue of a consumer; not in a log callback, which may run on the thread that would answer.
///
/// # Safety
/// As for [`guard::on_consumer`]; the texts are NULL or NUL-terminated.
unsafe fn on_queue(
    function: &str,
    consumer: *const rmq_consumer,
    (topic, broker): (*const c_char, *const c_char),
    body: impl FnOnce(&Consumer, &str, &str) -> Result<()>,
) -> Result<()> {
    let body = |inner: &super::consumer::Inner| {
        // SAFETY: as this function's own.
        let (topic, broker) = unsafe { (handle::text(topic, "topic")?, handle::text(broker, "broker")?) };
        quick::refuse_inside(function)?;
        body(inner.engine(), topic, broker)
    };
    // SAFETY: as this function's own.
    unsafe { guard::on_consumer(consumer, body) }
}

fn required<T>(pointer: *mut T, name: &str) -> Result<()> {
    if pointer.is_null() { Err(handle::null(name)) } else { Ok(()) }
}

fn any_queue(queue_id: i32) -> Option<i32> {
    (queue_id != -1).then_some(queue_id)
}
