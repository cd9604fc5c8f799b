//! Log records to the host.

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};

use super::callback::rmq_free_cb;
use super::error::owned;
use super::guard;
use super::quick::Inside;
use super::userdata::Userdata;
use crate::log::{Level, Log};

/// Something failed that the library cannot mend.
pub const RMQ_LOG_ERROR: i32 = 3;
/// Something is wrong and is being worked around.
pub const RMQ_LOG_WARN: i32 = 4;
/// A change of state worth knowing.
pub const RMQ_LOG_INFO: i32 = 6;
/// What the library does, step by step.
pub const RMQ_LOG_DEBUG: i32 = 7;

/// Gets a log record. Called from the library's threads and from threads that call it, several at once; it must return
/// soon and may call nothing of this library. level is one of RMQ_LOG_*, the numbers of syslog; target is the part of
/// the library that speaks. Of equal warnings and errors within a second the first comes at once, and one more with
/// their number when the second is over. With "log.queue" records become events instead. The texts are UTF-8 and end
/// when it returns. It may run until rmq_consumer_destroy of the last consumer made with it answered RMQ_OK. No
/// exception may leave it.
pub type rmq_log_cb = Option<
    unsafe extern "C-unwind" fn(
        level: i32,
        target: *const c_char,
        message: *const c_char,
        userdata: *mut c_void,
    ),
>;

type LogFunction = unsafe extern "C-unwind" fn(i32, *const c_char, *const c_char, *mut c_void);

/// A log callback with what belongs to it, shared by the configurations and consumers that use it. Only handles of the
/// host hold it, so that it ends on a thread of the host's.
#[derive(Clone)]
pub(super) struct LogSink {
    function: Option<LogFunction>,
    userdata: Arc<Userdata>,
}

impl LogSink {
    pub(super) fn new(callback: rmq_log_cb, userdata: *mut c_void, free_userdata: rmq_free_cb) -> LogSink {
        LogSink { function: callback, userdata: Arc::new(Userdata::new(userdata, free_userdata)) }
    }

    /// A log for one consumer, and the gate that ends it.
    pub(super) fn open(&self, most: Level) -> (Log, LogGate) {
        let Some(function) = self.function else {
            return (Log::off(), LogGate::default());
        };
        let gate =
            LogGate(Arc::new(RwLock::new(Some(Target { function, userdata: self.userdata.pointer() }))));
        let passes = LogGate(Arc::clone(&gate.0));
        (Log::new(most, Arc::new(move |level, target, text| passes.pass(level, target, text))), gate)
    }
}

/// Between a consumer's log and the host: once closed, no callback runs and none will.
#[derive(Default)]
pub(super) struct LogGate(Arc<RwLock<Option<Target>>>);

/// What is called; the userdata is borrowed, its owner closes the gate first.
#[derive(Clone, Copy)]
struct Target {
    function: LogFunction,
    userdata: *mut c_void,
}

// SAFETY: the pointer is only passed back to the host, who was told that any thread may log.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl LogGate {
    /// Waits for running callbacks.
    pub(super) fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn pass(&self, level: Level, target: &str, text: &str) {
        // A callback that makes the library log again would lock twice.
        let inside = Inside::enter();
        if inside.is_nested() {
            return;
        }
        let open = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(to) = *open {
            let (target, text) = (owned(target), owned(text));
            // SAFETY: the gate is open, so function and userdata are the host's and alive; the texts live until it
            // returns.
            let call = || unsafe { (to.function)(level as i32, target.as_ptr(), text.as_ptr(), to.userdata) };
            if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
                guard::swallow(payload);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::quick::refuse_inside;
    use std::ffi::CStr;
    use std::sync::Mutex;

    type Records = Mutex<Vec<(i32, String, bool)>>;

    unsafe extern "C-unwind" fn record(
        level: i32,
        _: *const c_char,
        message: *const c_char,
        userdata: *mut c_void,
    ) {
        // SAFETY: the test passes its records and the library a text.
        let (records, text) = unsafe { (&*userdata.cast::<Records>(), CStr::from_ptr(message)) };
        records.lock().unwrap().push((level, text.to_str().unwrap().to_owned(), refuse_inside("f").is_err()));
    }

    #[test]
    fn a_closed_gate_lets_nothing_through() {
        let mut records = Records::default();
        let sink = LogSink::new(Some(record), (&raw mut records).cast(), None);
        let (log, gate) = sink.open(Level::Info);
        log.warn("t", "one\0cut");
        log.debug("t", "unseen");
        gate.close();
        log.error("t", "unseen");
        assert_eq!(*records.lock().unwrap(), [(RMQ_LOG_WARN, "one".to_owned(), true)]);
        assert!(refuse_inside("f").is_ok());
    }

    #[test]
    fn levels_are_the_engines() {
        let levels = [Level::Error as i32, Level::Warn as i32, Level::Info as i32, Level::Debug as i32];
        assert_eq!(levels, [RMQ_LOG_ERROR, RMQ_LOG_WARN, RMQ_LOG_INFO, RMQ_LOG_DEBUG]);
    }
}
