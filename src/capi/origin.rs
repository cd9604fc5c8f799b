//! Dead letters: where they are, and what they were.

use std::ffi::c_char;
use std::ptr;

use super::error::rmq_code;
use super::message::{rmq_message, text};
use super::{buffer, guard, handle};
use crate::consumer::dead_letter_topic;
use crate::message::Text;

/// Gives the topic of the messages that a group has given up: subscribe to it, or assign it, with a group of your own.
/// It exists from the first dead letter on.
///
/// @param group   the group that gave up, as in its "consumer.group"; must not be NULL
/// @param buf     gets the topic and a NUL; NULL with size 0 only asks for the size
/// @param size    bytes of buf; 126 are enough for every group
/// @param needed  gets the bytes the text takes, its NUL included; may be NULL
/// @returns RMQ_OK; RMQ_E_INVALID_ARG if group is no name of a group or a pointer is NULL; RMQ_E_BUFFER_TOO_SMALL;
///          RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_dead_letter_topic(
    group: *const c_char,
    buf: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> rmq_code {
    guard::code("rmq_dead_letter_topic", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe { buffer::fill(&dead_letter_topic(handle::text(group, "group")?)?, buf, size, needed) }
    })
}

/// Gives the topic a message was first sent to. Other than rmq_message_topic it looks behind a dead letter, too.
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_origin_topic(
    message: *const rmq_message,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_origin_topic", ptr::null(), || unsafe { text(message, Text::OriginTopic, len) })
}

/// Gives what rmq_message_msg_id gave when a message was delivered for the first time: the id that its producer knows.
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_origin_msg_id(
    message: *const rmq_message,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_origin_msg_id", ptr::null(), || unsafe {
        text(message, Text::OriginMessageId, len)
    })
}

/// Gives what rmq_message_offset_msg_id gave when a message was delivered for the first time: where its first copy is
/// stored, for "mqadmin queryMsgById".
///
/// @param message  borrowed; NULL answers NULL
/// @param len      gets the bytes before the NUL; may be NULL
/// @returns a UTF-8 text that lives as long as the message; NULL if nobody noted it, as for a retry that a Java
///          consumer published by itself because no broker took it back
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_message_origin_offset_msg_id(
    message: *const rmq_message,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_message_origin_offset_msg_id", ptr::null(), || unsafe {
        text(message, Text::OriginOffsetMessageId, len)
    })
}
