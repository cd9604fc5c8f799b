//! Brokers that come, go and move.

use std::ffi::c_char;
use std::ptr;

use rmq::capi::guard;

use super::cluster::{failed, on, refused, rmq_mock_cluster};
use super::error::rmq_mock_code;

/// Tells how many brokers a cluster has, dead ones and slaves too.
///
/// @param cluster  may be NULL
/// @returns one more than the highest number of a broker; 0 for NULL
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
/// @returns a text like "broker-a" that lives as long as the cluster, of a slave that of its master; NULL for NULL or a
///          number that is not there
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
            Ok(cluster.brokers.get(index).map_or(ptr::null(), |told| told.name.as_ptr()))
        })
    })
}

/// Gives the address of a broker.
///
/// @param cluster  may be NULL
/// @param broker   its number, from 0
/// @returns a text like "127.0.0.1:15124" that lives as long as the cluster; another one after rmq_mock_broker_move;
///          NULL for NULL or a number that is not there
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
            Ok(cluster.brokers.get(index).map_or(ptr::null(), |told| told.address()))
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

/// Starts a broker again at another address, with what it has stored; ends it first if it runs. Consumers find it by the
/// next route they ask for.
///
/// @param cluster  must not be NULL
/// @param broker   its number, from 0
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_IO when no port can be had, the broker is dead then;
///          RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_broker_move(cluster: *mut rmq_mock_cluster, broker: i32) -> rmq_mock_code {
    // SAFETY: cluster is NULL or as documented.
    guard::code("rmq_mock_broker_move", || unsafe {
        on(cluster, |cluster| {
            let broker = cluster.broker(broker)?;
            broker.try_restart_elsewhere().map_err(|e| failed(&e))?;
            if let Some(told) = cluster.brokers.get(broker.index) {
                told.moved(&broker.address());
            }
            Ok(())
        })
    })
}

/// Lets a broker tell whoever pulls from it to go on elsewhere, as a master that is short of memory sends its readers to
/// a slave, and a slave sends them back.
///
/// @param cluster    must not be NULL
/// @param broker     its number, from 0
/// @param broker_id  the id of the broker to go on at: 0 for the master, as everywhere at first; 1 for its first slave
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_broker_suggest(
    cluster: *mut rmq_mock_cluster,
    broker: i32,
    broker_id: i64,
) -> rmq_mock_code {
    // SAFETY: cluster is NULL or as documented.
    guard::code("rmq_mock_broker_suggest", || unsafe {
        on(cluster, |cluster| {
            if broker_id < 0 {
                return Err(refused(format!("broker_id is {broker_id}; it is 0 or more")));
            }
            cluster.broker(broker)?.suggest_broker(broker_id);
            Ok(())
        })
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
