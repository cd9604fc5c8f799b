//! Codes, their names, and the last failure of a thread.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char};
use std::sync::OnceLock;

use super::{buffer, guard};
use crate::error::{Error, ErrorKind};

/// How a call ended: 0 is success, negative numbers are the library's, positive ones are the broker's own response
/// codes, unchanged. Numbers are never reused; new ones may come.
pub type rmq_code = i32;

/// Success.
pub const RMQ_OK: rmq_code = 0;
/// Something unclassified failed; the text says more.
pub const RMQ_E_UNKNOWN: rmq_code = -1;
/// An argument is NULL, not UTF-8, negative or out of range; the text names it.
pub const RMQ_E_INVALID_ARG: rmq_code = -2;
/// Not allowed in the present state; the text names it.
pub const RMQ_E_STATE: rmq_code = -3;
/// The consumer is stopped.
pub const RMQ_E_CLOSED: rmq_code = -4;
/// Not allowed from a callback of the same consumer.
pub const RMQ_E_IN_CALLBACK: rmq_code = -5;
/// It did not end within the time given.
pub const RMQ_E_TIMEOUT: rmq_code = -6;
/// A wake-up ended the wait.
pub const RMQ_E_WOKEN: rmq_code = -7;
/// The handle was made in the parent process.
pub const RMQ_E_FORKED: rmq_code = -8;
/// The buffer is too small; the size needed was stored.
pub const RMQ_E_BUFFER_TOO_SMALL: rmq_code = -9;
/// This platform, build or version lacks it.
pub const RMQ_E_UNSUPPORTED: rmq_code = -10;
/// Memory could not be had. Not used in this version.
pub const RMQ_E_NO_MEMORY: rmq_code = -11;
/// A thread could not be started.
pub const RMQ_E_THREAD: rmq_code = -12;
/// The operating system refused; the text has its error. In broadcasting an event tells it of offsets that cannot be
/// saved.
pub const RMQ_E_IO: rmq_code = -13;
/// No such property; the text has the nearest name.
pub const RMQ_E_CONFIG_KEY: rmq_code = -20;
/// The property does not take this value; the text says what it takes.
pub const RMQ_E_CONFIG_VALUE: rmq_code = -21;
/// A required property is not set; the text names it.
pub const RMQ_E_CONFIG_MISSING: rmq_code = -22;
/// Another consumer of the group uses the same client id, or in broadcasting the same file of offsets.
/// rmq_consumer_start answers it; of one that comes later an event, rmq_consumer_last_error and the log tell.
pub const RMQ_E_DUPLICATE_CLIENT: rmq_code = -23;
/// The queue is not assigned to this consumer.
pub const RMQ_E_NOT_ASSIGNED: rmq_code = -24;
/// The queue was taken away, or its offset was moved; the messages may be delivered again, here or elsewhere.
pub const RMQ_E_REVOKED: rmq_code = -25;
/// The group has committed nothing for the queue.
pub const RMQ_E_NO_OFFSET: rmq_code = -26;
/// The file of a broadcasting consumer's offsets and its backup cannot be read: every queue begins by "consume.from".
/// An event, rmq_consumer_last_error and the log tell it, no function answers it.
pub const RMQ_E_OFFSET_FILE: rmq_code = -29;
/// No name server answered; the text has each address and its error.
pub const RMQ_E_NO_NAMESRV: rmq_code = -30;
/// The topic has no route.
pub const RMQ_E_NO_ROUTE: rmq_code = -31;
/// A connection could not be made.
pub const RMQ_E_CONNECT: rmq_code = -32;
/// The connection was lost.
pub const RMQ_E_DISCONNECTED: rmq_code = -33;
/// The broker did not answer in time.
pub const RMQ_E_REQUEST_TIMEOUT: rmq_code = -34;
/// The peer sent bytes that are not RocketMQ's protocol.
pub const RMQ_E_PROTOCOL: rmq_code = -35;
/// A message body does not match its checksum.
pub const RMQ_E_CHECKSUM: rmq_code = -36;
/// A message body could not be decompressed.
pub const RMQ_E_DECOMPRESS: rmq_code = -37;
/// The subscription expression is not valid.
pub const RMQ_E_FILTER: rmq_code = -38;
/// The credentials were refused. Not used in this version.
pub const RMQ_E_AUTH: rmq_code = -40;
/// A bug in the library; the consumer may only be destroyed.
pub const RMQ_E_PANIC: rmq_code = -99;
// Last local code: -40, and -99 for panics.

