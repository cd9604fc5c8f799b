//! Free loopback ports, also when several test binaries look for them at once.
//!
//! Ports come in slots of ten below the ephemeral range, so outgoing connections never take them. A slot is reserved by
//! binding an abstract Unix socket of its name: such names are as machine-wide as ports are, and vanish with the
//! process. Holding the ports themselves is no way, since the broker has to bind them.

use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

const FIRST: u16 = 18_000;
const SLOTS: u16 = 1_400;

/// Ports reserved for one name server or one broker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// The port to listen on. A broker takes two more: `listen - 2` (fast remoting) and `listen + 1` (replication).
    pub(crate) listen: u16,
}

/// Reserves ports until the process ends.
///
/// They are not given back earlier: a Java client of a cluster that is gone would meet a strange one at its address.
pub(crate) fn reserve() -> Result<Ports, String> {
    let pid = std::process::id();
    let start = u16::try_from(pid.wrapping_mul(37) % u32::from(SLOTS)).unwrap_or(0);
    for i in 0..SLOTS {
        let slot = (start + i) % SLOTS;
        let listen = FIRST + slot * 10 + 2;
        let Some(reservation) = reserve_slot(slot) else { continue };
        if [listen - 2, listen, listen + 1].into_iter().all(is_free) {
            std::mem::forget(reservation);
            return Ok(Ports { listen });
        }
    }
    Err(format!("no free ports from {FIRST} on"))
}

fn reserve_slot(slot: u16) -> Option<UnixListener> {
    let name = SocketAddr::from_abstract_name(format!("rmq-testbed-ports-{slot}")).ok()?;
    UnixListener::bind_addr(&name).ok()
}

fn is_free(port: u16) -> bool {
    // The unspecified address: RocketMQ binds all interfaces.
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}
