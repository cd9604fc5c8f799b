//! Selectors, patterns and the client's own filters.

use std::ffi::c_char;

use super::consumer::rmq_consumer;
use super::error::rmq_code;
use super::{guard, handle, quick};
use crate::consumer::{MessageSelector, is_tag_type};
use crate::error::Result;

/// Tells whether a selector's type selects by tag, as the Go client's IsTagType does: nothing, and "TAG" in any case.
///
/// @param type  UTF-8; NULL is nothing
/// @returns 1 for a type that selects by tag, else 0
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_is_tag_type(r#type: *const c_char) -> i32 {
    guard::value("rmq_is_tag_type", 0, || {
        // SAFETY: NULL or a text, as documented above.
        let name = unsafe { handle::text_or(r#type, "type") }?;
        Ok(is_tag_type(name.unwrap_or_default()).into())
    })
}

/// Subscribes to a topic by a selector, or changes it; also while the consumer is running. SQL92 conditions are checked
/// by the topic's brokers: by rmq_consumer_start, or by this call when the consumer is running, which then blocks for
/// up to twice "request.timeout.ms" and "connect.timeout.ms". A refused condition changes nothing. The condition for a
/// topic that does not exist yet is checked when it appears; a refusal is then in rmq_consumer_last_error and the log.
///
/// @param consumer    must not be NULL
/// @param topic       UTF-8, copied
/// @param type        UTF-8, copied: "TAG", NULL or "" for tags; "SQL92" for a condition over properties; in any case
/// @param expression  UTF-8, copied: tags separated by ||, with NULL, "" and * for all; or a condition, which must be
///                    there, as "price > 10 AND region = 'eu'"
/// @returns RMQ_OK; RMQ_E_INVALID_ARG, also for another type; RMQ_E_FILTER if a tag is empty, * stands beside tags or a
///          condition is missing; RMQ_E_STATE if the consumer is stopped; while it is running also a broker's code, 23
///          for a condition it cannot read and 1 when it does not filter by SQL92, and RMQ_E_NO_NAMESRV, RMQ_E_CONNECT,
///          RMQ_E_REQUEST_TIMEOUT or RMQ_E_TIMEOUT when it could not be asked; RMQ_E_IN_CALLBACK in a log callback;
///          RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_subscribe_selector(
    consumer: *mut rmq_consumer,
    topic: *const c_char,
    r#type: *const c_char,
    expression: *const c_char,
) -> rmq_code {
    guard::code("rmq_consumer_subscribe_selector", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                let topic = handle::text(topic, "topic")?;
                let selector = selector(r#type, expression)?;
                quick::refuse_inside("rmq_consumer_subscribe_selector")?;
                inner.engine().subscribe_selector(topic, &selector)
            })
        }
    })
}

/// Subscribes to every topic whose whole name a regular expression matches, now and later: the name servers are asked
/// by rmq_consumer_start, and then every "namesrv.poll.interval.ms". A topic that is deleted is let go at the second
/// look. Topics of RocketMQ itself (%RETRY%, %DLQ%, rmq_sys_ and the like, those of clusters and brokers) are never
/// matched; a topic that was subscribed by its name keeps its own selector, and of several patterns the one that was
/// subscribed first counts. While the consumer is running the topics are looked for in the background; a condition that
/// a broker refuses then is in rmq_consumer_last_error and the log, and its topic is not consumed.
///
/// @param consumer     must not be NULL
/// @param topic_regex  UTF-8, copied: a regular expression without look-around and back references; the same text
///                     again replaces the selector
/// @param type         as for rmq_consumer_subscribe_selector
/// @param expression   as for rmq_consumer_subscribe_selector, for each of the topics
/// @returns RMQ_OK; RMQ_E_INVALID_ARG; RMQ_E_FILTER if either expression cannot be read; RMQ_E_STATE if the consumer is
///          stopped; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_subscribe_pattern(
    consumer: *mut rmq_consumer,
    topic_regex: *const c_char,
    r#type: *const c_char,
    expression: *const c_char,
) -> rmq_code {
    guard::code("rmq_consumer_subscribe_pattern", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                let topic_regex = handle::text(topic_regex, "topic_regex")?;
                inner.engine().subscribe_pattern(topic_regex, &selector(r#type, expression)?)
            })
        }
    })
}

/// Ends a pattern: the queues of its topics are given up, but for topics that another pattern matches. (A function of
/// its own, since a topic's name can be a pattern too: rmq_consumer_unsubscribe ends what was subscribed by name.)
///
/// @param consumer     must not be NULL
/// @param topic_regex  UTF-8; the text that was given to rmq_consumer_subscribe_pattern; another one does nothing
/// @returns RMQ_OK; RMQ_E_INVALID_ARG; RMQ_E_STATE if the consumer is stopped; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_unsubscribe_pattern(
    consumer: *mut rmq_consumer,
    topic_regex: *const c_char,
) -> rmq_code {
    guard::code("rmq_consumer_unsubscribe_pattern", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                inner.engine().unsubscribe_pattern(handle::text(topic_regex, "topic_regex")?)
            })
        }
    })
}

/// Filters a topic's messages in the client by a regular expression over one of their fields, from the next pull on. A
/// message in which it is not found, or that has no such field, does not reach the callback; it is acknowledged and
/// counted as "filtered" in rmq_consumer_stats_json. A topic may have one filter for each field; messages must pass
/// all. Messages that are delivered again are not filtered again. It may be set before the topic is subscribed, stays
/// when that ends, and holds for a topic that a pattern found as well.
///
/// @param consumer  must not be NULL
/// @param topic     UTF-8, copied: a topic's name
/// @param field     UTF-8, copied: "tag"; "keys", where one of the keys has to match; or "property:NAME"
/// @param regex     UTF-8, copied: a regular expression without look-around and back references, searched for anywhere
///                  in the field; ^ and $ bind it. NULL and "" take the filter of this field away
/// @returns RMQ_OK; RMQ_E_INVALID_ARG, also for another field; RMQ_E_FILTER if the expression cannot be read or is too
///          large; RMQ_E_STATE if the consumer is stopped; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_filter_regex(
    consumer: *mut rmq_consumer,
    topic: *const c_char,
    field: *const c_char,
    regex: *const c_char,
) -> rmq_code {
    guard::code("rmq_consumer_filter_regex", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                let (topic, field) = (handle::text(topic, "topic")?, handle::text(field, "field")?);
                inner.engine().filter_regex(
                    topic,
                    field,
                    handle::text_or(regex, "regex")?.unwrap_or_default(),
                )
            })
        }
    })
}

/// # Safety
/// Both are NULL or point to NUL-terminated texts.
unsafe fn selector(r#type: *const c_char, expression: *const c_char) -> Result<MessageSelector> {
    // SAFETY: as this function's own.
    let (name, expression) =
        unsafe { (handle::text_or(r#type, "type")?, handle::text_or(expression, "expression")?) };
    MessageSelector::new(name.unwrap_or_default(), expression.unwrap_or_default())
}
