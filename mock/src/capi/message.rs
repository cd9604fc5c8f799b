//! Topics and the messages in them.

use std::ffi::c_char;

use rmq::Result;
use rmq::capi::{guard, handle};

use super::cluster::{on, refused, rmq_mock_cluster};
use super::error::rmq_mock_code;
use crate::produced::Produced;

/// Creates a topic on each broker. One that exists gets more queues, never fewer.
///
/// @param cluster  must not be NULL
/// @param topic    its name: 1 to 127 letters, digits and the characters % | - _
/// @param queues   how many on each broker, 1 to 1024
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_create_topic(
    cluster: *mut rmq_mock_cluster,
    topic: *const c_char,
    queues: i32,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_create_topic", || unsafe {
        on(cluster, |cluster| {
            let topic = handle::text(topic, "topic")?;
            let allowed = |c: char| c.is_ascii_alphanumeric() || "%|-_".contains(c);
            if !(1..=127).contains(&topic.len()) || !topic.chars().all(allowed) {
                return Err(refused(format!(
                    "topic is \"{topic}\"; it is 1 to 127 letters, digits and the characters % | - _"
                )));
            }
            if !(1..=1024).contains(&queues) {
                return Err(refused(format!("queues is {queues}; it is 1 to 1024")));
            }
            cluster.mock.create_topic(topic, queues);
            Ok(())
        })
    })
}

/// Deletes a topic with its messages from each broker. What groups have committed stays.
///
/// @param cluster  must not be NULL
/// @param topic    its name; one that does not exist is no failure
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_delete_topic(
    cluster: *mut rmq_mock_cluster,
    topic: *const c_char,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_delete_topic", || unsafe {
        on(cluster, |cluster| {
            let topic = handle::text(topic, "topic")?;
            cluster.mock.brokers().iter().for_each(|broker| broker.delete_topic(topic));
            Ok(())
        })
    })
}

/// Stores a message at broker 0, and wakes the consumers that wait for it.
///
/// @param cluster   must not be NULL
/// @param topic     a topic that exists
/// @param queue_id  a queue of the topic, from 0
/// @param body      the body; may be NULL with len 0
/// @param len       bytes of body
/// @param tags      its tag; NULL for none
/// @param keys      its keys, with spaces between them; NULL for none
/// @param offset    gets the message's offset in the queue; may be NULL
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_produce(
    cluster: *mut rmq_mock_cluster,
    topic: *const c_char,
    queue_id: i32,
    body: *const u8,
    len: usize,
    tags: *const c_char,
    keys: *const c_char,
    offset: *mut i64,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_produce", || unsafe {
        on(cluster, |cluster| {
            let topic = handle::text(topic, "topic")?;
            let mut message = Produced::new(bytes(body, len)?);
            if let Some(tags) = handle::text_or(tags, "tags")? {
                message = message.tag(legal(tags, "tags")?);
            }
            if let Some(keys) = handle::text_or(keys, "keys")? {
                message = message.key(legal(keys, "keys")?);
            }
            handle::store(offset, cluster.queue(0, topic, queue_id)?.produce(topic, queue_id, message));
            Ok(())
        })
    })
}

/// Stores a message with any properties at any broker, and wakes the consumers that wait for it. A broker that is dead
/// takes it too.
///
/// @param cluster         must not be NULL
/// @param broker          the broker's number, from 0
/// @param topic           a topic that the broker has
/// @param queue_id        a queue of the topic, from 0
/// @param body            the body; may be NULL with len 0
/// @param len             bytes of body
/// @param properties      names and values in turn: the tag is the value of "TAGS", the keys are that of "KEYS"; may be
///                        NULL with property_count 0
/// @param property_count  how many properties, half as many as texts
/// @param store_time_ms   when the broker claims to have stored it, in ms since 1970; 0 for now
/// @param offset          gets the message's offset in the queue; may be NULL
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_produce_with(
    cluster: *mut rmq_mock_cluster,
    broker: i32,
    topic: *const c_char,
    queue_id: i32,
    body: *const u8,
    len: usize,
    properties: *const *const c_char,
    property_count: usize,
    store_time_ms: i64,
    offset: *mut i64,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_produce_with", || unsafe {
        on(cluster, |cluster| {
            let topic = handle::text(topic, "topic")?;
            let mut message = Produced::new(bytes(body, len)?);
            for (name, value) in pairs(properties, property_count)? {
                message = message.property(name, value);
            }
            if store_time_ms < 0 {
                return Err(refused(format!("store_time_ms is {store_time_ms}; it is 0 or more")));
            }
            if store_time_ms > 0 {
                message = message.stored_at(store_time_ms);
            }
            let broker = cluster.queue(broker, topic, queue_id)?;
            if broker.id() != 0 {
                return Err(refused(format!(
                    "broker is {}; it is a slave, which takes no messages",
                    broker.index
                )));
            }
            handle::store(offset, broker.produce(topic, queue_id, message));
            Ok(())
        })
    })
}

