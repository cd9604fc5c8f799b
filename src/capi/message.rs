//! What C may read of a message.

use std::ffi::c_char;
use std::ptr;

use super::error::rmq_code;
use super::{buffer, guard, handle};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{CText, Message, Text};

/// A message. Lent by a batch as long as that is, or a copy of one's own made by rmq_message_retain and ended by
/// rmq_message_release. Any number of threads may read it.
pub struct rmq_message {
    /// The handle is the address of a `Message`; C sees neither.
    _opaque: [u8; 0],
}

/// Gives the topic a message was sent to. For one that is delivered again that is not the queue's topic: see
/// rmq_batch_topic.
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_topic(message: *const rmq_message, len: *mut usize) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_topic", ptr::null(), || unsafe { text(message, Text::Topic, len) })
}

/// Gives the topic of the queue a message was read from: %RETRY% and the group for one that is delivered again.
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_stored_topic(
    message: *const rmq_message,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_stored_topic", ptr::null(), || unsafe { text(message, Text::StoredTopic, len) })
}

/// Gives the tag of a message.
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message; NULL if it has none
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_tags(message: *const rmq_message, len: *mut usize) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_tags", ptr::null(), || unsafe { text(message, Text::Tags, len) })
}

/// Gives the business keys of a message, separated by spaces.
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message; NULL if it has none
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_keys(message: *const rmq_message, len: *mut usize) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_keys", ptr::null(), || unsafe { text(message, Text::Keys, len) })
}

/// Gives the id that the producer's client gave a message, or else that of rmq_message_offset_msg_id.
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_msg_id(message: *const rmq_message, len: *mut usize) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_msg_id", ptr::null(), || unsafe { text(message, Text::MessageId, len) })
}

/// Gives the id that says where a message is stored: broker address and place in its log.
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_offset_msg_id(
    message: *const rmq_message,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_offset_msg_id", ptr::null(), || unsafe {
        text(message, Text::OffsetMessageId, len)
    })
}

/// Gives the id of the transaction a message was sent in.
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message; NULL if it was in none
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_transaction_id(
    message: *const rmq_message,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_transaction_id", ptr::null(), || unsafe {
        text(message, Text::TransactionId, len)
    })
}

/// Gives the name of the broker a message was read from.
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_broker_name(
    message: *const rmq_message,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_broker_name", ptr::null(), || unsafe { text(message, Text::BrokerName, len) })
}

/// Gives the producer's address as "ip:port".
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message; NULL if the broker stored an impossible one
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_born_host(
    message: *const rmq_message,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_born_host", ptr::null(), || unsafe { text(message, Text::BornHost, len) })
}

/// Gives the address of the broker that stored a message as "ip:port".
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message; NULL if the broker stored an impossible one
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_store_host(
    message: *const rmq_message,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_store_host", ptr::null(), || unsafe { text(message, Text::StoreHost, len) })
}

/// Gives what the producer sent, already decompressed.
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes; may be NULL
/// @returns bytes that live as long as the message, without a NUL behind; not NULL even when there are none
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_body(message: *const rmq_message, len: *mut usize) -> *const u8 {
    guard::value("rmq_message_body", ptr::null(), || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            handle::store(len, 0);
            let body = borrow(message)?.body();
            handle::store(len, body.len());
            Ok(body.as_ptr())
        }
    })
}

/// Gives the value of a property. When a key stands twice the last one counts, as in Java.
///
/// @param message  borrowed; NULL answers NULL
/// @param key      UTF-8; must not be NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a text that lives as long as the message, with the bytes the producer sent; NULL if there is no such
///          property
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_property(
    message: *const rmq_message,
    key: *const c_char,
    len: *mut usize,
) -> *const c_char {
    guard::value("rmq_message_property", ptr::null(), || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            handle::store(len, 0);
            let (message, key) = (borrow(message)?, handle::text(key, "key")?);
            Ok(give(message.c_property(key), len))
        }
    })
}

/// Counts the properties of a message, a key that stands twice as two.
///
/// @param message  borrowed; NULL answers 0
/// @returns the end of the indexes of rmq_message_property_at
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_property_count(message: *const rmq_message) -> usize {
    // SAFETY: NULL or a message that lives, as the documentation asks.
    guard::value("rmq_message_property_count", 0, || Ok(unsafe { borrow(message) }?.property_count()))
}

