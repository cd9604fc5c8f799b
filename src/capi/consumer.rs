//! The consumer handle.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::config::rmq_config;
use super::error::{RMQ_OK, owned, rmq_code};
use super::fork::Process;
use super::log::{LogGate, LogSink};
use super::userdata::Userdata;
use super::{buffer, guard, handle};
use crate::consumer::{Consumer, State};
use crate::error::{Error, ErrorKind, Result};
use crate::log::Log;

/// Made and not started.
pub const RMQ_STATE_CREATED: i32 = 1;
/// rmq_consumer_start is running.
pub const RMQ_STATE_STARTING: i32 = 2;
/// Consuming.
pub const RMQ_STATE_RUNNING: i32 = 3;
/// Being shut down.
pub const RMQ_STATE_STOPPING: i32 = 4;
/// Shut down; it cannot be started again.
pub const RMQ_STATE_STOPPED: i32 = 5;
/// A bug in the library ended it. It may only be destroyed; until then callbacks may still run.
pub const RMQ_STATE_FATAL: i32 = 6;

/// A member of a consumer group; made by rmq_consumer_new, ended by rmq_consumer_destroy. Any thread.
pub struct rmq_consumer {
    /// Shared with every call that is running, so that a destroy meanwhile takes nothing away from under it.
    inner: Arc<Inner>,
}

impl rmq_consumer {
    pub(super) fn share(&self) -> Arc<Inner> {
        Arc::clone(&self.inner)
    }
}

/// What a consumer handle stands for.
pub(super) struct Inner {
    process: Process,
    engine: Consumer,
    client_id: OnceLock<CString>,
    callback_userdata: Mutex<Option<Userdata>>,
    event_userdata: Mutex<Option<Userdata>>,
    allocate_userdata: Mutex<Option<Userdata>>,
    wakeup_userdata: Mutex<Option<Userdata>>,
    log_gate: LogGate,
    log_sink: Mutex<Option<LogSink>>,
}

impl Inner {
    pub(super) fn process(&self) -> Process {
        self.process
    }

    pub(super) fn engine(&self) -> &Consumer {
        &self.engine
    }

    pub(super) fn callback_userdata(&self) -> MutexGuard<'_, Option<Userdata>> {
        self.callback_userdata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn event_userdata(&self) -> MutexGuard<'_, Option<Userdata>> {
        self.event_userdata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn allocate_userdata(&self) -> MutexGuard<'_, Option<Userdata>> {
        self.allocate_userdata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wakeup_userdata(&self) -> MutexGuard<'_, Option<Userdata>> {
        self.wakeup_userdata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees what belongs to the host, on this thread; no callback runs any more.
    pub(super) fn free_userdata(&self) {
        self.log_gate.close();
        for owner in [
            Inner::callback_userdata,
            Inner::event_userdata,
            Inner::allocate_userdata,
            Inner::wakeup_userdata,
        ] {
            // The lock is free again before the host's function runs.
            let userdata = owner(self).take();
            drop(userdata);
        }
        let sink = self.log_sink.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(sink);
    }
}

/// Makes a consumer. It copies the configuration, talks to nobody and starts no thread.
///
/// @param config  borrowed; must not be NULL
/// @param errbuf  gets the text of a failure, cut to size; may be NULL
/// @param size    bytes of errbuf
/// @returns a handle; NULL on failure, with the text in errbuf and rmq_last_error_message and the code in
///          rmq_last_error_code: RMQ_E_CONFIG_MISSING if the group or the name servers are not set; RMQ_E_CONFIG_VALUE
///          if values contradict each other, or in broadcasting if the file of the offsets has no usable path;
///          RMQ_E_INVALID_ARG
/// @par Thread-safety  any thread, may be called from a message callback
/// @par Ownership      the caller's; end it with rmq_consumer_destroy
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_new(
    config: *const rmq_config,
    errbuf: *mut c_char,
    size: usize,
) -> *mut rmq_consumer {
    let mut made = ptr::null_mut();
    // SAFETY: pointers are NULL or as documented above.
    unsafe {
        guard::code_told("rmq_consumer_new", (errbuf, size), || {
            made = Box::into_raw(Box::new(make(handle::borrow(config, "config")?)?));
            Ok(())
        });
    }
    made
}

fn make(from: &rmq_config) -> Result<rmq_consumer> {
    let config = from.config.snapshot()?;
    let (log, log_gate) = from
        .log
        .as_ref()
        .map_or_else(|| (Log::off(), LogGate::default()), |sink| sink.open(config.log_level));
    let inner = Inner {
        process: Process::current(),
        engine: Consumer::new(&config, log)?,
        client_id: OnceLock::new(),
        callback_userdata: Mutex::new(None),
        event_userdata: Mutex::new(None),
        allocate_userdata: Mutex::new(None),
        wakeup_userdata: Mutex::new(None),
        log_gate,
        log_sink: Mutex::new(from.log.clone()),
    };
    Ok(rmq_consumer { inner: Arc::new(inner) })
}