/// Tells which offsets a queue has: max - min messages may be read. A retry topic is "%RETRY%" and the group, one of dead
/// letters "%DLQ%" and the group; each has one queue. The first exists as soon as a consumer of the group has come, the other
/// from the first dead letter on.
///
/// @param cluster   must not be NULL
/// @param broker    the broker's number, from 0
/// @param topic     a topic that the broker has
/// @param queue_id  a queue of the topic, from 0
/// @param min       gets the offset of the first message; may be NULL
/// @param max       gets the offset behind the last message; may be NULL
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_watermarks(
    cluster: *const rmq_mock_cluster,
    broker: i32,
    topic: *const c_char,
    queue_id: i32,
    min: *mut i64,
    max: *mut i64,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_watermarks", || unsafe {
        on(cluster, |cluster| {
            let topic = handle::text(topic, "topic")?;
            let (first, end) =
                cluster.queue(broker, topic, queue_id)?.watermarks(topic, queue_id).unwrap_or_default();
            handle::store(min, first);
            handle::store(max, end);
            Ok(())
        })
    })
}

/// Makes the messages before an offset unreadable, as when they have expired.
///
/// @param cluster   must not be NULL
/// @param broker    the broker's number, from 0
/// @param topic     a topic that the broker has
/// @param queue_id  a queue of the topic, from 0
/// @param min       the smallest offset that may be read; from the present one to that behind the last message
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_expire(
    cluster: *mut rmq_mock_cluster,
    broker: i32,
    topic: *const c_char,
    queue_id: i32,
    min: i64,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_expire", || unsafe {
        on(cluster, |cluster| {
            let topic = handle::text(topic, "topic")?;
            let broker = cluster.queue(broker, topic, queue_id)?;
            let (first, end) = broker.watermarks(topic, queue_id).unwrap_or_default();
            if !(first..=end).contains(&min) {
                return Err(refused(format!("min is {min}; the queue has {first} to {end}")));
            }
            broker.set_min_offset(topic, queue_id, min);
            Ok(())
        })
    })
}

/// # Safety
/// `body` is NULL or points to `len` bytes that outlive `'a`.
unsafe fn bytes<'a>(body: *const u8, len: usize) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if body.is_null() {
        return Err(handle::null("body"));
    }
    // A negative number that became a size is no size.
    if isize::try_from(len).is_err() {
        return Err(refused(format!("len: {len} bytes are more than memory has")));
    }
    // SAFETY: it is not NULL and the length is possible, hence `len` bytes by this function's own rule.
    Ok(unsafe { std::slice::from_raw_parts(body, len) })
}

/// # Safety
/// `texts` is NULL or points to `2 * count` texts that outlive `'a`, each NULL or NUL-terminated.
unsafe fn pairs<'a>(texts: *const *const c_char, count: usize) -> Result<Vec<(&'a str, &'a str)>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if texts.is_null() {
        return Err(handle::null("properties"));
    }
    // No frame takes more than some thousands.
    if count > 0x7fff {
        return Err(refused(format!("property_count is {count}; it is at most 32767")));
    }
    // SAFETY: it is not NULL, hence so many texts by this function's own rule.
    let texts = unsafe { std::slice::from_raw_parts(texts, 2 * count) };
    let mut pairs = Vec::with_capacity(count);
    for (index, pair) in texts.chunks_exact(2).enumerate() {
        let name = format!("properties[{}]", 2 * index);
        let value = format!("properties[{}]", 2 * index + 1);
        // SAFETY: texts by this function's own rule.
        let (key, text) = unsafe { (handle::text(pair[0], &name)?, handle::text(pair[1], &value)?) };
        pairs.push((legal(key, &name)?, legal(text, &value)?));
    }
    Ok(pairs)
}

/// A text of a property, without the two characters that separate properties.
fn legal<'a>(text: &'a str, name: &str) -> Result<&'a str> {
    if text.contains(['\u{1}', '\u{2}']) {
        return Err(refused(format!("{name} has the character 1 or 2, which separate properties")));
    }
    Ok(text)
}
