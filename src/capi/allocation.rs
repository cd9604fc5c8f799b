//! The user's own strategy: from the engine's allocator to C.

use std::ffi::{CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use super::callback::rmq_free_cb;
use super::consumer::{Inner, rmq_consumer};
use super::error::{owned, rmq_code};
use super::userdata::{self, Userdata};
use super::{guard, handle};
use crate::consumer::{Allocator, Division, Share};
use crate::error::{Error, ErrorKind, Result};

/// What an allocate callback answers: the queues are chosen.
pub const RMQ_ALLOCATE_SUCCESS: i32 = 1;
/// What an allocate callback answers: divide this topic as the strategy "avg" does.
pub const RMQ_ALLOCATE_AVG: i32 = 2;

/// The queues of one topic, and the members of the group to divide them among. Lent to an allocate callback until it
/// returns; for its thread only.
pub struct rmq_allocation {
    topic: CString,
    client_id: CString,
    members: Vec<CString>,
    /// Broker and number of each.
    queues: Vec<(CString, i32)>,
}

impl rmq_allocation {
    fn of(division: &Division) -> rmq_allocation {
        rmq_allocation {
            topic: owned(&division.topic),
            client_id: owned(&division.client_id),
            members: division.members.iter().map(|member| owned(member)).collect(),
            queues: division.queues.iter().map(|queue| (owned(&queue.broker), queue.id)).collect(),
        }
    }

    fn member(&self, index: usize) -> Result<&CString> {
        self.members.get(index).ok_or_else(|| no_such(index, self.members.len(), "members"))
    }

    fn queue(&self, index: usize) -> Result<&(CString, i32)> {
        self.queues.get(index).ok_or_else(|| no_such(index, self.queues.len(), "queues"))
    }
}

fn no_such(index: usize, count: usize, what: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("index is {index}: there are {count} {what}"))
}

/// Chooses the queues of one topic for this consumer; asked for each topic, the retry topic of the group too, at every
/// rebalance. All members must come to the same division: a queue that two choose is consumed by both, one that nobody
/// chooses by nobody.
///
/// It writes the indexes of the queues it takes to taken, which has room for as many as there are queues, and their
/// number to count, which is 0 before. It returns RMQ_ALLOCATE_SUCCESS, or RMQ_ALLOCATE_AVG, and then taken does not
/// matter. After any other answer, and after an index that is not there or is given twice, or a count that is too
/// large, the consumer keeps the queues of the topic that it has, reports the failure, and asks again after a second.
///
/// It runs on a thread rmq-alloc of the library, one call at a time, and may block: the queues stay as they are so
/// long, and a shutdown waits for it. It may call every function but rmq_consumer_shutdown and rmq_consumer_destroy of
/// its consumer. No exception may leave it.
pub type rmq_allocate_cb = Option<
    unsafe extern "C-unwind" fn(
        consumer: *mut rmq_consumer,
        allocation: *const rmq_allocation,
        taken: *mut usize,
        count: *mut usize,
        userdata: *mut c_void,
    ) -> i32,
>;

type AllocateFunction = unsafe extern "C-unwind" fn(
    *mut rmq_consumer,
    *const rmq_allocation,
    *mut usize,
    *mut usize,
    *mut c_void,
) -> i32;

/// Sets the function that divides the queues, for the property "allocate.strategy" = "custom". One is needed before the
/// start then; it cannot be changed after.
///
/// @param consumer       must not be NULL
/// @param callback       see rmq_allocate_cb; NULL takes the present one away
/// @param userdata       passed back to the callback; may be NULL
/// @param free_userdata  frees userdata; may be NULL
/// @returns RMQ_OK; RMQ_E_CONFIG_VALUE if another strategy is configured; RMQ_E_STATE after the start;
///          RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC. On failure userdata stays the caller's
/// @par Thread-safety  any thread
/// @par Ownership      userdata is taken over; that of the callback before is freed before this returns
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_set_allocate_callback(
    consumer: *mut rmq_consumer,
    callback: rmq_allocate_cb,
    userdata: *mut c_void,
    free_userdata: rmq_free_cb,
) -> rmq_code {
    guard::code("rmq_consumer_set_allocate_callback", || {
        let allocator = callback
            .map(|function| -> Arc<dyn Allocator> { Arc::new(Callback { function, consumer, userdata }) });
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe {
            userdata::install(
                consumer,
                Inner::allocate_userdata,
                Userdata::new(userdata, free_userdata),
                |engine| engine.set_allocator(allocator),
            )
        }
    })
}

/// Gives the topic whose queues are divided.
///
/// @param allocation  borrowed; NULL answers NULL
/// @param len         gets the bytes before the NUL; may be NULL
/// @returns a text that lives until the callback returns
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_allocation_topic(
    allocation: *const rmq_allocation,
    len: *mut usize,
) -> *const c_char {
    guard::value("rmq_allocation_topic", ptr::null(), || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe { give(allocation, len, |allocation| Ok(&allocation.topic)) }
    })
}

