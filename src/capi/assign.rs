//! Queues that the host names itself, instead of its share of a group's.

use std::ffi::c_char;

use super::consumer::rmq_consumer;
use super::error::rmq_code;
use super::{guard, handle, quick};

/// Names the queues to consume, in place of those named before; [] gives all up. Such a consumer is no member of its
/// group: other members neither see it nor share its queues, it has no retry topic, and what a callback wants again is
/// delivered again 5 s later by itself. Its offsets are committed under the group as usual. A consumer assigns or
/// subscribes, never both: what it does first it keeps to. A running one waits at most the property
/// "request.timeout.ms", until it owns the queues whose routes are known; others are consumed when they appear. SQL92
/// conditions are checked by the brokers as in rmq_consumer_subscribe_selector; a refused one changes nothing.
///
/// @param consumer     must not be NULL
/// @param queues_json  UTF-8, copied: an array of {"topic": "T", "broker": "B", "queue_id": 0, "type": "TAG",
///                     "expression": "*"}. Without queue_id all queues are meant, without broker those of all brokers,
///                     as they come and go; type and expression are those of rmq_consumer_subscribe_selector, all
///                     messages when they are left out, and one for each topic
/// @returns RMQ_OK; RMQ_E_INVALID_ARG if it is no such array; RMQ_E_FILTER; RMQ_E_STATE if topics were subscribed to,
///          if it was started without an assignment, is stopped, or broadcasts; RMQ_E_REQUEST_TIMEOUT, after which it
///          goes on by itself; RMQ_E_CLOSED if it was stopped meanwhile; with SQL92 while it is running
///          also what rmq_consumer_subscribe_selector answers then; RMQ_E_IN_CALLBACK in a log callback; RMQ_E_FORKED;
///          RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_assign(
    consumer: *mut rmq_consumer,
    queues_json: *const c_char,
) -> rmq_code {
    guard::code("rmq_consumer_assign", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                let json = handle::text(queues_json, "queues_json")?;
                quick::refuse_inside("rmq_consumer_assign")?;
                inner.engine().assign(json)
            })
        }
    })
}
