//! Events: by callback, or by poll.

use std::ffi::{CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use super::callback::rmq_free_cb;
use super::consumer::{Inner, rmq_consumer, wait};
use super::error::{RMQ_OK, owned, rmq_code};
use super::userdata::{self, Userdata};
use super::{guard, handle, quick};
use crate::consumer::{Event, EventHandler};
use crate::error::{Error, ErrorKind};

/// Event: queues were assigned to the consumer.
pub const RMQ_EVENT_ASSIGNED: i32 = 1;
/// Event: queues are about to be given up. What is held of them may still be settled.
pub const RMQ_EVENT_REVOKING: i32 = 2;
/// Event: queues were given up.
pub const RMQ_EVENT_RELEASED: i32 = 4;
/// Event: something failed that was not the direct answer to a call.
pub const RMQ_EVENT_ERROR: i32 = 8;
/// Event: a bug in the library ended the consumer.
pub const RMQ_EVENT_FATAL: i32 = 16;
/// Event: the group is not set up as it should be; in broadcasting also that messages failed, which do not come again,
/// or that the offsets were read from the backup of their file.
pub const RMQ_EVENT_WARNING: i32 = 32;
/// Event: messages have been in a callback or unsettled for longer than "slow.message.ms".
pub const RMQ_EVENT_SLOW_MESSAGE: i32 = 64;
/// Event: messages outran "consume.timeout.ms".
pub const RMQ_EVENT_CONSUME_TIMEOUT: i32 = 128;
/// Event: the statistics, every "stats.interval.ms". Only the newest waits for rmq_consumer_poll_event.
pub const RMQ_EVENT_STATS: i32 = 256;
/// Event: a log record, with "log.queue". At most 512 wait for rmq_consumer_poll_event, beside the other events.
pub const RMQ_EVENT_LOG: i32 = 512;
/// Event: a queue was not pulled, or its progress not committed, for "watchdog.queue.ms", and is begun anew.
pub const RMQ_EVENT_STALLED: i32 = 1024;
/// Mask: every event, those of kinds that are added later too.
pub const RMQ_EVENT_EVERY: i32 = 0x7fff_ffff;

/// Something that happened to a consumer. From rmq_consumer_poll_event it is the caller's, ended by rmq_event_destroy;
/// an event callback has it lent until it returns.
pub struct rmq_event {
    kind: i32,
    code: rmq_code,
    level: i32,
    count: i64,
    target: Option<CString>,
    text: CString,
    json: CString,
    /// Kept to its end: dropping it may let a hand-over go on.
    _event: Option<Event>,
}

impl rmq_event {
    fn of(event: &Event) -> rmq_event {
        rmq_event {
            kind: event.kind() as i32,
            code: event.error_kind().map_or(RMQ_OK, ErrorKind::number),
            level: event.level() as i32,
            count: i64::try_from(event.count()).unwrap_or(i64::MAX),
            target: event.target().map(owned),
            text: owned(event.text()),
            json: owned(&event.json()),
            _event: None,
        }
    }
}

/// Gets an event, on the thread rmq-event of the library: one at a time, in their order. It may block; a hand-over
/// waits for RMQ_EVENT_REVOKING up to "rebalance.handover.timeout.ms". It may call every function but
/// rmq_consumer_shutdown, rmq_consumer_wait_stopped and rmq_consumer_destroy of its consumer. The event is lent until
/// it returns. Kinds that are not known shall be ignored. No exception may leave it.
pub type rmq_event_cb = Option<
    unsafe extern "C-unwind" fn(consumer: *mut rmq_consumer, event: *const rmq_event, userdata: *mut c_void),
>;

type EventFunction = unsafe extern "C-unwind" fn(*mut rmq_consumer, *const rmq_event, *mut c_void);

/// Sets the function that gets events, before the start. Without one they wait for rmq_consumer_poll_event.
///
/// @param consumer       must not be NULL
/// @param mask           RMQ_EVENT_* joined by |, or RMQ_EVENT_EVERY; events of other kinds are dropped
/// @param callback       see rmq_event_cb; NULL takes the present one away
/// @param userdata       passed back to the callback; may be NULL
/// @param free_userdata  frees userdata; may be NULL
/// @returns RMQ_OK; RMQ_E_STATE after the start; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC. On failure userdata
///          stays the caller's
/// @par Thread-safety  any thread
/// @par Ownership      userdata is taken over; that of the callback before is freed before this returns
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_set_event_callback(
    consumer: *mut rmq_consumer,
    mask: i32,
    callback: rmq_event_cb,
    userdata: *mut c_void,
    free_userdata: rmq_free_cb,
) -> rmq_code {
    guard::code("rmq_consumer_set_event_callback", || {
        let handler = callback
            .map(|function| -> Arc<dyn EventHandler> { Arc::new(Callback { function, consumer, userdata }) });
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe {
            userdata::install(
                consumer,
                Inner::event_userdata,
                Userdata::new(userdata, free_userdata),
                |engine| {
                    if mask <= 0 {
                        let text = format!("mask is {mask}: RMQ_EVENT_* joined by |, or RMQ_EVENT_EVERY");
                        return Err(Error::new(ErrorKind::InvalidArgument, text));
                    }
                    engine.set_event_handler(handler, mask)
                },
            )
        }
    })
}

/// Takes the oldest event that waits. At most 1024 wait; then the oldest make room and are counted in the statistics.
/// Log records have 512 places of their own, and of RMQ_EVENT_STATS only the newest waits.
///
/// @param consumer    must not be NULL
/// @param timeout_ms  how long to wait for one; 0 does not wait, -1 waits without a bound
/// @param event       gets the event; NULL is stored on failure; must not be NULL
/// @returns RMQ_OK; RMQ_E_TIMEOUT if none came; RMQ_E_CLOSED if the consumer is stopped and none is left; RMQ_E_STATE
///          if an event callback is set; RMQ_E_INVALID_ARG; RMQ_E_IN_CALLBACK from a log callback; RMQ_E_FORKED;
///          RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @par Ownership      the event is the caller's; end it with rmq_event_destroy
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_poll_event(
    consumer: *mut rmq_consumer,
    timeout_ms: i32,
    event: *mut *mut rmq_event,
) -> rmq_code {
    guard::code("rmq_consumer_poll_event", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            handle::store(event, ptr::null_mut());
            guard::on_consumer(consumer, |inner| {
                quick::refuse_inside("rmq_consumer_poll_event")?;
                if event.is_null() {
                    return Err(handle::null("event"));
                }
                let taken = inner.engine().poll_event(wait(timeout_ms)?)?;
                let made = rmq_event::of(&taken);
                handle::store(event, Box::into_raw(Box::new(rmq_event { _event: Some(taken), ..made })));
                Ok(())
            })
        }
    })
}