/// Gives the client id of the consumer that is asked; it is among the members.
///
/// @param allocation  borrowed; NULL answers NULL
/// @param len         gets the bytes before the NUL; may be NULL
/// @returns a text that lives until the callback returns
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_allocation_client_id(
    allocation: *const rmq_allocation,
    len: *mut usize,
) -> *const c_char {
    guard::value("rmq_allocation_client_id", ptr::null(), || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe { give(allocation, len, |allocation| Ok(&allocation.client_id)) }
    })
}

/// Counts the members of the group.
///
/// @param allocation  borrowed; NULL answers 0
/// @returns at least 1
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_allocation_member_count(allocation: *const rmq_allocation) -> usize {
    guard::value("rmq_allocation_member_count", 0, || {
        // SAFETY: NULL or lent to the running callback, as the documentation asks.
        Ok(unsafe { handle::borrow(allocation, "allocation") }?.members.len())
    })
}

/// Gives the client id of a member. All members see them in the same order.
///
/// @param allocation  borrowed; NULL answers NULL
/// @param index       from 0
/// @param len         gets the bytes before the NUL; may be NULL
/// @returns a text that lives until the callback returns; NULL behind the last one
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_allocation_member_at(
    allocation: *const rmq_allocation,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    guard::value("rmq_allocation_member_at", ptr::null(), || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe { give(allocation, len, |allocation| allocation.member(index)) }
    })
}

/// Counts the queues of the topic.
///
/// @param allocation  borrowed; NULL answers 0
/// @returns at least 1; the callback's array has room for as many indexes
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_allocation_queue_count(allocation: *const rmq_allocation) -> usize {
    guard::value("rmq_allocation_queue_count", 0, || {
        // SAFETY: NULL or lent to the running callback, as the documentation asks.
        Ok(unsafe { handle::borrow(allocation, "allocation") }?.queues.len())
    })
}

/// Gives the name of a queue's broker. All members see the queues in the same order, by broker and number.
///
/// @param allocation  borrowed; NULL answers NULL
/// @param index       from 0
/// @param len         gets the bytes before the NUL; may be NULL
/// @returns a text that lives until the callback returns; NULL behind the last one
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_allocation_queue_broker(
    allocation: *const rmq_allocation,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    guard::value("rmq_allocation_queue_broker", ptr::null(), || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe { give(allocation, len, |allocation| Ok(&allocation.queue(index)?.0)) }
    })
}

/// Gives the number of a queue at its broker.
///
/// @param allocation  borrowed; NULL answers -1
/// @param index       from 0
/// @returns the number; -1 behind the last one
/// @par Thread-safety  the callback's thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_allocation_queue_id(allocation: *const rmq_allocation, index: usize) -> i32 {
    guard::value("rmq_allocation_queue_id", -1, || {
        // SAFETY: NULL or lent to the running callback, as the documentation asks.
        Ok(unsafe { handle::borrow(allocation, "allocation") }?.queue(index)?.1)
    })
}

/// Gives a text of an allocation.
///
/// # Safety
/// `allocation` is NULL or lent to the running callback; `len` is NULL or may be written to.
unsafe fn give(
    allocation: *const rmq_allocation,
    len: *mut usize,
    text: impl FnOnce(&rmq_allocation) -> Result<&CString>,
) -> Result<*const c_char> {
    // SAFETY: as this function's own.
    unsafe {
        handle::store(len, 0);
        let text = text(handle::borrow(allocation, "allocation")?)?;
        handle::store(len, text.as_bytes().len());
        Ok(text.as_ptr())
    }
}

/// The engine's view of the callback. It borrows the userdata, which the consumer's handle owns.
struct Callback {
    function: AllocateFunction,
    consumer: *mut rmq_consumer,
    userdata: *mut c_void,
}

// SAFETY: the pointers are only passed back to the host, who was told that the callback runs on a library thread; both
// outlive the last call, since a consumer ends only after its shutdown.
unsafe impl Send for Callback {}
// SAFETY: as above; nothing in it changes.
unsafe impl Sync for Callback {}

impl Allocator for Callback {
    fn allocate(&self, division: &Division) -> Result<Share> {
        let lent = rmq_allocation::of(division);
        let (mut taken, mut count) = (vec![usize::MAX; division.queues.len()], 0);
        // SAFETY: the function is the host's, its arguments live until it returns. It is declared "C-unwind": a C++
        // exception that leaves it meets `catch_unwind` and ends the process with a message, instead of passing
        // through frames that do not expect it.
        let call = || unsafe {
            (self.function)(
                self.consumer,
                ptr::from_ref(&lent),
                taken.as_mut_ptr(),
                &raw mut count,
                self.userdata,
            )
        };
        let answer = catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
            let text = format!("the allocate callback panicked: {}", guard::swallow(payload));
            Error::new(ErrorKind::Panic, text)
        })?;
        let wrong = match answer {
            RMQ_ALLOCATE_AVG => return Ok(Share::Avg),
            RMQ_ALLOCATE_SUCCESS if count <= taken.len() => {
                taken.truncate(count);
                return Ok(Share::Queues(taken));
            }
            RMQ_ALLOCATE_SUCCESS => format!("took {count} of {} queues", taken.len()),
            other => format!("answered {other}"),
        };
        let text = format!("the allocate callback {wrong} for {}", division.topic);
        Err(Error::new(ErrorKind::InvalidArgument, text))
    }
}