/// Subscribes to a topic, or changes its expression; also while the consumer is running.
///
/// @param consumer    must not be NULL
/// @param topic       UTF-8, copied
/// @param expression  UTF-8, copied: tags separated by ||, or * for all; NULL and "" are *
/// @returns RMQ_OK; RMQ_E_INVALID_ARG; RMQ_E_FILTER if a tag is empty or * stands beside tags; RMQ_E_STATE if the
///          consumer is stopped; RMQ_E_FORKED; RMQ_E_PANIC. A tag that looks like a mistake, as "new,paid", is taken
///          and logged as a warning
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_subscribe(
    consumer: *mut rmq_consumer,
    topic: *const c_char,
    expression: *const c_char,
) -> rmq_code {
    guard::code("rmq_consumer_subscribe", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                let expression = handle::text_or(expression, "expression")?.unwrap_or("*");
                inner.engine().subscribe(handle::text(topic, "topic")?, expression)
            })
        }
    })
}

/// Ends the subscription to a topic: its queues are given up. If a pattern matches it, it is then subscribed by that.
///
/// @param consumer  must not be NULL
/// @param topic     UTF-8; one that is not subscribed to does nothing
/// @returns RMQ_OK; RMQ_E_INVALID_ARG, also if only a pattern found the topic (rmq_consumer_unsubscribe_pattern ends
///          it); RMQ_E_STATE if the consumer is stopped; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_unsubscribe(
    consumer: *mut rmq_consumer,
    topic: *const c_char,
) -> rmq_code {
    guard::code("rmq_consumer_unsubscribe", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            guard::on_consumer(consumer, |inner| inner.engine().unsubscribe(handle::text(topic, "topic")?))
        }
    })
}

/// Gives the present subscriptions as JSON: an array with an object for each topic, members "topic", "type" (TAG or
/// SQL92), "expression", "pattern" (the one that found it, or null) and "filters" (expressions by field); then one for
/// each pattern, members "pattern", "type", "expression" and "topics".
///
/// @param consumer  borrowed; must not be NULL
/// @param buf       gets the JSON text and a NUL; NULL with size 0 only asks for the size
/// @param size      bytes of buf
/// @param needed    gets the bytes the text takes, its NUL included; may be NULL
/// @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_subscriptions_json(
    consumer: *const rmq_consumer,
    buf: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> rmq_code {
    guard::code("rmq_consumer_subscriptions_json", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe { give(consumer, (buf, size, needed), Consumer::subscriptions_json) }
    })
}

/// Starts consuming. Blocks at most the property "start.timeout.ms", until a name server and the brokers of the known
/// topics answered; who refuses a connection is tried again until then. A topic without a route does not hold it up.
/// Without a message callback it is for rmq_consumer_poll. With start.timeout.ms=0 a client id that is taken is told
/// later, by an error event and rmq_consumer_last_error.
///
/// @param consumer  must not be NULL
/// @returns RMQ_OK; RMQ_E_STATE if it was started before, or if "allocate.strategy" is custom and no allocate callback
///          is set; RMQ_E_NO_NAMESRV, RMQ_E_CONNECT, RMQ_E_TIMEOUT or a broker's code, after which it may be started
///          again; RMQ_E_DUPLICATE_CLIENT if another consumer of the group has the same client id and keeps it for 3 s,
///          in broadcasting if another keeps its offsets in the same file; RMQ_E_THREAD; RMQ_E_INVALID_ARG;
///          RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_start(consumer: *mut rmq_consumer) -> rmq_code {
    guard::code("rmq_consumer_start", || {
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe { guard::on_consumer(consumer, |inner| inner.engine().start()) }
    })
}

/// Gives the state of a consumer.
///
/// @param consumer  borrowed; must not be NULL
/// @returns one of RMQ_STATE_*, which are positive; RMQ_E_INVALID_ARG, RMQ_E_FORKED or RMQ_E_PANIC, which are negative
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_state(consumer: *const rmq_consumer) -> i32 {
    let mut state = RMQ_OK;
    let code = guard::code("rmq_consumer_state", || {
        // SAFETY: NULL or a live consumer, as the documentation asks.
        state = unsafe { guard::on_consumer(consumer, |inner| Ok(number(inner.engine().state()))) }?;
        Ok(())
    });
    if code == RMQ_OK { state } else { code }
}

/// Tells whether a consumer is consuming.
///
/// @param consumer  borrowed; NULL answers 0
/// @returns 1 in RMQ_STATE_RUNNING, else 0
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_is_started(consumer: *const rmq_consumer) -> i32 {
    guard::value("rmq_consumer_is_started", 0, || {
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe { guard::on_consumer(consumer, |inner| Ok((inner.engine().state() == State::Running).into())) }
    })
}

