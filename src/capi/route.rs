//! Where a topic's queues are.

use std::ffi::c_char;

use super::consumer::rmq_consumer;
use super::error::rmq_code;
use super::{buffer, guard, handle};

/// Gives the route of a subscribed topic as JSON, as the consumer last heard it from a name server: an object with the
/// topic, its brokers with their addresses by broker id (0 is the master), and the queues that may be read.
///
/// @param consumer  borrowed; must not be NULL
/// @param topic     borrowed for the call; must not be NULL; the group's retry topic is allowed too
/// @param buf       gets the JSON text and a NUL; NULL with size 0 only asks for the size
/// @param size      bytes of buf
/// @param needed    gets the bytes the text takes, its NUL included; may be NULL
/// @returns RMQ_OK; RMQ_E_STATE when it is not started; RMQ_E_NO_ROUTE for a topic that is not subscribed or that no
/// name server knows yet; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_route_json(
    consumer: *const rmq_consumer,
    topic: *const c_char,
    buf: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> rmq_code {
    guard::code("rmq_consumer_route_json", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                let topic = handle::text(topic, "topic")?;
                buffer::fill(&inner.engine().route_json(topic)?, buf, size, needed)
            })
        }
    })
}
