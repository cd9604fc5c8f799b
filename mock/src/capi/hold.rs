//! Requests that are kept until a test lets them go.

use std::ffi::c_char;
use std::ptr;
use std::time::Duration;

use rmq::Result;
use rmq::capi::fork::{self, Process};
use rmq::capi::{guard, handle};

use super::cluster::{on, refused, rmq_mock_cluster};
use super::error::rmq_mock_code;
use super::fault::script;
use super::wait;
use super::which::Which;
use crate::fault::{Fault, Hold};

/// Requests that wait; made by rmq_mock_hold_new, ended by rmq_mock_hold_destroy. Any thread. It may outlive its cluster.
pub struct rmq_mock_hold {
    process: Process,
    hold: Hold,
}

/// Runs a call on a hold: not NULL, not made in a parent process.
///
/// # Safety
/// `pointer` is NULL or came from `rmq_mock_hold_new` and is not destroyed.
unsafe fn on_hold(pointer: *const rmq_mock_hold, body: impl FnOnce(&Hold) -> Result<()>) -> Result<()> {
    // SAFETY: as this function's own.
    let hold = unsafe { handle::borrow(pointer, "hold") }?;
    fork::check(hold.process, "hold")?;
    body(&hold.hold)
}

/// How long a wait without a bound waits at a time.
const LONG: Duration = Duration::from_secs(3600);

/// Scripts that the next requests of a kind wait until rmq_mock_hold_release, and are served then: for two events whose
/// order matters, without sleeping. One among the faults of rmq_mock_fault.
///
/// @param cluster       must not be NULL
/// @param request_code  as for rmq_mock_fault
/// @param server        as for rmq_mock_fault
/// @param filter        as for rmq_mock_fault
/// @param times         as for rmq_mock_fault
/// @returns a handle; NULL on failure, see rmq_mock_last_error_code: RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @par Ownership      the caller's; end it with rmq_mock_hold_destroy
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_hold_new(
    cluster: *mut rmq_mock_cluster,
    request_code: i32,
    server: i32,
    filter: *const c_char,
    times: i32,
) -> *mut rmq_mock_hold {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_mock_hold_new", ptr::null_mut(), || unsafe {
        on(cluster, |cluster| {
            let which = Which::read(cluster, request_code, server, filter)?;
            let hold = Hold::new();
            script(which.on(cluster), times, Fault::hold(&hold))?;
            Ok(Box::into_raw(Box::new(rmq_mock_hold { process: Process::current(), hold })))
        })
    })
}

/// Waits until requests have come to a hold.
///
/// @param hold        must not be NULL
/// @param count       how many in all since it was made, those let go too; at least 0
/// @param timeout_ms  how long to wait; 0 does not wait, -1 waits without a bound
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_TIMEOUT; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_hold_wait(
    hold: *const rmq_mock_hold,
    count: i32,
    timeout_ms: i32,
) -> rmq_mock_code {
    // SAFETY: hold is NULL or as documented above.
    guard::code("rmq_mock_hold_wait", || unsafe {
        on_hold(hold, |hold| {
            let wanted =
                usize::try_from(count).map_err(|_| refused(format!("count is {count}; it is 0 or more")))?;
            match wait::bound(timeout_ms)? {
                None => while !hold.wait_for(wanted, LONG) {},
                Some(within) if hold.wait_for(wanted, within) => {}
                Some(_) => {
                    return Err(wait::late(&format!("fewer than {count} requests have come"), timeout_ms));
                }
            }
            Ok(())
        })
    })
}

/// Serves what a hold keeps. Requests that come to it later are served at once.
///
/// @param hold  must not be NULL
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_hold_release(hold: *mut rmq_mock_hold) -> rmq_mock_code {
    // SAFETY: hold is NULL or as documented above.
    guard::code("rmq_mock_hold_release", || unsafe {
        on_hold(hold, |hold| {
            hold.release();
            Ok(())
        })
    })
}

/// Ends a hold; what it keeps is served. In a child process of the one that made it, it does nothing.
///
/// @param hold  may be NULL
/// @par Thread-safety  any thread, once, when no other call uses the handle
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_hold_destroy(hold: *mut rmq_mock_hold) {
    guard::value("rmq_mock_hold_destroy", (), || {
        if !hold.is_null() {
            // SAFETY: as documented above, it came from rmq_mock_hold_new and is used for the last time.
            unsafe {
                fork::check((*hold).process, "hold")?;
                Box::from_raw(hold).hold.release();
            }
        }
        Ok(())
    });
}