/// Gives the id by which brokers know this member of its group.
///
/// @param consumer  borrowed; NULL answers NULL
/// @returns a text that lives as long as the consumer; NULL on failure
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_client_id(consumer: *const rmq_consumer) -> *const c_char {
    guard::value("rmq_consumer_client_id", ptr::null(), || {
        // SAFETY: NULL or a live consumer, as the documentation asks.
        unsafe {
            guard::on_consumer(consumer, |inner| {
                Ok(inner.client_id.get_or_init(|| owned(inner.engine().client_id())).as_ptr())
            })
        }
    })
}

/// Gives the text of the last failure of a consumer, on whichever thread it happened; empty when there was none.
///
/// @param consumer  borrowed; must not be NULL
/// @param buf       gets the text and a NUL; NULL with size 0 only asks for the size
/// @param size      bytes of buf
/// @param needed    gets the bytes the text takes, its NUL included; may be NULL
/// @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_last_error(
    consumer: *const rmq_consumer,
    buf: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> rmq_code {
    let text =
        |engine: &Consumer| engine.last_error().map_or_else(String::new, |error| error.text().to_owned());
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_consumer_last_error", || unsafe { give(consumer, (buf, size, needed), text) })
}

/// Gives the text of the bug that left a consumer in RMQ_STATE_FATAL; empty when there was none.
///
/// @param consumer  borrowed; must not be NULL
/// @param buf       gets the text and a NUL; NULL with size 0 only asks for the size
/// @param size      bytes of buf
/// @param needed    gets the bytes the text takes, its NUL included; may be NULL
/// @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_fatal_error(
    consumer: *const rmq_consumer,
    buf: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> rmq_code {
    let text =
        |engine: &Consumer| engine.fatal_error().map_or_else(String::new, |error| error.text().to_owned());
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_consumer_fatal_error", || unsafe { give(consumer, (buf, size, needed), text) })
}

/// Gives the queues that are assigned to a consumer as JSON.
///
/// @param consumer  borrowed; must not be NULL
/// @param buf       gets the JSON text and a NUL; NULL with size 0 only asks for the size
/// @param size      bytes of buf
/// @param needed    gets the bytes the text takes, its NUL included; may be NULL
/// @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_assignment_json(
    consumer: *const rmq_consumer,
    buf: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> rmq_code {
    guard::code("rmq_consumer_assignment_json", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe { give(consumer, (buf, size, needed), Consumer::assignment_json) }
    })
}

/// Gives the statistics of a consumer as JSON: threads, brokers, topics with their queues, callbacks and totals. Each
/// member is told in docs/STATISTICS.md; docs/statistics.schema.json is its JSON Schema. Before the start and after the
/// shutdown there are no brokers, and the totals stay. With "stats.interval.ms" it comes as RMQ_EVENT_STATS too.
///
/// @param consumer  borrowed; must not be NULL
/// @param buf       gets the JSON text and a NUL; NULL with size 0 only asks for the size
/// @param size      bytes of buf
/// @param needed    gets the bytes the text takes, its NUL included; may be NULL
/// @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG; RMQ_E_FORKED; RMQ_E_PANIC
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_consumer_stats_json(
    consumer: *const rmq_consumer,
    buf: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> rmq_code {
    guard::code("rmq_consumer_stats_json", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe { give(consumer, (buf, size, needed), Consumer::stats_json) }
    })
}

/// Gives a text of the engine's.
///
/// # Safety
/// `consumer` is NULL or a live consumer; the buffer is as [`buffer::fill`] asks.
unsafe fn give(
    consumer: *const rmq_consumer,
    (buf, size, needed): (*mut c_char, usize, *mut usize),
    text: impl FnOnce(&Consumer) -> String,
) -> Result<()> {
    // SAFETY: as this function's own.
    unsafe { guard::on_consumer(consumer, |inner| buffer::fill(&text(inner.engine()), buf, size, needed)) }
}

/// A time in milliseconds; -1 leaves it to the configuration.
pub(super) fn millis(timeout_ms: i32) -> Result<Option<Duration>> {
    match u64::try_from(timeout_ms) {
        Ok(millis) => Ok(Some(Duration::from_millis(millis))),
        Err(_) if timeout_ms == -1 => Ok(None),
        Err(_) => {
            let text = format!("timeout_ms is {timeout_ms}: allowed is -1 and more");
            Err(Error::new(ErrorKind::InvalidArgument, text))
        }
    }
}

/// A wait in milliseconds; -1 is without a bound.
pub(super) fn wait(timeout_ms: i32) -> Result<Option<Duration>> {
    millis(timeout_ms)
}

fn number(state: State) -> i32 {
    match state {
        State::Created => RMQ_STATE_CREATED,
        State::Starting => RMQ_STATE_STARTING,
        State::Running => RMQ_STATE_RUNNING,
        State::Stopping => RMQ_STATE_STOPPING,
        State::Stopped => RMQ_STATE_STOPPED,
        State::Fatal => RMQ_STATE_FATAL,
    }
}
