//! Groups: who is in them and where they are.

use std::ffi::c_char;

use rmq::capi::{buffer, guard, handle};
use rmq::{Error, ErrorKind};

use super::cluster::{on, refused, rmq_mock_cluster};
use super::error::rmq_mock_code;
use super::wait;

/// Tells what a group has committed: the offset of the message it reads next.
///
/// @param cluster   must not be NULL
/// @param broker    the broker's number, from 0
/// @param group     the consumer group
/// @param topic     a topic that the broker has
/// @param queue_id  a queue that the topic has
/// @param offset    gets the offset; may be NULL
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_NO_OFFSET when it has committed nothing; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_committed(
    cluster: *const rmq_mock_cluster,
    broker: i32,
    group: *const c_char,
    topic: *const c_char,
    queue_id: i32,
    offset: *mut i64,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_committed", || unsafe {
        on(cluster, |cluster| {
            let (group, topic) = (handle::text(group, "group")?, handle::text(topic, "topic")?);
            let committed = cluster.queue(broker, topic, queue_id)?.committed(group, topic, queue_id);
            handle::store(offset, committed.ok_or_else(|| nothing(group, topic, queue_id))?);
            Ok(())
        })
    })
}

/// Waits until a group has committed an offset or a higher one: what a consumer's test ends with.
///
/// @param cluster     must not be NULL
/// @param broker      the broker's number, from 0
/// @param group       the consumer group
/// @param topic       a topic that the broker has
/// @param queue_id    a queue that the topic has
/// @param offset      one more than the offset of the last message to be consumed; at least 0
/// @param timeout_ms  how long to wait; 0 does not wait, -1 waits without a bound
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_TIMEOUT, and the text says where the group is; RMQ_MOCK_E_INVALID_ARG,
///          RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_wait_committed(
    cluster: *const rmq_mock_cluster,
    broker: i32,
    group: *const c_char,
    topic: *const c_char,
    queue_id: i32,
    offset: i64,
    timeout_ms: i32,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_wait_committed", || unsafe {
        on(cluster, |cluster| {
            let (group, topic) = (handle::text(group, "group")?, handle::text(topic, "topic")?);
            let broker = cluster.queue(broker, topic, queue_id)?;
            wait::until(timeout_ms, || match broker.committed(group, topic, queue_id) {
                Some(committed) if committed >= offset => None,
                Some(committed) => Some(format!("{group} has committed {committed} of {offset}")),
                None => Some(format!("{group} has committed nothing")),
            })
        })
    })
}

/// Makes it so that a group has committed an offset, or nothing: before a consumer starts, to say where it begins. A
/// consumer that runs does not notice.
///
/// @param cluster   must not be NULL
/// @param broker    the broker's number, from 0
/// @param group     the consumer group
/// @param topic     a topic that the broker has
/// @param queue_id  a queue that the topic has
/// @param offset    at least 0; -1 for nothing
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_set_committed(
    cluster: *mut rmq_mock_cluster,
    broker: i32,
    group: *const c_char,
    topic: *const c_char,
    queue_id: i32,
    offset: i64,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_set_committed", || unsafe {
        on(cluster, |cluster| {
            let (group, topic) = (handle::text(group, "group")?, handle::text(topic, "topic")?);
            if offset < -1 {
                return Err(refused(format!("offset is {offset}; it is 0 or more, or -1 for nothing")));
            }
            let committed = (offset >= 0).then_some(offset);
            cluster.queue(broker, topic, queue_id)?.set_committed(group, topic, queue_id, committed);
            Ok(())
        })
    })
}

/// Moves a group to an offset while its consumers run, as an administrator does: their commits are dropped until the next
/// pull, which is told where to go on. A pull that the broker holds learns of it when its time is over.
///
/// @param cluster   must not be NULL
/// @param broker    the broker's number, from 0
/// @param group     the consumer group
/// @param topic     a topic that the broker has
/// @param queue_id  a queue that the topic has
/// @param offset    where to go on: also forward, also behind the last message; at least 0
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_reset_offset(
    cluster: *mut rmq_mock_cluster,
    broker: i32,
    group: *const c_char,
    topic: *const c_char,
    queue_id: i32,
    offset: i64,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_reset_offset", || unsafe {
        on(cluster, |cluster| {
            let (group, topic) = (handle::text(group, "group")?, handle::text(topic, "topic")?);
            if offset < 0 {
                return Err(refused(format!("offset is {offset}; it is 0 or more")));
            }
            cluster.queue(broker, topic, queue_id)?.reset_offset(group, topic, queue_id, offset);
            Ok(())
        })
    })
}

/// Counts the members of a group.
///
/// @param cluster  may be NULL
/// @param broker   the broker's number, from 0
/// @param group    the consumer group
/// @returns how many; 0 also for a group that nobody was in; -1 on failure, see rmq_mock_last_error_code
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_member_count(
    cluster: *const rmq_mock_cluster,
    broker: i32,
    group: *const c_char,
) -> i32 {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_mock_member_count", -1, || unsafe {
        on(cluster, |cluster| {
            let members = cluster.broker(broker)?.members(handle::text(group, "group")?);
            Ok(i32::try_from(members.len()).unwrap_or(i32::MAX))
        })
    })
}

/// Lists the client ids of a group's members, as rmq_consumer_client_id gives them.
///
/// @param cluster  must not be NULL
/// @param broker   the broker's number, from 0
/// @param group    the consumer group
/// @param buf      gets the client ids, one behind the other with a line feed between them; may be NULL with size 0
/// @param size     bytes of buf
/// @param needed   gets the bytes that the text takes with its NUL; may be NULL
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_BUFFER_TOO_SMALL, and buf has an empty text; RMQ_MOCK_E_INVALID_ARG,
///          RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_members(
    cluster: *const rmq_mock_cluster,
    broker: i32,
    group: *const c_char,
    buf: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_members", || unsafe {
        on(cluster, |cluster| {
            let members = cluster.broker(broker)?.members(handle::text(group, "group")?);
            buffer::fill(&members.join("\n"), buf, size, needed)
        })
    })
}

fn nothing(group: &str, topic: &str, queue_id: i32) -> Error {
    Error::new(ErrorKind::NoOffset, format!("{group} has committed nothing for {topic}/{queue_id}"))
}
