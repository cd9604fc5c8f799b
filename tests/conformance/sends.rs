//! Messages that come: sent, sent again, sent back, and how they look when they are pulled.

use rmq::message::Message;
use rmq::protocol::Frame;
use rmq::protocol::command::send_message::SendMessageHeader;
use rmq::protocol::command::{ConsumerSendMessageBack, SendMessage};
use rmq::protocol::message_id::OffsetId;
use rmq::protocol::record_builder::encode_child;

use rmq_testbed::wait_until;

use super::scene::{SOON, Scene, code, field, fields, messages, pulled};
use super::{Scenario, differs, same};

/// SEND_MESSAGE's names, where SEND_MESSAGE_V2 has single letters.
const LONG_NAMES: &[(&str, &str)] = &[
    ("producerGroup", "rmq"),
    ("defaultTopic", "TBW102"),
    ("defaultTopicQueueNums", "4"),
    ("queueId", "0"),
    ("sysFlag", "0"),
    ("bornTimestamp", "1700000000000"),
    ("flag", "7"),
    ("reconsumeTimes", "0"),
    ("unitMode", "false"),
    ("batch", "false"),
];

pub const TABLE: &[Scenario] = &[
    same(
        "a message that is sent and pulled",
        sent,
        r#"0 queueId=0 queueOffset=0; 0 0:m in T tried 0 flags 0 TAGS=A UNIQ_KEY=U; flag 7 keys Some("k"); true true; true; true true"#,
    ),
    same(
        "a message that is sent by the old request",
        sent_as_of_old,
        r#"0 queueId=0 queueOffset=0; 0 0:m in T tried 0 flags 0 TAGS=A UNIQ_KEY=U; flag 7 keys Some("k"); true true; true; true true"#,
    ),
    differs(
        "a message for a topic and a queue that are not there, and for any queue",
        sent_to_nothing,
        "17; 29; 0 queueId=0 queueOffset=0",
        "17; 1; 0 queueId=0 queueOffset=0",
        "4.9.7 says SYSTEM_ERROR of a wrong queue",
    ),
    differs(
        "a batch of messages",
        batch,
        "0 queueId=0 queueOffset=0; true; 0 0:m0 in T tried 0 flags 0 TAGS=A UNIQ_KEY=U0; 0 1:m1 in T tried 0 flags 0 TAGS=B UNIQ_KEY=U1; 0 2:m2 in T tried 0 flags 0 TAGS=C UNIQ_KEY=U2",
        "0 queueId=0 queueOffset=0; true; 0 0:m0 in T tried 0 flags 0 TAGS=A UNIQ_KEY=U; 0 1:m1 in T tried 0 flags 0 TAGS=B UNIQ_KEY=U; 0 2:m2 in T tried 0 flags 0 TAGS=C UNIQ_KEY=U",
        "4.9.7 gives each message the properties of the batch, too",
    ),
    same(
        "a message with a delay level",
        delayed,
        "0; 19 next 0 of 0..0 broker 0; 0 0:m in T tried 0 flags 0 TAGS=A DELAY=2 REAL_TOPIC=T REAL_QID=0 UNIQ_KEY=U",
    ),
    same(
        "a message that is sent back",
        sent_back,
        "0; 0 0:m in %RETRY%G tried 1 flags 0 TAGS=A DELAY=3 REAL_TOPIC=%RETRY%G REAL_QID=0 RETRY_TOPIC=T UNIQ_KEY=U; true; true",
    ),
    same(
        "a message that is sent back with a level",
        sent_back_with_level,
        "0; 0 0:m in %RETRY%G tried 1 flags 0 TAGS=A DELAY=5 REAL_TOPIC=%RETRY%G REAL_QID=0 RETRY_TOPIC=T UNIQ_KEY=U; true; true",
    ),
    same(
        "a message that is sent back again",
        sent_back_again,
        "0; 0 1:m in %RETRY%G tried 2 flags 0 TAGS=A DELAY=4 REAL_TOPIC=%RETRY%G REAL_QID=0 RETRY_TOPIC=T UNIQ_KEY=U; true",
    ),
    same(
        "a message that is sent back for the last time",
        sent_back_for_the_last_time,
        "0; 0 0:m in %DLQ%G tried 1 flags 0 TAGS=A DELAY=0 RETRY_TOPIC=T UNIQ_KEY=U; true; true",
    ),
    same(
        "a message that is sent back to the dead letters at once",
        sent_back_dead,
        "0; 0 0:m in %DLQ%G tried 1 flags 0 TAGS=A DELAY=0 RETRY_TOPIC=T UNIQ_KEY=U; true; true; true; true; true",
    ),
    same("a message that is sent back and is not there", sent_back_nothing, "1"),
    same(
        "a message that its consumer sends to the retry topic itself",
        republished,
        "0; 0 0:m in %RETRY%G tried 2 flags 0 TAGS=A DELAY=3 REAL_TOPIC=%RETRY%G REAL_QID=0 RETRY_TOPIC=T UNIQ_KEY=U",
    ),
    differs(
        "one that was tried as often as it may",
        republished_the_last_time,
        r#"0; ["%RETRY%G"]"#,
        r#"0; ["%DLQ%G"]"#,
        "4.9.7 counts the try that is still to come",
    ),
    differs(
        "one that was tried too often by then",
        republished_once_too_often,
        "0; 0 0:m in %DLQ%G tried 4 flags 0 TAGS=A DELAY=-1 RETRY_TOPIC=T UNIQ_KEY=U; false",
        "0; 0 0:m in %DLQ%G tried 4 flags 0 TAGS=A DELAY=3 REAL_TOPIC=%DLQ%G REAL_QID=0 RETRY_TOPIC=T UNIQ_KEY=U; false",
        "4.9.7 lets dead letters rest, too",
    ),
];

