//! What consumers asked for.

use std::ffi::c_char;

use rmq::capi::guard;

use super::cluster::{on, refused, rmq_mock_cluster};
use super::error::rmq_mock_code;
use super::wait;
use super::which::Which;

/// Counts the requests of a kind that have come since the cluster was made, those that met a fault too.
///
/// @param cluster       may be NULL
/// @param request_code  as for rmq_mock_fault
/// @param server        as for rmq_mock_fault
/// @param filter        as for rmq_mock_fault
/// @returns how many; -1 on failure, see rmq_mock_last_error_code
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_request_count(
    cluster: *const rmq_mock_cluster,
    request_code: i32,
    server: i32,
    filter: *const c_char,
) -> i32 {
    // SAFETY: pointers are NULL or as documented above.
    guard::value("rmq_mock_request_count", -1, || unsafe {
        on(cluster, |cluster| {
            let count = Which::read(cluster, request_code, server, filter)?.count(cluster);
            Ok(i32::try_from(count).unwrap_or(i32::MAX))
        })
    })
}

/// Waits until requests of a kind have come.
///
/// @param cluster       must not be NULL
/// @param request_code  as for rmq_mock_fault
/// @param server        as for rmq_mock_fault
/// @param filter        as for rmq_mock_fault
/// @param count         how many since the cluster was made; at least 0
/// @param timeout_ms    how long to wait; 0 does not wait, -1 waits without a bound
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_TIMEOUT, and the text says how many have come; RMQ_MOCK_E_INVALID_ARG,
///          RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_wait_requests(
    cluster: *const rmq_mock_cluster,
    request_code: i32,
    server: i32,
    filter: *const c_char,
    count: i32,
    timeout_ms: i32,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_wait_requests", || unsafe {
        on(cluster, |cluster| {
            let which = Which::read(cluster, request_code, server, filter)?;
            let wanted =
                usize::try_from(count).map_err(|_| refused(format!("count is {count}; it is 0 or more")))?;
            wait::until(timeout_ms, || {
                let come = which.count(cluster);
                (come < wanted).then(|| format!("{come} of {wanted} requests have come"))
            })
        })
    })
}
