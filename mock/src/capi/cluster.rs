//! The cluster and its name server.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rmq::capi::error::owned;
use rmq::capi::fork::{self, Process};
use rmq::capi::{guard, handle};
use rmq::{Error, ErrorKind, Result};

use super::error::rmq_mock_code;
use crate::broker::MockBroker;
use crate::cluster::{MockCluster, Options};

/// A name server and brokers on ports of 127.0.0.1; made by rmq_mock_cluster_new, ended by rmq_mock_cluster_destroy. Any
/// thread.
pub struct rmq_mock_cluster {
    process: Process,
    pub(super) mock: MockCluster,
    namesrv: CString,
    /// Masters first, as their numbers are.
    pub(super) brokers: Vec<Told>,
}

/// What programs were told of a broker, and keep pointers to.
pub(super) struct Told {
    pub(super) name: CString,
    /// The last one is where it is now.
    addresses: Mutex<Vec<CString>>,
}

impl Told {
    /// Where it is now; the text lives as long as this.
    pub(super) fn address(&self) -> *const c_char {
        let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.last().map_or(ptr::null(), |address| address.as_ptr())
    }

    /// Keeps the old address: somebody may read it.
    pub(super) fn moved(&self, address: &str) {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).push(owned(address));
    }
}

impl rmq_mock_cluster {
    /// The broker with that number.
    pub(super) fn broker(&self, broker: i32) -> Result<MockBroker> {
        let last = self.brokers.len() - 1;
        let mut all = self.mock.brokers().into_iter().chain(self.mock.slaves());
        let found = usize::try_from(broker).ok().and_then(|index| all.nth(index));
        found.ok_or_else(|| refused(format!("broker is {broker}; the cluster has brokers 0 to {last}")))
    }

    /// The broker with that number, if it has the queue.
    pub(super) fn queue(&self, broker: i32, topic: &str, queue_id: i32) -> Result<MockBroker> {
        let found = self.broker(broker)?;
        match found.queue_count(topic) {
            None => Err(refused(format!("topic is \"{topic}\"; broker {broker} has no such topic"))),
            Some(count) if !(0..count).contains(&queue_id) => {
                let last = count - 1;
                Err(refused(format!(
                    "queue_id is {queue_id}; \"{topic}\" has queues 0 to {last} at broker {broker}"
                )))
            }
            Some(_) => Ok(found),
        }
    }
}

/// Starts a cluster: a name server and brokers that listen on free ports of 127.0.0.1, each with its threads, until
/// rmq_mock_cluster_destroy. It is empty; several may be there at once.
///
/// @param brokers         how many, 1 to 26; they are called broker-a, broker-b, ... and have the numbers 0, 1, ... here
/// @param slaves          how many slaves each of them has, 0 to 8, with its name and the ids 1, 2, ...: they have copied
///                        whatever it has at once; offsets and members are their own. Their numbers follow those of all
///                        masters: first the slaves of broker 0
/// @param retry_delay_ms  how long a message rests that a consumer sent back, before it is in the retry topic, whatever
///                        the delay level; 0 to 60000, 20 is a good choice
/// @param errbuf          gets the text of a failure, cut to size; may be NULL
/// @param size            bytes of errbuf
/// @returns a handle; NULL on failure, with the text in errbuf and rmq_mock_last_error_message and the code in
///          rmq_mock_last_error_code: RMQ_MOCK_E_INVALID_ARG, or RMQ_MOCK_E_IO when ports or threads cannot be had
/// @par Thread-safety  any thread
/// @par Ownership      the caller's; end it with rmq_mock_cluster_destroy
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_cluster_new(
    brokers: i32,
    slaves: i32,
    retry_delay_ms: i32,
    errbuf: *mut c_char,
    size: usize,
) -> *mut rmq_mock_cluster {
    let mut made = ptr::null_mut();
    // SAFETY: errbuf is NULL or as documented above.
    unsafe {
        guard::code_told("rmq_mock_cluster_new", (errbuf, size), || {
            made = Box::into_raw(Box::new(make(brokers, slaves, retry_delay_ms)?));
            Ok(())
        });
    }
    made
}

