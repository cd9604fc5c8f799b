//! Every request that came, so that a test can assert on what was sent.

use std::time::Instant;

use bytes::Bytes;
use rmq::protocol::command::Request;
use rmq::protocol::{Header, RequestCode, ResponseCode};

use crate::world::Role;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// What it asked for.
    pub code: RequestCode,
    /// When it came.
    pub at: Instant,
    /// When its answer left and what it was; `None` before, and for requests that want none.
    pub answered: Option<(Instant, ResponseCode)>,
    /// Which broker was asked, by its place; `None` for the name server.
    pub broker: Option<usize>,
    /// Tells connections apart.
    pub connection: u64,
    /// Its header.
    pub header: Header,
    /// Its body.
    pub body: Bytes,
}

impl Recorded {
    /// A field of its header.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.header.fields.find(name)
    }

    /// It as the broker read it; `None` when it is no such request.
    pub fn read<R: Request>(&self) -> Option<R> {
        (self.code == R::CODE).then(|| R::read_request(&self.header, &self.body).ok()).flatten()
    }
}

#[derive(Default)]
pub(crate) struct Journal(Vec<Recorded>);

impl Journal {
    /// Takes down a request and answers its place.
    pub(crate) fn note(&mut self, connection: u64, asked: Role, header: &Header, body: &Bytes) -> usize {
        self.0.push(Recorded {
            code: RequestCode::from(header.code),
            at: Instant::now(),
            answered: None,
            broker: match asked {
                Role::NameServer => None,
                Role::Broker(index) => Some(index),
            },
            connection,
            header: header.clone(),
            body: body.clone(),
        });
        self.0.len() - 1
    }

    pub(crate) fn answered(&mut self, entry: usize, code: ResponseCode) {
        if let Some(recorded) = self.0.get_mut(entry) {
            recorded.answered = Some((Instant::now(), code));
        }
    }

    pub(crate) fn all(&self) -> &[Recorded] {
        &self.0
    }
}
