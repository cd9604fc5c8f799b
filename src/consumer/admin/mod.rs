//! What administrators ask of a running consumer, through its brokers: what it does, how far it is, to consume
//! one message now, to go on elsewhere.

pub(super) mod direct;
mod direct_calls;
mod properties;
mod reset;
mod running_info;
mod threads;

pub(crate) use direct_calls::DirectCalls;

use std::sync::Arc;

use super::engine::Engine;
use super::incoming::{refuse, reply};
use crate::cluster::command::{ConsumerStatus, GetConsumerRunningInfo, GetConsumerStatus, Request};
use crate::cluster::{Connection, Frame, RequestCode, ResponseCode};

/// Answers, or has answered, a request of an administrator. False when it is none. Runs on an I/O thread.
pub(super) fn handle(
    engine: &Arc<Engine>,
    connection: &Connection,
    code: RequestCode,
    frame: &Frame,
) -> bool {
    let asked = Asked { engine, connection, frame };
    match code {
        RequestCode::ResetConsumerClientOffset => asked.read(reset::apply),
        RequestCode::GetConsumerStatusFromClient => asked.read(status),
        RequestCode::GetConsumerRunningInfo => asked.read(running_info),
        RequestCode::ConsumeMessageDirectly => asked.read(direct::consume),
        _ => return false,
    }
    true
}

/// A request, who it came from and who is asked.
struct Asked<'a> {
    engine: &'a Arc<Engine>,
    connection: &'a Connection,
    frame: &'a Frame,
}

impl Asked<'_> {
    /// Reads the request and goes on with it.
    fn read<R: Request>(&self, then: impl FnOnce(&Asked<'_>, R)) {
        match R::read_request(&self.frame.header, &self.frame.body) {
            Ok(request) => then(self, request),
            Err(error) => self.refuse(ResponseCode::SystemError, error.to_string()),
        }
    }

    fn refuse(&self, code: ResponseCode, remark: String) {
        let name = RequestCode::from(self.frame.header.code).name();
        self.engine.log.warn("admin", format_args!("{name} from {}: {remark}", self.connection.peer()));
        refuse(self.connection, &self.frame.header, code, remark);
    }

    /// True when the group is ours; else the request is refused, as in Java.
    fn is_ours(&self, group: &str) -> bool {
        let ours = group == self.engine.config.group;
        if !ours {
            let remark = format!("the consumer group {group} does not exist in this consumer");
            self.refuse(ResponseCode::SystemError, remark);
        }
        ours
    }
}

fn running_info(asked: &Asked<'_>, request: GetConsumerRunningInfo) {
    if !asked.is_ours(&request.consumer_group) {
        return;
    }
    match running_info::running_info(asked.engine, request.threads == Some(true)) {
        Some(info) => reply(asked.connection, &asked.frame.header, &info),
        None => asked.refuse(ResponseCode::SystemError, "the consumer is leaving its group".to_owned()),
    }
}

/// How far we are in each owned queue of a topic. Queues that have not begun are left out: nothing is known
/// of them.
fn status(asked: &Asked<'_>, request: GetConsumerStatus) {
    if !asked.is_ours(&request.group) {
        return;
    }
    let queues = asked.engine.status.queues().into_iter();
    let of_topic = queues.filter(|queue| *queue.name.topic == *request.topic && queue.marks().has_begun());
    let offsets = of_topic.map(|queue| (queue.name.clone(), queue.committable())).collect();
    reply(asked.connection, &asked.frame.header, &ConsumerStatus { offsets });
}
