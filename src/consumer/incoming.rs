//! What brokers ask of us.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use tokio::sync::Notify;

use super::admin;
use super::engine::Engine;
use crate::cluster::command::Reply;
use crate::cluster::{Connection, Fields, Frame, Header, Incoming, RequestCode, ResponseCode};
use crate::log::Log;

/// Answers on an I/O thread, so everything here is quick.
pub(crate) fn handler(engine: Weak<Engine>, rebalance: Arc<Notify>, log: Log) -> Incoming {
    Arc::new(move |connection: &Connection, frame: Frame| {
        let code = RequestCode::from(frame.header.code);
        log.debug("incoming", format_args!("{} from {}", code.name(), connection.peer()));
        match code {
            RequestCode::NotifyConsumerIdsChanged => rebalance.notify_one(),
            _ => {
                if let Some(engine) = engine.upgrade()
                    && admin::handle(&engine, connection, code, &frame)
                {
                    return;
                }
                let remark = format!("request type {} not supported", frame.header.code);
                refuse(connection, &frame.header, ResponseCode::RequestCodeNotSupported, remark);
            }
        }
    })
}

/// Answers a request with success.
pub(super) fn reply(connection: &Connection, request: &Header, answer: &impl Reply) {
    let mut fields = Fields::default();
    let body = Bytes::from(answer.write_reply(&mut fields));
    let header = Header::response(request, answer.code().into(), None, fields);
    // A connection that died meanwhile has nobody to tell.
    let _ = connection.answer(&Frame { header, body });
}

/// Answers a request with a refusal, if an answer is wanted.
pub(super) fn refuse(connection: &Connection, request: &Header, code: ResponseCode, remark: String) {
    if !request.is_oneway() {
        let header = Header::response(request, code.into(), Some(remark), Fields::default());
        let _ = connection.answer(&Frame { header, body: Bytes::new() });
    }
}
