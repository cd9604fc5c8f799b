//! No panic leaves the library: each exported function runs inside one of these.

use std::any::Any;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::{RMQ_OK, remember, rmq_code};
use super::{buffer, consumer, fork, handle};
use crate::error::{Error, ErrorKind, Result};

/// Runs a function that answers a code; a failure is kept for `rmq_last_error_message`.
pub fn code(function: &'static str, body: impl FnOnce() -> Result<()>) -> rmq_code {
    match run(function, body) {
        Ok(()) => RMQ_OK,
        Err(error) => {
            remember(&error);
            error.kind().number()
        }
    }
}

/// Runs a function that answers a value; `fallback` stands for every failure.
pub fn value<T>(function: &'static str, fallback: T, body: impl FnOnce() -> Result<T>) -> T {
    run(function, body).unwrap_or_else(|error| {
        remember(&error);
        fallback
    })
}

/// Like [`code`], and writes the text of a failure to the caller's buffer too.
///
/// # Safety
/// `errbuf` is NULL or has room for `size` bytes.
pub unsafe fn code_told(
    function: &'static str,
    (errbuf, size): (*mut c_char, usize),
    body: impl FnOnce() -> Result<()>,
) -> rmq_code {
    let result = run(function, body);
    // SAFETY: as this function's own.
    unsafe { buffer::tell(errbuf, size, result.as_ref().err()) };
    code(function, || result)
}

/// Runs a call on a consumer: not NULL, not made in a parent process; a panic leaves the consumer fatal.
///
/// # Safety
/// `pointer` is NULL or came from `rmq_consumer_new` and is not destroyed.
pub(super) unsafe fn on_consumer<T>(
    pointer: *const consumer::rmq_consumer,
    body: impl FnOnce(&consumer::Inner) -> Result<T>,
) -> Result<T> {
    // SAFETY: as this function's own.
    let inner = unsafe { handle::borrow(pointer, "consumer") }?.share();
    fork::check(inner.process(), "consumer")?;
    match catch_unwind(AssertUnwindSafe(|| body(&inner))) {
        Ok(result) => result,
        Err(payload) => {
            let text = format!("panic: {}", swallow(payload));
            inner.engine().mark_fatal(&text);
            Err(Error::new(ErrorKind::Panic, text))
        }
    }
}

/// The text of a panic. A payload that is no text is leaked, since dropping it could panic again and abort.
pub(super) fn swallow(payload: Box<dyn Any + Send>) -> String {
    let payload = match payload.downcast::<String>() {
        Ok(text) => return *text,
        Err(payload) => payload,
    };
    match payload.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(payload) => {
            std::mem::forget(payload);
            "no text".to_owned()
        }
    }
}

fn run<T>(function: &'static str, body: impl FnOnce() -> Result<T>) -> Result<T> {
    let guarded = || {
        #[cfg(test)]
        super::panics::inject(function);
        body()
    };
    catch_unwind(AssertUnwindSafe(guarded)).unwrap_or_else(|payload| {
        Err(Error::new(ErrorKind::Panic, format!("{function}: panic: {}", swallow(payload))))
    })
}