/// Gives a property by its place.
///
/// @param message    borrowed; must not be NULL
/// @param index      from 0
/// @param key        gets a text that lives as long as the message; may be NULL
/// @param key_len    gets the bytes before its NUL; may be NULL
/// @param value      gets a text that lives as long as the message; may be NULL
/// @param value_len  gets the bytes before its NUL; may be NULL
/// @returns RMQ_OK; RMQ_E_INVALID_ARG if message is NULL or there is no such place, and then nothing is stored
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_property_at(
    message: *const rmq_message,
    index: usize,
    key: *mut *const c_char,
    key_len: *mut usize,
    value: *mut *const c_char,
    value_len: *mut usize,
) -> rmq_code {
    guard::code("rmq_message_property_at", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            let message = borrow(message)?;
            let (name, text) = message.c_property_at(index).ok_or_else(|| {
                let text =
                    format!("index is {index}: the message has {} properties", message.property_count());
                Error::new(ErrorKind::InvalidArgument, text)
            })?;
            handle::store(key, give(Some(name), key_len));
            handle::store(value, give(Some(text), value_len));
        }
        Ok(())
    })
}

/// Gives the queue a message was read from.
///
/// @param message  borrowed; NULL answers -1
/// @returns the number of the queue at its broker
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_queue_id(message: *const rmq_message) -> i32 {
    // SAFETY: NULL or a message that lives, as the documentation asks.
    guard::value("rmq_message_queue_id", -1, || Ok(unsafe { borrow(message) }?.queue_id()))
}

/// Gives the place of a message in its queue.
///
/// @param message  borrowed; NULL answers -1
/// @returns the offset
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_queue_offset(message: *const rmq_message) -> i64 {
    // SAFETY: NULL or a message that lives, as the documentation asks.
    guard::value("rmq_message_queue_offset", -1, || Ok(unsafe { borrow(message) }?.queue_offset()))
}

/// Gives the place of a message in its broker's log.
///
/// @param message  borrowed; NULL answers -1
/// @returns the offset
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_commit_log_offset(message: *const rmq_message) -> i64 {
    // SAFETY: NULL or a message that lives, as the documentation asks.
    guard::value("rmq_message_commit_log_offset", -1, || Ok(unsafe { borrow(message) }?.commit_log_offset()))
}

/// Gives when a message was made, by the producer's clock.
///
/// @param message  borrowed; NULL answers -1
/// @returns milliseconds since 1970
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_born_timestamp(message: *const rmq_message) -> i64 {
    // SAFETY: NULL or a message that lives, as the documentation asks.
    guard::value("rmq_message_born_timestamp", -1, || Ok(unsafe { borrow(message) }?.born_timestamp()))
}

/// Gives when a message was stored, by the broker's clock.
///
/// @param message  borrowed; NULL answers -1
/// @returns milliseconds since 1970
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_store_timestamp(message: *const rmq_message) -> i64 {
    // SAFETY: NULL or a message that lives, as the documentation asks.
    guard::value("rmq_message_store_timestamp", -1, || Ok(unsafe { borrow(message) }?.store_timestamp()))
}

/// Counts how often a message was sent back before this delivery.
///
/// @param message  borrowed; NULL answers -1
/// @returns 0 at the first delivery
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_reconsume_times(message: *const rmq_message) -> i32 {
    // SAFETY: NULL or a message that lives, as the documentation asks.
    guard::value("rmq_message_reconsume_times", -1, || Ok(unsafe { borrow(message) }?.reconsume_times()))
}

/// Gives the delay level a message was sent or last sent back with.
///
/// @param message  borrowed; NULL answers -1
/// @returns the level; 0 without
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_delay_level(message: *const rmq_message) -> i32 {
    // SAFETY: NULL or a message that lives, as the documentation asks.
    guard::value("rmq_message_delay_level", -1, || Ok(unsafe { borrow(message) }?.delay_level()))
}

/// Gives the number that the producer's application put on a message.
///
/// @param message  borrowed; NULL answers 0
/// @returns any number
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_flag(message: *const rmq_message) -> i32 {
    // SAFETY: NULL or a message that lives, as the documentation asks.
    guard::value("rmq_message_flag", 0, || Ok(unsafe { borrow(message) }?.flag()))
}