/// Names a code: the constant of this header, or the broker's own name for a positive one.
///
/// @param code  any number
/// @returns a text that is never NULL and lives as long as the process; "UNKNOWN" for a number without a name
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_code_name(code: rmq_code) -> *const c_char {
    guard::value("rmq_code_name", c"UNKNOWN".as_ptr(), || Ok(words(code).0.as_ptr()))
}

/// Says in one sentence what a code means.
///
/// @param code  any number
/// @returns a text that is never NULL and lives as long as the process
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_code_string(code: rmq_code) -> *const c_char {
    guard::value("rmq_code_string", c"".as_ptr(), || Ok(words(code).1.as_ptr()))
}

/// Tells whether the same call may succeed later without any change.
///
/// @param code  any number
/// @returns 1 or 0
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_code_is_retriable(code: rmq_code) -> i32 {
    guard::value("rmq_code_is_retriable", 0, || {
        Ok(ErrorKind::from_number(code).is_some_and(ErrorKind::is_retriable).into())
    })
}

/// Tells whether a code means that the consumer may only be destroyed.
///
/// @param code  any number
/// @returns 1 or 0
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_code_is_fatal(code: rmq_code) -> i32 {
    guard::value("rmq_code_is_fatal", 0, || {
        Ok(ErrorKind::from_number(code).is_some_and(ErrorKind::is_fatal).into())
    })
}

/// Lists every code that has a name, for languages that do not read this header.
///
/// @returns a JSON array of objects with code, name, text, retriable and fatal; never NULL, lives as long as the
///          process
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_codes_json() -> *const c_char {
    static TEXT: OnceLock<CString> = OnceLock::new();
    guard::value("rmq_codes_json", c"[]".as_ptr(), || Ok(TEXT.get_or_init(|| owned(&codes_json())).as_ptr()))
}

/// Gives the code of the last call that failed on this thread.
///
/// @returns a code; RMQ_OK when none failed yet. A call that succeeds does not clear it
/// @par Thread-safety  any thread; each has its own
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_last_error_code() -> rmq_code {
    guard::value("rmq_last_error_code", RMQ_E_PANIC, || Ok(LAST.with(|last| last.code.get())))
}

/// Gives the text of the last call that failed on this thread. Read it on that thread, before its next call.
///
/// @returns a text of at most 511 bytes; never NULL, empty when none failed yet. The address stays valid as long as the
///          thread, the text changes with the next failure. A call that succeeds does not clear it
/// @par Thread-safety  any thread; each has its own
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_last_error_message() -> *const c_char {
    guard::value("rmq_last_error_message", c"".as_ptr(), || {
        Ok(LAST.with(|last| last.text.as_ptr().cast_const().cast()))
    })
}

/// Gives what the broker said when the last call that failed on this thread failed by its refusal.
///
/// @returns a text as of rmq_last_error_message; empty when the broker said nothing or something else failed
/// @par Thread-safety  any thread; each has its own
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_last_broker_remark() -> *const c_char {
    guard::value("rmq_last_broker_remark", c"".as_ptr(), || {
        Ok(LAST.with(|last| last.remark.as_ptr().cast_const().cast()))
    })
}

/// Keeps a failure for this thread.
pub(super) fn remember(error: &Error) {
    LAST.with(|last| {
        last.code.set(error.kind().number());
        last.text.set(fixed(error.text()));
        last.remark.set(fixed(error.remark().unwrap_or_default()));
    });
}

const TEXT_BYTES: usize = 512;

/// Fixed arrays keep their address: in `printf("%d %s", rmq_…(), rmq_last_error_message())` C may evaluate the second
/// argument first. They need no destructor either, so nothing happens at the thread's end.
struct Last {
    code: Cell<rmq_code>,
    text: Cell<[u8; TEXT_BYTES]>,
    remark: Cell<[u8; TEXT_BYTES]>,
}