fn make(brokers: i32, slaves: i32, retry_delay_ms: i32) -> Result<rmq_mock_cluster> {
    let count = u8::try_from(brokers).ok().filter(|count| (1..=26).contains(count));
    let count = count.ok_or_else(|| refused(format!("brokers is {brokers}; it is 1 to 26")))?;
    let slaves = u8::try_from(slaves).ok().filter(|slaves| *slaves <= 8).ok_or(slaves);
    let slaves = slaves.map_err(|slaves| refused(format!("slaves is {slaves}; it is 0 to 8")))?;
    let delay = u64::try_from(retry_delay_ms).ok().filter(|delay| *delay <= 60_000);
    let delay =
        delay.ok_or_else(|| refused(format!("retry_delay_ms is {retry_delay_ms}; it is 0 to 60000")))?;
    let options = Options { brokers: count, slaves, retry_delay: Duration::from_millis(delay) };
    let mock = MockCluster::open(&options).map_err(|e| failed(&e))?;
    let told = |broker: MockBroker| Told {
        name: owned(&broker.name()),
        addresses: Mutex::new(vec![owned(&broker.address())]),
    };
    let brokers = mock.brokers().into_iter().chain(mock.slaves()).map(told).collect();
    Ok(rmq_mock_cluster { process: Process::current(), namesrv: owned(&mock.namesrv()), brokers, mock })
}

/// Ends a cluster with its connections, threads and messages. Consumers that are connected see the end of a network;
/// destroy them first. In a child process of the one that made it, it does nothing.
///
/// @param cluster  may be NULL
/// @par Thread-safety  any thread, once, when no other call uses the handle
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_cluster_destroy(cluster: *mut rmq_mock_cluster) {
    guard::value("rmq_mock_cluster_destroy", (), || {
        if cluster.is_null() {
            return Ok(());
        }
        // SAFETY: as documented above, it came from rmq_mock_cluster_new and is used for the last time.
        unsafe {
            fork::check((*cluster).process, "cluster")?;
            drop(Box::from_raw(cluster));
        }
        Ok(())
    });
}

/// Gives the address of the name server, for "namesrv.addr" or the environment variable NAMESRV_ADDR.
///
/// @param cluster  may be NULL
/// @returns a text like "127.0.0.1:15123" that lives as long as the cluster and stays the same; NULL for NULL
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_cluster_namesrv_addr(cluster: *const rmq_mock_cluster) -> *const c_char {
    // SAFETY: cluster is NULL or as documented.
    guard::value("rmq_mock_cluster_namesrv_addr", ptr::null(), || unsafe {
        on(cluster, |cluster| Ok(cluster.namesrv.as_ptr()))
    })
}

/// Ends the name server with its connections. A consumer goes on with the route it knows.
///
/// @param cluster  must not be NULL
/// @returns RMQ_MOCK_OK, also when it is down already; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_namesrv_down(cluster: *mut rmq_mock_cluster) -> rmq_mock_code {
    // SAFETY: cluster is NULL or as documented.
    guard::code("rmq_mock_namesrv_down", || unsafe {
        on(cluster, |cluster| {
            cluster.mock.name_server_down();
            Ok(())
        })
    })
}

/// Starts the name server again at its old address.
///
/// @param cluster  must not be NULL
/// @returns RMQ_MOCK_OK, also when it is up already; RMQ_MOCK_E_IO when another program took its port meanwhile;
///          RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_namesrv_up(cluster: *mut rmq_mock_cluster) -> rmq_mock_code {
    // SAFETY: cluster is NULL or as documented.
    guard::code("rmq_mock_namesrv_up", || unsafe {
        on(cluster, |cluster| cluster.mock.try_name_server_up().map_err(|e| failed(&e)))
    })
}

/// Runs a call on a cluster: not NULL, not made in a parent process.
///
/// # Safety
/// `pointer` is NULL or came from `rmq_mock_cluster_new` and is not destroyed.
pub(super) unsafe fn on<T>(
    pointer: *const rmq_mock_cluster,
    body: impl FnOnce(&rmq_mock_cluster) -> Result<T>,
) -> Result<T> {
    // SAFETY: as this function's own.
    let cluster = unsafe { handle::borrow(pointer, "cluster") }?;
    fork::check(cluster.process, "cluster")?;
    body(cluster)
}

/// An argument that is refused.
pub(super) fn refused(text: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, text)
}

/// What the operating system did not give.
pub(super) fn failed(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Io, error.to_string())
}