/// Gives the bits RocketMQ put on a message, as stored: those of compression too, though rmq_message_body is not
/// compressed.
///
/// @param message  borrowed; NULL answers 0
/// @returns a set of bits
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_sys_flag(message: *const rmq_message) -> i32 {
    // SAFETY: NULL or a message that lives, as the documentation asks.
    guard::value("rmq_message_sys_flag", 0, || Ok(unsafe { borrow(message) }?.sys_flag()))
}

/// Gives the bytes a message takes in the broker's log.
///
/// @param message  borrowed; NULL answers -1
/// @returns bytes
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_store_size(message: *const rmq_message) -> i32 {
    // SAFETY: NULL or a message that lives, as the documentation asks.
    guard::value("rmq_message_store_size", -1, || Ok(unsafe { borrow(message) }?.store_size()))
}

/// Gives the checksum of the stored body.
///
/// @param message  borrowed; NULL answers 0
/// @returns CRC-32 without its top bit
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_body_crc(message: *const rmq_message) -> i32 {
    // SAFETY: NULL or a message that lives, as the documentation asks.
    guard::value("rmq_message_body_crc", 0, || Ok(unsafe { borrow(message) }?.body_crc()))
}

/// Gives where the prepared half of a transactional message is stored.
///
/// @param message  borrowed; NULL answers -1
/// @returns the place in the log; 0 without
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_prepared_transaction_offset(message: *const rmq_message) -> i64 {
    guard::value("rmq_message_prepared_transaction_offset", -1, || {
        // SAFETY: NULL or a message that lives, as the documentation asks.
        Ok(unsafe { borrow(message) }?.prepared_transaction_offset())
    })
}

/// Gives everything but the body as a JSON object: for languages in which one call is cheaper than twenty.
///
/// @param message  borrowed; must not be NULL
/// @param buf      gets the object and a NUL; NULL with size 0 only asks for the size
/// @param size     bytes of buf
/// @param needed   gets the bytes the object takes, its NUL included; may be NULL
/// @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_to_json(
    message: *const rmq_message,
    buf: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> rmq_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_message_to_json", || unsafe {
        buffer::fill(&borrow(message)?.to_json(), buf, size, needed)
    })
}

/// Copies a message, to keep it beyond its batch. The copy is of this one message; it holds nothing else in memory.
///
/// @param message  borrowed, lent or a copy; must not be NULL
/// @returns a copy; NULL if message is NULL
/// @par Thread-safety  any thread
/// @par Ownership      the caller's; end it with rmq_message_release. It may outlive the consumer
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_retain(message: *const rmq_message) -> *mut rmq_message {
    guard::value("rmq_message_retain", ptr::null_mut(), || {
        // SAFETY: NULL or a message that lives, as the documentation asks.
        let copy = unsafe { borrow(message) }?.detach();
        Ok(Box::into_raw(Box::new(copy)).cast())
    })
}

/// Ends a copy that rmq_message_retain made. A message lent by a batch must not be released.
///
/// @param message  a copy of the caller's, or NULL, which does nothing
/// @par Thread-safety  any thread, when no other uses it any more
/// @par Ownership      ends
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_release(message: *mut rmq_message) {
    guard::value("rmq_message_release", (), || {
        if !message.is_null() {
            // SAFETY: it came from rmq_message_retain as a box, and the caller ends its use here.
            drop(unsafe { Box::from_raw(message.cast::<Message>()) });
        }
        Ok(())
    });
}

/// The pointer and length of a text, NULL and 0 for none.
///
/// # Safety
/// `len` is NULL or may be written to.
pub(super) unsafe fn give(text: Option<CText<'_>>, len: *mut usize) -> *const c_char {
    // SAFETY: as this function's own.
    unsafe { handle::store(len, text.map_or(0, CText::len)) };
    text.map_or(ptr::null(), CText::as_ptr)
}

/// # Safety
/// `message` is NULL or a message that outlives `'a`.
unsafe fn borrow<'a>(message: *const rmq_message) -> Result<&'a Message> {
    // SAFETY: as this function's own; the handle is the address of a `Message`.
    unsafe { handle::borrow(message.cast::<Message>(), "message") }
}

/// # Safety
/// As for [`borrow`]; `len` is NULL or may be written to.
pub(super) unsafe fn text(
    message: *const rmq_message,
    which: Text,
    len: *mut usize,
) -> Result<*const c_char> {
    // SAFETY: as this function's own.
    unsafe {
        handle::store(len, 0);
        Ok(give(borrow(message)?.c_text(which), len))
    }
}