/// All messages of queue 0 of a topic, by a pull that needs no heartbeat.
fn all_of(scene: &Scene<'_>, topic: &str, offset: i64) -> Vec<Message> {
    scene.await_message(topic, offset);
    messages(&scene.to_broker().ask(&scene.probe(topic, 0)))
}

fn retry(scene: &Scene<'_>) -> String {
    format!("%RETRY%{}", scene.group)
}

fn dead_letters(scene: &Scene<'_>) -> String {
    format!("%DLQ%{}", scene.group)
}

/// What a consumer can tell of a message, but for times.
fn told(message: &Message) -> String {
    let body = String::from_utf8_lossy(message.body()).into_owned();
    let mut text = format!(
        "{} {}:{body} in {} tried {} flags {}",
        message.queue_id(),
        message.queue_offset(),
        message.stored_topic(),
        message.reconsume_times(),
        message.sys_flag()
    );
    let names = ["TAGS", "DELAY", "REAL_TOPIC", "REAL_QID", "RETRY_TOPIC", "UNIQ_KEY", "MAX_RECONSUME_TIMES"];
    for name in names {
        if let Some(value) = message.property(name) {
            text.push_str(&format!(" {name}={value}"));
        }
    }
    text
}

fn sent(scene: &mut Scene<'_>) {
    scene.topic(2);
    let mut message = scene.message("m", &[("TAGS", "A"), ("KEYS", "k")]);
    message.header.flag = 7;
    let answer = scene.to_broker().ask(&message);
    saw_sent(scene, &answer);
}

/// The answer, whether its id names the record, and the record.
fn saw_sent(scene: &mut Scene<'_>, answer: &Frame) {
    scene.saw(fields(answer, &["queueId", "queueOffset"]));
    let id = OffsetId::parse(&field(answer, "msgId")).unwrap();
    let topic = scene.topic.clone();
    for message in all_of(scene, &topic, 0) {
        scene.saw(told(&message));
        scene.saw(format!("flag {} keys {:?}", message.flag(), message.keys()));
        let here = id.host.to_string() == scene.target.broker;
        scene.saw(format!("{here} {}", id.commit_log_offset == message.commit_log_offset()));
        scene.saw(id.to_string() == message.offset_message_id());
        let born = message.born_host().unwrap().ip().is_loopback();
        scene.saw(format!("{born} {}", message.store_host().unwrap().to_string() == scene.target.broker));
    }
}

