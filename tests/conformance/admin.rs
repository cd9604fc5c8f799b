//! What administrators ask of a member, through its broker.

use rmq::message::MessageQueue;
use rmq::protocol::RequestCode;
use rmq::protocol::command::{
    Answer, ConsumeMessageDirectly, ConsumedDirectly, ConsumerStatus, DirectResult, GetConsumerRunningInfo,
    GetConsumerStatus, Request, RunningInfo,
};

use super::scene::{SOON, Scene, code, field, messages};
use super::{Scenario, same};

pub const TABLE: &[Scenario] = &[
    same(
        "a question to a member what it is doing",
        running_info,
        r#"G Some("c1") Some(false) false; 0; true"#,
    ),
    same("a question to a member that is not there", running_info_of_nobody, "1"),
    same(
        "a question to all members how far they are",
        status,
        r#"T G None false; 0 {"consumerTable":{"c1":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:7}},"messageQueueTable":{}}"#,
    ),
    same("a question to the members of a group without any", status_of_nobody, "1"),
    same("a message that a member is to consume now", directly, "G c1 false; true; 0:m0; 0; true"),
];

fn running_info(scene: &mut Scene<'_>) {
    scene.topic(1);
    let mut member = scene.member("c1");
    let mut asking = scene.to_broker();
    let question = GetConsumerRunningInfo {
        consumer_group: scene.group.clone(),
        client_id: Some("c1".to_owned()),
        threads: Some(false),
    };
    let asked = asking.send(&question);
    let request = member.request(RequestCode::GetConsumerRunningInfo, SOON).unwrap();
    let read = GetConsumerRunningInfo::read_request(&request.header, &request.body).unwrap();
    scene.saw(format!(
        "{} {:?} {:?} {}",
        read.consumer_group,
        read.client_id,
        read.threads,
        request.header.is_oneway()
    ));
    let info = RunningInfo { properties: vec![("who".into(), "me".into())], ..RunningInfo::default() };
    member.answer(&request, &info);
    let answer = asking.response(asked);
    scene.saw(code(&answer));
    scene.saw(RunningInfo::read(&answer.header, &answer.body).unwrap() == info);
}

fn running_info_of_nobody(scene: &mut Scene<'_>) {
    scene.topic(1);
    let _member = scene.member("c1");
    let question = GetConsumerRunningInfo {
        consumer_group: scene.group.clone(),
        client_id: Some("c2".to_owned()),
        threads: Some(false),
    };
    scene.saw(code(&scene.to_broker().ask(&question)));
}

/// INVOKE_BROKER_TO_GET_CONSUMER_STATUS.
const ASK_FOR_STATUS: i32 = 223;

fn status(scene: &mut Scene<'_>) {
    scene.topic(1);
    let mut member = scene.member("c1");
    let mut asking = scene.to_broker();
    let asked = asking.send_by_code(ASK_FOR_STATUS, &[("topic", &scene.topic), ("group", &scene.group)], &[]);
    let request = member.request(RequestCode::GetConsumerStatusFromClient, SOON).unwrap();
    let read = GetConsumerStatus::read_request(&request.header, &request.body).unwrap();
    scene.saw(format!("{} {} {:?} {}", read.topic, read.group, read.client_id, request.header.is_oneway()));
    let queue = MessageQueue { topic: scene.topic.as_str().into(), broker: "broker-a".into(), id: 0 };
    member.answer(&request, &ConsumerStatus { offsets: vec![(queue, 7)] });
    let answer = asking.response(asked);
    scene.saw(format!("{} {}", code(&answer), String::from_utf8_lossy(&answer.body)));
}

fn status_of_nobody(scene: &mut Scene<'_>) {
    scene.topic(1);
    let fields = [("topic", scene.topic.as_str()), ("group", scene.group.as_str())];
    let answer = scene.to_broker().ask_by_code(ASK_FOR_STATUS, &fields, &[]);
    scene.saw(code(&answer));
}

fn directly(scene: &mut Scene<'_>) {
    scene.filled(&["A"]);
    let mut member = scene.member("c1");
    let message = messages(&member.ask(&scene.pull(0))).remove(0);
    let mut asking = scene.to_broker();
    let fields = [
        ("consumerGroup", scene.group.as_str()),
        ("clientId", "c1"),
        ("msgId", message.offset_message_id()),
        ("brokerName", "broker-a"),
    ];
    let asked = asking.send_by_code(RequestCode::ConsumeMessageDirectly.into(), &fields, &[]);
    let request = member.request(RequestCode::ConsumeMessageDirectly, SOON).unwrap();
    let read = ConsumeMessageDirectly::read_request(&request.header, &request.body).unwrap();
    scene.saw(format!(
        "{} {} {}",
        read.header.consumer_group,
        field(&request, "clientId"),
        request.header.is_oneway()
    ));
    scene.saw(field(&request, "msgId") == message.offset_message_id());
    for record in messages(&request) {
        scene.saw(format!("{}:{}", record.queue_offset(), String::from_utf8_lossy(record.body())));
    }
    let done = ConsumedDirectly { result: DirectResult::Later, spent_ms: 3, ..ConsumedDirectly::default() };
    member.answer(&request, &done);
    let answer = asking.response(asked);
    scene.saw(code(&answer));
    scene.saw(ConsumedDirectly::read(&answer.header, &answer.body).unwrap() == done);
}
