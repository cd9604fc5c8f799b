//! Which requests a fault or a count is for: their code, who was asked, and fields of their header.

use std::ffi::c_char;

use rmq::Result;
use rmq::capi::handle;
use rmq::protocol::RequestCode;

use super::cluster::{refused, rmq_mock_cluster};
use super::fault::{RMQ_MOCK_ANYWHERE, RMQ_MOCK_NAMESRV};
use crate::journal::Recorded;
use crate::script::On;

/// See the module's doc.
pub(super) struct Which {
    code: RequestCode,
    server: Server,
    fields: Vec<(String, String)>,
}

enum Server {
    Any,
    Names,
    Broker(usize),
}

impl Which {
    /// # Safety
    /// `filter` is NULL or a NUL-terminated text.
    pub(super) unsafe fn read(
        cluster: &rmq_mock_cluster,
        request_code: i32,
        server: i32,
        filter: *const c_char,
    ) -> Result<Which> {
        if request_code < 0 {
            return Err(refused(format!("request_code is {request_code}; it is 0 or more")));
        }
        let server = match server {
            RMQ_MOCK_ANYWHERE => Server::Any,
            RMQ_MOCK_NAMESRV => Server::Names,
            broker => Server::Broker(cluster.broker(broker)?.index),
        };
        // SAFETY: as this function's own.
        let filter = unsafe { handle::text_or(filter, "filter") }?.unwrap_or_default();
        Ok(Which { code: RequestCode::from(request_code), server, fields: fields(filter)? })
    }

    /// Begins to script what befalls them.
    pub(super) fn on(self, cluster: &rmq_mock_cluster) -> On {
        let on = cluster.mock.on(self.code);
        let on = match self.server {
            Server::Any => on,
            Server::Names => on.at_name_server(),
            Server::Broker(index) => on.at_broker(index),
        };
        self.fields.iter().fold(on, |on, (name, value)| on.with(name, value))
    }

    /// How many have come.
    pub(super) fn count(&self, cluster: &rmq_mock_cluster) -> usize {
        cluster.mock.requests(self.code).iter().filter(|recorded| self.fits(recorded)).count()
    }

    fn fits(&self, recorded: &Recorded) -> bool {
        let here = match self.server {
            Server::Any => true,
            Server::Names => recorded.broker.is_none(),
            Server::Broker(index) => recorded.broker == Some(index),
        };
        here && self.fields.iter().all(|(name, value)| recorded.field(name) == Some(value))
    }
}

/// Reads `name=value&name=value`.
fn fields(filter: &str) -> Result<Vec<(String, String)>> {
    let parts = filter.split('&').filter(|_| !filter.is_empty());
    let read = |part: &str| match part.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(refused(format!("filter has \"{part}\"; it is name=value, several with & between them"))),
    };
    parts.map(read).collect()
}
