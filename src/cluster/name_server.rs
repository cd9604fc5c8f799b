//! The list of name servers, asked so that a dead one does not delay the others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

use super::call::call;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::ResponseCode;
use crate::protocol::command::Request;
use crate::runtime::random;
use crate::transport::Pool;

/// How long one name server may take before the next is asked as well.
const PATIENCE: Duration = Duration::from_millis(100);

/// All name servers know the same; the one that answered last is asked first.
pub struct NameServers {
    addresses: Mutex<Arc<[String]>>,
    preferred: AtomicUsize,
    timeout: Duration,
}

impl NameServers {
    /// Begins at any of them, so that many clients spread over all.
    pub fn new(addresses: Vec<String>, timeout: Duration) -> NameServers {
        let start = usize::try_from(random::number() >> 1).unwrap_or(0);
        let addresses = Mutex::new(addresses.into());
        NameServers { addresses, preferred: AtomicUsize::new(start), timeout }
    }

    /// Others from now on; answers those before. Who asks meanwhile goes on with those.
    pub fn replace(&self, addresses: &[String]) -> Arc<[String]> {
        let mut held = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *held, addresses.into())
    }

    /// `host:port` of each.
    pub fn addresses(&self) -> Arc<[String]> {
        Arc::clone(&self.addresses.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// True for the address of one of them.
    pub fn has(&self, address: &str) -> bool {
        self.addresses().iter().any(|own| own == address)
    }

    /// The first answer any of them gives. A refusal, such as "no such topic", is an answer; only when
    /// none can be reached is that the error, with each address and what was wrong with it.
    pub async fn ask<R: Request>(&self, pool: &Pool, request: &R) -> Result<R::Answer> {
        let addresses = self.addresses();
        let count = addresses.len();
        let first = self.preferred.load(Ordering::Relaxed);
        let mut order = (0..count).map(|i| (first + i) % count);
        let mut asked = FuturesUnordered::new();
        let mut problems: Vec<String> = Vec::with_capacity(count);
        loop {
            if let Some(index) = order.next() {
                let address = &addresses[index];
                asked.push(async move { (index, self.ask_one(pool, address, request).await) });
            } else if asked.is_empty() {
                return Err(unreachable_servers(&problems));
            }
            let (index, answer) = tokio::select! {
                biased;
                Some(answer) = asked.next() => answer,
                () = sleep(PATIENCE), if order.len() > 0 => continue,
            };
            match answer {
                Err(error) if is_absence(&error) => problems.push(error.text().to_owned()),
                answer => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return answer;
                }
            }
        }
    }

    async fn ask_one<R: Request>(&self, pool: &Pool, address: &str, request: &R) -> Result<R::Answer> {
        let connection = pool.connection(address).await?;
        call(&connection, request, self.timeout).await.map_err(doubt)
    }
}

/// True when the server could not be asked, as opposed to having refused.
fn is_absence(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::Broker(_))
}

/// Every name server knows these requests; a broker or a proxy whose address was given by mistake does not.
fn doubt(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Broker(ResponseCode::RequestCodeNotSupported) => {
            error.hint("is this a name server? check namesrv.addr")
        }
        _ => error,
    }
}

fn unreachable_servers(problems: &[String]) -> Error {
    Error::new(ErrorKind::NoNameServer, format!("no name server answered: {}", problems.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_know_the_request_is_doubted_to_be_a_name_server() {
        let told = |code| doubt(Error::broker(code, Some("no"), "route of T at a:1"));
        let error = told(ResponseCode::RequestCodeNotSupported);
        assert!(error.text().ends_with("no; is this a name server? check namesrv.addr"), "{error}");
        assert_eq!(error.remark(), Some("no"));
        assert!(told(ResponseCode::TopicNotExist).text().ends_with(": no"));
    }
}
