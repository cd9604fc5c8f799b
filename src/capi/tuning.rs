//! What may be changed while a consumer runs.

use std::ffi::c_char;

use super::consumer::rmq_consumer;
use super::error::rmq_code;
use super::{guard, handle, quick};

/// Sets the name servers, before the start or while the consumer is running, in place of those before: for a cluster
/// whose name servers move. A running consumer asks them for all its routes at once and ends its connections to those
/// that are not among them; consuming goes on meanwhile. Nobody is asked before this call returns.
///
/// @param consumer   must not be NULL
/// @param addresses  UTF-8, copied; as the property "namesrv.addr": host:port, several separated by ";"
/// @returns RMQ_OK; RMQ_E_CONFIG_VALUE if addresses is no such list; RMQ_E_STATE if the consumer is being shut down, is
///          stopped or fatal; RMQ_E_INVALID_ARG; RMQ_E_IN_CALLBACK in a log or wake-up callback; RMQ_E_FORKED;
///          RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback; never blocks
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_set_namesrv_addr(
    consumer: *mut rmq_consumer,
    addresses: *const c_char,
) -> rmq_code {
    guard::code("rmq_consumer_set_namesrv_addr", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                let addresses = handle::text(addresses, "addresses")?;
                quick::refuse_inside("rmq_consumer_set_namesrv_addr")?;
                inner.engine().set_name_servers(addresses)
            })
        }
    })
}

/// Sets how many message callbacks may run at once, before the start or while the consumer is running, in place of
/// "consume.thread.max". More threads start when work waits. Threads that are too many end, each when its callback has
/// returned; until then more callbacks may run. With less than "consume.thread.min" no more than these stay. A consumer
/// that is polled has no such threads.
///
/// @param consumer  must not be NULL
/// @param threads   as the property takes it: 1 to 1000
/// @returns RMQ_OK; RMQ_E_CONFIG_VALUE if threads is out of range; RMQ_E_STATE if the consumer is being shut down, is
///          stopped or fatal; RMQ_E_INVALID_ARG; RMQ_E_IN_CALLBACK in a log or wake-up callback; RMQ_E_FORKED;
///          RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback; never blocks
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_set_thread_max(consumer: *mut rmq_consumer, threads: i32) -> rmq_code {
    guard::code("rmq_consumer_set_thread_max", || {
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                quick::refuse_inside("rmq_consumer_set_thread_max")?;
                inner.engine().set_thread_max(threads)
            })
        }
    })
}

/// Limits how many messages are handed out in a second, to callbacks or polls, before the start or while the consumer
/// is running. What has to wait holds no thread and stays within the bounds of memory, so that pulls rest when they are
/// reached. What a tenth of a second allows, and always one message, can be saved up. A limit is of this consumer, not
/// of its group, and each delivery counts, repeated ones too; not those that an administrator asks for. A lower limit
/// holds at once, for what was pulled before too. Calls with different topics add up: a message needs the leave of its
/// topic's limit and of the whole consumer's.
///
/// @param consumer    must not be NULL
/// @param topic       UTF-8, copied: the topic the messages were sent to, subscribed or not; NULL for the whole
///                    consumer
/// @param per_second  from 1; 0 takes the limit away
/// @returns RMQ_OK; RMQ_E_INVALID_ARG, also if per_second is negative or topic is no topic's name; RMQ_E_STATE if the
///          consumer is being shut down, is stopped or fatal; RMQ_E_IN_CALLBACK in a log or wake-up callback;
///          RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback; never blocks
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_set_rate_limit(
    consumer: *mut rmq_consumer,
    topic: *const c_char,
    per_second: i32,
) -> rmq_code {
    guard::code("rmq_consumer_set_rate_limit", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                let topic = handle::text_or(topic, "topic")?;
                quick::refuse_inside("rmq_consumer_set_rate_limit")?;
                inner.engine().set_rate_limit(topic, per_second)
            })
        }
    })
}
