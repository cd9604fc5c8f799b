//! One typed call over one connection.

use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::protocol::command::{Answer, Request};
use crate::protocol::{Fields, Header, ResponseCode};
use crate::transport::Connection;

/// Sends a request over a connection and reads what answers it.
pub async fn call<R: Request>(connection: &Connection, request: &R, within: Duration) -> Result<R::Answer> {
    let (header, body) = encode(request);
    let frame = connection.call(header, body, within).await?;
    let code = ResponseCode::from(frame.header.code);
    let what = format_args!("{} to {}", R::CODE.name(), connection.peer());
    if R::Answer::accepts(code) {
        R::Answer::read(&frame.header, &frame.body).map_err(|e| Error::from(e).context(what))
    } else {
        Err(Error::broker(code, frame.header.remark.as_deref(), what))
    }
}

/// What a request is on the wire.
pub(super) fn encode<R: Request>(request: &R) -> (Header, Bytes) {
    let mut fields = Fields::default();
    request.write(&mut fields);
    (Header::request(R::CODE.into(), fields), Bytes::from(request.body()))
}