fn sent_as_of_old(scene: &mut Scene<'_>) {
    scene.topic(1);
    let mut names = vec![
        ("topic", scene.topic.as_str()),
        ("properties", "TAGS\u{1}A\u{2}KEYS\u{1}k\u{2}UNIQ_KEY\u{1}U\u{2}"),
    ];
    names.extend_from_slice(LONG_NAMES);
    let answer = scene.to_broker().ask_by_code(10, &names, b"m");
    saw_sent(scene, &answer);
}

fn sent_to_nothing(scene: &mut Scene<'_>) {
    let mut client = scene.to_broker();
    let message = scene.message("m", &[]);
    scene.saw(code(&client.ask(&message)));
    scene.topic(1);
    let header = SendMessageHeader { queue_id: 7, ..message.header.clone() };
    scene.saw(code(&client.ask(&SendMessage { header, ..message.clone() })));
    let header = SendMessageHeader { queue_id: -1, ..message.header.clone() };
    scene.saw(fields(&client.ask(&SendMessage { header, ..message }), &["queueId", "queueOffset"]));
}

fn batch(scene: &mut Scene<'_>) {
    scene.topic(1);
    let mut message = scene.message("", &[]);
    message.header.batch = true;
    let mut body = Vec::new();
    for (number, tag) in ["A", "B", "C"].iter().enumerate() {
        let properties = format!("TAGS\u{1}{tag}\u{2}UNIQ_KEY\u{1}U{number}\u{2}");
        encode_child(&mut body, 0, format!("m{number}").as_bytes(), properties.as_bytes());
    }
    message.body = body.into();
    let answer = scene.to_broker().ask(&message);
    scene.saw(fields(&answer, &["queueId", "queueOffset"]));
    let ids = field(&answer, "msgId");
    let topic = scene.topic.clone();
    let messages = all_of(scene, &topic, 2);
    let own: Vec<&str> = messages.iter().map(Message::offset_message_id).collect();
    scene.saw(own.join(",") == ids);
    for message in messages {
        scene.saw(told(&message));
    }
}

fn delayed(scene: &mut Scene<'_>) {
    scene.topic(1);
    let mut client = scene.member("c1");
    let answer = client.ask(&scene.message("m", &[("TAGS", "A"), ("DELAY", "2")]));
    scene.saw(code(&answer));
    scene.saw(pulled(&client.ask(&scene.pull(0))));
    let topic = scene.topic.clone();
    for message in all_of(scene, &topic, 0) {
        scene.saw(told(&message));
    }
}

/// Makes the group and a message, which is answered as it was pulled.
fn consumed(scene: &Scene<'_>) -> Message {
    scene.topic(1);
    let answer = scene.to_broker().ask(&scene.message("m", &[("TAGS", "A")]));
    assert_eq!(answer.header.code, 0);
    scene.member("c1");
    all_of(scene, &scene.topic, 0).remove(0)
}

fn back(scene: &Scene<'_>, message: &Message) -> ConsumerSendMessageBack {
    ConsumerSendMessageBack {
        offset: message.commit_log_offset(),
        group: scene.group.clone(),
        origin_message_id: Some(message.offset_message_id().to_owned()),
        origin_topic: Some(scene.topic.clone()),
        max_reconsume_times: Some(16),
        ..ConsumerSendMessageBack::default()
    }
}

fn sent_back(scene: &mut Scene<'_>) {
    let message = consumed(scene);
    scene.saw(code(&scene.to_broker().ask(&back(scene, &message))));
    saw_again(scene, &retry(scene), &message);
}