/// Gives the kind of an event.
///
/// @param event  borrowed; NULL answers 0
/// @returns one of RMQ_EVENT_*, or a kind that is newer than the header
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_event_kind(event: *const rmq_event) -> i32 {
    // SAFETY: NULL or a live event, as the documentation asks.
    guard::value("rmq_event_kind", 0, || unsafe { Ok(handle::borrow(event, "event")?.kind) })
}

/// Gives the code of an event of a failure.
///
/// @param event  borrowed; NULL answers RMQ_E_INVALID_ARG
/// @returns the code; RMQ_OK for an event that is no failure
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_event_code(event: *const rmq_event) -> rmq_code {
    let mut code = RMQ_OK;
    let failed = guard::code("rmq_event_code", || {
        // SAFETY: NULL or a live event, as the documentation asks.
        code = unsafe { handle::borrow(event, "event") }?.code;
        Ok(())
    });
    if failed == RMQ_OK { code } else { failed }
}

/// Gives how much an event matters.
///
/// @param event  borrowed; NULL answers 0
/// @returns one of RMQ_LOG_*
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_event_level(event: *const rmq_event) -> i32 {
    // SAFETY: NULL or a live event, as the documentation asks.
    guard::value("rmq_event_level", 0, || unsafe { Ok(handle::borrow(event, "event")?.level) })
}

/// Gives an event as a sentence.
///
/// @param event  borrowed; NULL answers NULL
/// @returns a text that lives as long as the event
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_event_text(event: *const rmq_event) -> *const c_char {
    // SAFETY: NULL or a live event, as the documentation asks.
    guard::value("rmq_event_text", ptr::null(), || unsafe {
        Ok(handle::borrow(event, "event")?.text.as_ptr())
    })
}

