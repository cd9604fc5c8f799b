//! What brokers answer and ask, each kind of it: heartbeats, member lists, locks, offsets, pulls and the rest.

use std::fmt::Debug;

use bytes::Bytes;
use rmq::protocol::command::*;
use rmq::protocol::queue_json::{offsets_from_json, offsets_to_json};
use rmq::protocol::{Fields, Frame, Header, json::Json};

/// Corpora depend on this order: new kinds go to the end.
const KINDS: &[fn(&Frame)] = &[
    answer::<HeartbeatAnswer>,
    answer::<ConsumerList>,
    answer::<LockedQueues>,
    answer::<PullResult>,
    answer::<SendResult>,
    answer::<CommittedOffset>,
    answer::<OffsetUpdated>,
    answer::<OffsetAnswer>,
    answer::<ConsumerConnections>,
    answer::<ConsumerStatus>,
    answer::<RunningInfo>,
    answer::<ConsumedDirectly>,
    answer::<TopicList>,
    request::<Heartbeat>,
    request::<LockQueues>,
    request::<UnlockQueues>,
    request::<CheckClientConfig>,
    request::<PullMessage>,
    request::<SendMessage>,
    request::<ConsumerSendMessageBack>,
    request::<NotifyConsumerIdsChanged>,
    request::<ResetConsumerOffset>,
    request::<GetConsumerStatus>,
    request::<GetConsumerRunningInfo>,
    request::<ConsumeMessageDirectly>,
    offsets,
];

/// The first byte chooses the kind. With its highest bit the rest is a frame, whose header has fields; without, it is
/// the body of an answer that has none.
pub fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let bytes = Bytes::copy_from_slice(rest);
    let frame = if first & 0x80 == 0 {
        Frame { header: Header::request(0, Fields::default()), body: bytes }
    } else {
        let Ok(frame) = Frame::decode(&bytes) else { return };
        frame
    };
    KINDS[usize::from(first & 0x7f) % KINDS.len()](&frame);
}

/// An answer that is written again reads as before.
fn answer<A: Reply + PartialEq + Debug>(frame: &Frame) {
    if !A::accepts(frame.header.code.into()) {
        return;
    }
    let Ok(answer) = A::read(&frame.header, &frame.body) else { return };
    let mut fields = Fields::default();
    let body = answer.write_reply(&mut fields);
    let header = Header { code: answer.code().into(), fields, ..frame.header.clone() };
    assert_eq!(A::read(&header, &Bytes::from(body)).as_ref(), Ok(&answer));
}

/// Likewise a request.
fn request<R: Request + PartialEq + Debug>(frame: &Frame) {
    let Ok(request) = R::read_request(&frame.header, &frame.body) else { return };
    let mut fields = Fields::default();
    request.write(&mut fields);
    let header = Header::request(R::CODE.into(), fields);
    assert_eq!(R::read_request(&header, &Bytes::from(request.body())).as_ref(), Ok(&request));
}

/// Likewise offsets by queue, in each of their forms.
fn offsets(frame: &Frame) {
    let Ok(json) = Json::parse(&frame.body) else { return };
    let Ok(offsets) = offsets_from_json(&json) else { return };
    let written = offsets_to_json(offsets.iter().map(|(queue, offset)| (queue, *offset)));
    assert_eq!(offsets_from_json(&written), Ok(offsets));
}
