//! All messages of a batch in one call, for languages in which each call costs.

use std::ffi::c_char;
use std::mem::{align_of, size_of};
use std::ptr;

use super::batch::{borrow, rmq_batch};
use super::{guard, handle};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::message::property::name;

/// What a message holds, to be read without further calls; rmq_batch_views fills it. Pointers live as long as the
/// batch. The texts are UTF-8 and have no NUL behind them: use their lengths. The rest of a message (properties, ids,
/// addresses) is that of rmq_batch_at with the same index. The struct grows only at its end.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rmq_message_view {
    /// As rmq_message_topic.
    pub topic: *const c_char,
    /// Bytes of topic.
    pub topic_len: usize,
    /// As rmq_message_body: not NULL even when body_len is 0.
    pub body: *const u8,
    /// Bytes of body.
    pub body_len: usize,
    /// As rmq_message_tags; NULL if the message has none.
    pub tags: *const c_char,
    /// Bytes of tags.
    pub tags_len: usize,
    /// As rmq_message_keys; NULL if the message has none.
    pub keys: *const c_char,
    /// Bytes of keys.
    pub keys_len: usize,
    /// As rmq_message_msg_id.
    pub msg_id: *const c_char,
    /// Bytes of msg_id.
    pub msg_id_len: usize,
    /// As rmq_message_queue_offset.
    pub queue_offset: i64,
    /// As rmq_message_commit_log_offset.
    pub commit_log_offset: i64,
    /// As rmq_message_born_timestamp.
    pub born_timestamp: i64,
    /// As rmq_message_store_timestamp.
    pub store_timestamp: i64,
    /// As rmq_message_prepared_transaction_offset.
    pub prepared_transaction_offset: i64,
    /// As rmq_message_queue_id.
    pub queue_id: i32,
    /// As rmq_message_reconsume_times.
    pub reconsume_times: i32,
    /// As rmq_message_flag.
    pub flag: i32,
    /// As rmq_message_sys_flag.
    pub sys_flag: i32,
    /// As rmq_message_store_size.
    pub store_size: i32,
    /// As rmq_message_body_crc.
    pub body_crc: i32,
}

/// The size of the struct in the first version that had it: no caller has a smaller one.
const FIRST_SIZE: usize = 10 * size_of::<usize>() + 5 * 8 + 6 * 4;

// Without gaps, so that every byte of it may be copied, and a field that is added lies behind all others.
const _: () = assert!(size_of::<rmq_message_view>() == FIRST_SIZE);

/// Fills views of the messages of a batch, in their order, in one call. Nothing is copied but the views.
///
/// @param batch   lent or the caller's; must not be NULL
/// @param views   room for max structs that begin stride bytes apart; must not be NULL
/// @param stride  sizeof(rmq_message_view) as the caller knows it: of a longer one, from a newer header, the end is
///                zeroed
/// @param max     how many to fill at most, from 1; rmq_batch_count says how many there are
/// @returns how many were filled, at least 1; 0 on failure, with RMQ_E_INVALID_ARG in rmq_last_error_code: batch or
///          views is NULL, views is not aligned, stride is no size this struct ever had, or max is 0
/// @par Thread-safety  any thread
/// @par Ownership      what the views point to is the batch's and lives as long
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_batch_views(
    batch: *const rmq_batch,
    views: *mut rmq_message_view,
    stride: usize,
    max: usize,
) -> usize {
    guard::value("rmq_batch_views", 0, || {
        // SAFETY: NULL, lent or the caller's, as the documentation asks.
        let batch = unsafe { borrow(batch) }?;
        let count = max.min(batch.len());
        check(views, stride, max, count)?;
        let size = stride.min(size_of::<rmq_message_view>());
        let mut place = views.cast::<u8>();
        for message in &batch.messages()[..count] {
            let view = rmq_message_view::of(message);
            // SAFETY: the caller has room for `count` times `stride` bytes, which is at least `size`; the struct is
            // read as bytes, of which all are set since it has no gaps.
            unsafe {
                ptr::copy_nonoverlapping(ptr::from_ref(&view).cast::<u8>(), place, size);
                place.add(size).write_bytes(0, stride - size);
                place = place.add(stride);
            }
        }
        Ok(count)
    })
}

impl rmq_message_view {
    /// Takes the texts from where they were pulled to: a NUL behind them would cost a copy.
    fn of(message: &Message) -> rmq_message_view {
        let body = message.body();
        let id = message.property_bytes(name::UNIQ_KEY);
        let id = id.unwrap_or_else(|| message.offset_message_id().as_bytes());
        let (topic, topic_len) = text(Some(message.topic().as_bytes()));
        let (tags, tags_len) = text(message.property_bytes(name::TAGS));
        let (keys, keys_len) = text(message.property_bytes(name::KEYS));
        let (msg_id, msg_id_len) = text(Some(id));
        rmq_message_view {
            topic,
            topic_len,
            body: body.as_ptr(),
            body_len: body.len(),
            tags,
            tags_len,
            keys,
            keys_len,
            msg_id,
            msg_id_len,
            queue_offset: message.queue_offset(),
            commit_log_offset: message.commit_log_offset(),
            born_timestamp: message.born_timestamp(),
            store_timestamp: message.store_timestamp(),
            prepared_transaction_offset: message.prepared_transaction_offset(),
            queue_id: message.queue_id(),
            reconsume_times: message.reconsume_times(),
            flag: message.flag(),
            sys_flag: message.sys_flag(),
            store_size: message.store_size(),
            body_crc: message.body_crc(),
        }
    }
}

fn text(bytes: Option<&[u8]>) -> (*const c_char, usize) {
    bytes.map_or((ptr::null(), 0), |bytes| (bytes.as_ptr().cast(), bytes.len()))
}

fn check(views: *const rmq_message_view, stride: usize, max: usize, count: usize) -> Result<()> {
    let align = align_of::<rmq_message_view>();
    let wrong = if views.is_null() {
        return Err(handle::null("views"));
    } else if !views.is_aligned() {
        format!("views is {views:p}: allowed are multiples of {align}")
    } else if stride < FIRST_SIZE || !stride.is_multiple_of(align) {
        format!(
            "stride is {stride}: allowed is sizeof(rmq_message_view), from {FIRST_SIZE}, a multiple of {align}"
        )
    } else if max == 0 {
        "max is 0: allowed is 1 and more".to_owned()
    } else if stride.checked_mul(count).is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        format!("stride is {stride}: {count} of them are more than memory has")
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::InvalidArgument, wrong))
}
