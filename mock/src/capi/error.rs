//! Codes, and the last failure of a thread.

use std::ffi::c_char;

use rmq::capi::error as last;
use rmq::capi::guard;

/// How a call ended: 0 is success, negative numbers are failures. They are those of rmq_code.
pub type rmq_mock_code = i32;

/// Success.
pub const RMQ_MOCK_OK: rmq_mock_code = 0;
/// An argument is NULL, not UTF-8, out of range, or names what is not there; the text says which and why.
pub const RMQ_MOCK_E_INVALID_ARG: rmq_mock_code = -2;
/// It did not happen within the time given.
pub const RMQ_MOCK_E_TIMEOUT: rmq_mock_code = -6;
/// The cluster was made in the parent process.
pub const RMQ_MOCK_E_FORKED: rmq_mock_code = -8;
/// The buffer is too small; the size needed was stored.
pub const RMQ_MOCK_E_BUFFER_TOO_SMALL: rmq_mock_code = -9;
/// The operating system refused a port or a thread; the text has its error.
pub const RMQ_MOCK_E_IO: rmq_mock_code = -13;
/// The group has committed nothing for the queue.
pub const RMQ_MOCK_E_NO_OFFSET: rmq_mock_code = -26;
/// A bug in the mock.
pub const RMQ_MOCK_E_PANIC: rmq_mock_code = -99;

/// Gives the code of the last call of this library that failed on this thread.
///
/// @returns a code; RMQ_MOCK_OK when none failed yet. A call that succeeds does not clear it
/// @par Thread-safety  any thread; each has its own
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_mock_last_error_code() -> rmq_mock_code {
    last::rmq_last_error_code()
}

/// Gives the text of the last call of this library that failed on this thread. Read it on that thread, before its next
/// call. rmq_last_error_message does not have it.
///
/// @returns a text of at most 511 bytes; never NULL, empty when none failed yet. The address stays valid as long as the
///          thread, the text changes with the next failure. A call that succeeds does not clear it
/// @par Thread-safety  any thread; each has its own
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_mock_last_error_message() -> *const c_char {
    guard::value("rmq_mock_last_error_message", c"".as_ptr(), || Ok(last::rmq_last_error_message()))
}