/// Gives an event as a JSON object. Its members are told in docs/events.md; of RMQ_EVENT_STATS it is what
/// rmq_consumer_stats_json gives.
///
/// @param event  borrowed; NULL answers NULL
/// @returns a text that lives as long as the event
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_event_json(event: *const rmq_event) -> *const c_char {
    // SAFETY: NULL or a live event, as the documentation asks.
    guard::value("rmq_event_json", ptr::null(), || unsafe {
        Ok(handle::borrow(event, "event")?.json.as_ptr())
    })
}

/// Gives the part of the library that speaks: of RMQ_EVENT_ERROR and RMQ_EVENT_LOG, as rmq_log_cb gets it.
///
/// @param event  borrowed; NULL answers NULL
/// @returns a text that lives as long as the event; NULL for an event of another kind
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_event_target(event: *const rmq_event) -> *const c_char {
    // SAFETY: NULL or a live event, as the documentation asks.
    guard::value("rmq_event_target", ptr::null(), || unsafe {
        Ok(handle::borrow(event, "event")?.target.as_ref().map_or(ptr::null(), |target| target.as_ptr()))
    })
}

/// Gives for how many events of its like an event stands. Equal failures and warnings within a second are held back:
/// the first comes at once, and when the second is over the newest of the others comes for all of them.
///
/// @param event  borrowed; NULL answers 0
/// @returns 1 and more
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_event_count(event: *const rmq_event) -> i64 {
    // SAFETY: NULL or a live event, as the documentation asks.
    guard::value("rmq_event_count", 0, || unsafe { Ok(handle::borrow(event, "event")?.count) })
}

/// Ends an event that rmq_consumer_poll_event gave.
///
/// @param event  the caller's, not one lent to a callback; NULL does nothing
/// @par Thread-safety  any thread
/// @par Ownership      ends here
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_event_destroy(event: *mut rmq_event) {
    guard::value("rmq_event_destroy", (), || {
        if !event.is_null() {
            // SAFETY: it came from rmq_consumer_poll_event as a box, and the caller ends its use here.
            drop(unsafe { Box::from_raw(event) });
        }
        Ok(())
    });
}

/// The engine's view of the callback. It borrows the userdata, which the consumer's handle owns.
struct Callback {
    function: EventFunction,
    consumer: *mut rmq_consumer,
    userdata: *mut c_void,
}

// SAFETY: the pointers are only passed back to the host, who was told that a library thread calls; both outlive the last
// call, since a consumer ends only after its shutdown.
unsafe impl Send for Callback {}
// SAFETY: as above; nothing in it changes.
unsafe impl Sync for Callback {}

impl EventHandler for Callback {
    fn handle(&self, event: &Event) {
        let lent = rmq_event::of(event);
        // SAFETY: the function is the host's, its arguments live until it returns.
        let call = || unsafe { (self.function)(self.consumer, &raw const lent, self.userdata) };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
            guard::swallow(payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::EventKind;

    #[test]
    fn kinds_are_the_engines() {
        let pairs = [
            (EventKind::Assigned, RMQ_EVENT_ASSIGNED),
            (EventKind::Revoking, RMQ_EVENT_REVOKING),
            (EventKind::Released, RMQ_EVENT_RELEASED),
            (EventKind::Error, RMQ_EVENT_ERROR),
            (EventKind::Fatal, RMQ_EVENT_FATAL),
            (EventKind::Warning, RMQ_EVENT_WARNING),
            (EventKind::SlowMessage, RMQ_EVENT_SLOW_MESSAGE),
            (EventKind::ConsumeTimeout, RMQ_EVENT_CONSUME_TIMEOUT),
            (EventKind::Stats, RMQ_EVENT_STATS),
            (EventKind::Log, RMQ_EVENT_LOG),
            (EventKind::Stalled, RMQ_EVENT_STALLED),
        ];
        assert!(pairs.iter().all(|(kind, number)| *kind as i32 == *number));
        assert_eq!(EventKind::EVERY, RMQ_EVENT_EVERY);
    }
}