/// What came to a topic, and whether it names the first message.
fn saw_again(scene: &mut Scene<'_>, topic: &str, first: &Message) {
    for message in all_of(scene, topic, 0) {
        scene.saw(told(&message));
        scene.saw(message.property("ORIGIN_MESSAGE_ID") == Some(first.offset_message_id()));
        scene.saw(message.born_timestamp() == first.born_timestamp());
    }
}

fn sent_back_with_level(scene: &mut Scene<'_>) {
    let message = consumed(scene);
    let request = ConsumerSendMessageBack { delay_level: 5, ..back(scene, &message) };
    scene.saw(code(&scene.to_broker().ask(&request)));
    saw_again(scene, &retry(scene), &message);
}

fn sent_back_again(scene: &mut Scene<'_>) {
    let first = consumed(scene);
    scene.to_broker().ask(&back(scene, &first));
    let second = all_of(scene, &retry(scene), 0).remove(0);
    let request = ConsumerSendMessageBack { offset: second.commit_log_offset(), ..back(scene, &second) };
    scene.saw(code(&scene.to_broker().ask(&request)));
    let third = all_of(scene, &retry(scene), 1).remove(1);
    scene.saw(told(&third));
    scene.saw(third.property("ORIGIN_MESSAGE_ID") == Some(first.offset_message_id()));
}

fn sent_back_for_the_last_time(scene: &mut Scene<'_>) {
    let message = consumed(scene);
    let request = ConsumerSendMessageBack { max_reconsume_times: Some(0), ..back(scene, &message) };
    scene.saw(code(&scene.to_broker().ask(&request)));
    saw_again(scene, &dead_letters(scene), &message);
}

fn sent_back_dead(scene: &mut Scene<'_>) {
    let message = consumed(scene);
    let request = ConsumerSendMessageBack { delay_level: -1, ..back(scene, &message) };
    scene.saw(code(&scene.to_broker().ask(&request)));
    saw_again(scene, &dead_letters(scene), &message);
    let answer = scene.route(&dead_letters(scene));
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    for part in ["\"readQueueNums\":1", "\"writeQueueNums\":1", "\"perm\":6"] {
        scene.saw(text.contains(part));
    }
}

fn sent_back_nothing(scene: &mut Scene<'_>) {
    let message = consumed(scene);
    let request = ConsumerSendMessageBack { offset: i64::MAX / 2, ..back(scene, &message) };
    scene.saw(code(&scene.to_broker().ask(&request)));
}

/// As our retry does when the broker could not take a message back.
fn publish_again(scene: &Scene<'_>, tried: i32, max: i32) -> Frame {
    let mut message = scene.message("m", &[("TAGS", "A"), ("RETRY_TOPIC", &scene.topic), ("DELAY", "3")]);
    message.header.topic = retry(scene);
    message.header.reconsume_times = Some(tried);
    message.header.max_reconsume_times = Some(max);
    scene.to_broker().ask(&message)
}

fn republished(scene: &mut Scene<'_>) {
    scene.topic(1);
    let _member = scene.member("c1");
    scene.saw(code(&publish_again(scene, 2, 3)));
    for message in all_of(scene, &retry(scene), 0) {
        scene.saw(told(&message));
    }
}

fn republished_the_last_time(scene: &mut Scene<'_>) {
    scene.topic(1);
    let _member = scene.member("c1");
    scene.saw(code(&publish_again(scene, 3, 3)));
    let topics = [retry(scene), dead_letters(scene)];
    let mut found = Vec::new();
    wait_until("the message", SOON, || {
        found = topics.iter().filter(|topic| scene.has_message(topic, 0)).collect();
        !found.is_empty()
    });
    scene.saw(format!("{found:?}"));
}

fn republished_once_too_often(scene: &mut Scene<'_>) {
    scene.topic(1);
    let _member = scene.member("c1");
    let answer = publish_again(scene, 4, 3);
    scene.saw(code(&answer));
    for message in all_of(scene, &dead_letters(scene), 0) {
        scene.saw(told(&message));
    }
    scene.saw(scene.has_message(&retry(scene), 0));
}
