//! From `host:port` to a socket. Names are resolved on every connect, since addresses move.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::error::{Error, ErrorKind, Result};

/// Connects within `within`, trying every address the name has in turn.
pub async fn dial(address: &str, within: Duration) -> Result<TcpStream> {
    match timeout(within, connect(address)).await {
        Ok(result) => result,
        Err(_) => Err(failed(address, format_args!("no answer within {} ms", within.as_millis()))),
    }
}

async fn connect(address: &str) -> Result<TcpStream> {
    let addresses: Vec<SocketAddr> = match address.parse() {
        Ok(literal) => vec![literal],
        Err(_) => lookup_host(address).await.map_err(|e| failed(address, e))?.collect(),
    };
    let mut last = None;
    for candidate in addresses {
        match TcpStream::connect(candidate).await {
            Ok(stream) => {
                // A request must not wait for more bytes to send with it.
                stream.set_nodelay(true).map_err(|e| failed(address, e))?;
                return Ok(stream);
            }
            Err(error) => last = Some(failed(address, error)),
        }
    }
    Err(last.unwrap_or_else(|| failed(address, "the name has no address")))
}

fn failed(address: &str, why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Connect, format!("connect {address}: {why}"))
}