thread_local! {
    static LAST: Last = const {
        Last { code: Cell::new(RMQ_OK), text: Cell::new([0; TEXT_BYTES]), remark: Cell::new([0; TEXT_BYTES]) }
    };
}

fn fixed(text: &str) -> [u8; TEXT_BYTES] {
    let text = buffer::cut(text, TEXT_BYTES - 1);
    let mut bytes = [0; TEXT_BYTES];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}

/// Name and sentence of a code, ending with NUL; made once, of the one table of kinds.
fn words(code: rmq_code) -> (&'static CStr, &'static CStr) {
    static WORDS: OnceLock<BTreeMap<rmq_code, (CString, CString)>> = OnceLock::new();
    let words = WORDS.get_or_init(|| {
        ErrorKind::all().map(|kind| (kind.number(), (owned(kind.name()), owned(kind.sentence())))).collect()
    });
    match words.get(&code) {
        Some((name, sentence)) => (name, sentence),
        None if code == RMQ_OK => (c"RMQ_OK", c"Success."),
        None if code > 0 => {
            (c"UNKNOWN", c"The broker refused the request with a code that has no name here.")
        }
        None => (c"UNKNOWN", c"No such code."),
    }
}

fn codes_json() -> String {
    let describe = |code: rmq_code, name: &str, text: &str, retriable: bool, fatal: bool| serde_json::json!({ "code": code, "name": name, "text": text, "retriable": retriable, "fatal": fatal });
    let mut codes = vec![describe(RMQ_OK, "RMQ_OK", "Success.", false, false)];
    codes.extend(ErrorKind::all().map(|kind| {
        describe(kind.number(), kind.name(), kind.sentence(), kind.is_retriable(), kind.is_fatal())
    }));
    serde_json::Value::Array(codes).to_string()
}

/// A text for C. It ends at a NUL inside, of which our own texts have none.
#[doc(hidden)]
pub fn owned(text: &str) -> CString {
    CString::new(buffer::cut(text, text.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ResponseCode;

    fn read(text: *const c_char) -> &'static str {
        // SAFETY: the functions above answer texts that live long enough for a test's thread.
        unsafe { CStr::from_ptr(text) }.to_str().unwrap()
    }

    #[test]
    fn every_code_has_its_words() {
        assert_eq!(read(rmq_code_name(RMQ_OK)), "RMQ_OK");
        assert_eq!(read(rmq_code_name(RMQ_E_CONFIG_KEY)), "RMQ_E_CONFIG_KEY");
        assert_eq!(read(rmq_code_name(16)), "NO_PERMISSION");
        assert_eq!(read(rmq_code_name(4711)), "UNKNOWN");
        assert_eq!(read(rmq_code_name(i32::MIN)), "UNKNOWN");
        assert_eq!(read(rmq_code_string(RMQ_E_TIMEOUT)), "It did not end within the time given.");
        assert_eq!((rmq_code_is_retriable(RMQ_E_TIMEOUT), rmq_code_is_retriable(RMQ_E_STATE)), (1, 0));
        assert_eq!((rmq_code_is_fatal(RMQ_E_PANIC), rmq_code_is_fatal(0)), (1, 0));
        let list: Vec<serde_json::Value> = serde_json::from_str(read(rmq_codes_json())).unwrap();
        assert_eq!(list.len(), 1 + ErrorKind::all().count());
    }

    #[test]
    fn the_last_failure_keeps_its_address_and_is_cut() {
        let before = rmq_last_error_message();
        remember(&Error::broker(ResponseCode::SystemBusy, Some("flow control"), "pull"));
        assert_eq!(rmq_last_error_code(), 2);
        assert_eq!(read(rmq_last_error_message()), "pull: SYSTEM_BUSY (2): flow control");
        assert_eq!(read(rmq_last_broker_remark()), "flow control");
        remember(&Error::new(ErrorKind::State, "ü".repeat(600)));
        assert_eq!(read(rmq_last_error_message()).len(), 510);
        assert_eq!(read(rmq_last_broker_remark()), "");
        assert_eq!(before, rmq_last_error_message());
        std::thread::spawn(|| assert_eq!(rmq_last_error_code(), RMQ_OK)).join().unwrap();
    }
}
