//! What brokers ask of us.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::cluster::{Connection, Fields, Frame, Header, Incoming, RequestCode, ResponseCode};
use crate::log::Log;

/// Answers on an I/O thread, so everything here is quick.
pub(crate) fn handler(rebalance: Arc<Notify>, log: Log) -> Incoming {
    Arc::new(move |connection: &Connection, frame: Frame| {
        let code = RequestCode::from(frame.header.code);
        log.debug("incoming", format_args!("{} from {}", code.name(), connection.peer()));
        match code {
            RequestCode::NotifyConsumerIdsChanged => rebalance.notify_one(),
            _ if frame.header.is_oneway() => {}
            _ => refuse(connection, &frame.header),
        }
    })
}

fn refuse(connection: &Connection, request: &Header) {
    let remark = format!("request type {} not supported", request.code);
    let code = ResponseCode::RequestCodeNotSupported.into();
    let header = Header::response(request, code, Some(remark), Fields::default());
    // A connection that died meanwhile has nobody to tell.
    let _ = connection.answer(&Frame { header, body: Bytes::new() });
}
