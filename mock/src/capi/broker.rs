//! Brokers that come and go.

use std::ffi::c_char;
use std::ptr;

use rmq::capi::guard;

use super::cluster::{failed, on, rmq_mock_cluster};
use super::error::rmq_mock_code;

/// Tells how many brokers a cluster has, dead ones too.
///
/// @param cluster  may be NULL
/// @returns the number given to rmq_mock_cluster_new; 0 for NULL
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_broker_count(cluster: *const rmq_mock_cluster) -> i32 {
    // SAFETY: cluster is NULL or as documented.
    guard::value("rmq_mock_broker_count", 0, || unsafe {
        on(cluster, |cluster| Ok(i32::try_from(cluster.brokers.len()).unwrap_or(i32::MAX)))
    })
}

/// Gives the name of a broker, as routes and rmq_message_broker_name have it.
///
/// @param cluster  may be NULL
/// @param broker   its number, from 0
/// @returns a text like "broker-a" that lives as long as the cluster; NULL for NULL or a number that is not there
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_broker_name(
    cluster: *const rmq_mock_cluster,
    broker: i32,
) -> *const c_char {
    // SAFETY: cluster is NULL or as documented.
    guard::value("rmq_mock_broker_name", ptr::null(), || unsafe {
        on(cluster, |cluster| {
            let index = cluster.broker(broker)?.index;
            Ok(cluster.brokers.get(index).map_or(ptr::null(), |(name, _)| name.as_ptr()))
        })
    })
}

/// Gives the address of a broker.
///
/// @param cluster  may be NULL
/// @param broker   its number, from 0
/// @returns a text like "127.0.0.1:15124" that lives as long as the cluster and stays the same; NULL for NULL or a
///          number that is not there
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_broker_addr(
    cluster: *const rmq_mock_cluster,
    broker: i32,
) -> *const c_char {
    // SAFETY: cluster is NULL or as documented.
    guard::value("rmq_mock_broker_addr", ptr::null(), || unsafe {
        on(cluster, |cluster| {
            let index = cluster.broker(broker)?.index;
            Ok(cluster.brokers.get(index).map_or(ptr::null(), |(_, address)| address.as_ptr()))
        })
    })
}

/// Ends a broker with its connections, as a crash: the name server no longer names it; members and locks are forgotten,
/// messages and offsets stay.
///
/// @param cluster  must not be NULL
/// @param broker   its number, from 0
/// @returns RMQ_MOCK_OK, also when it is dead already; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_broker_kill(cluster: *mut rmq_mock_cluster, broker: i32) -> rmq_mock_code {
    // SAFETY: cluster is NULL or as documented.
    guard::code("rmq_mock_broker_kill", || unsafe {
        on(cluster, |cluster| {
            cluster.broker(broker)?.kill();
            Ok(())
        })
    })
}

/// Starts a broker again at its old address.
///
/// @param cluster  must not be NULL
/// @param broker   its number, from 0
/// @returns RMQ_MOCK_OK, also when it runs already; RMQ_MOCK_E_IO when another program took its port meanwhile;
///          RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_broker_restart(
    cluster: *mut rmq_mock_cluster,
    broker: i32,
) -> rmq_mock_code {
    // SAFETY: cluster is NULL or as documented.
    guard::code("rmq_mock_broker_restart", || unsafe {
        on(cluster, |cluster| cluster.broker(broker)?.try_restart().map_err(|e| failed(&e)))
    })
}

/// Ends all connections of a broker and forgets who was on them, as a network that breaks for a moment.
///
/// @param cluster  must not be NULL
/// @param broker   its number, from 0
/// @returns as rmq_mock_broker_restart
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_broker_drop_connections(
    cluster: *mut rmq_mock_cluster,
    broker: i32,
) -> rmq_mock_code {
    // SAFETY: cluster is NULL or as documented.
    guard::code("rmq_mock_broker_drop_connections", || unsafe {
        on(cluster, |cluster| {
            let broker = cluster.broker(broker)?;
            broker.kill();
            broker.try_restart().map_err(|e| failed(&e))
        })
    })
}
