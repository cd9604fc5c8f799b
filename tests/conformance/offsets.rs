//! Offsets: of queues, of times, of groups, and those that an administrator moves.

use rmq::protocol::command::{
    GetMaxOffset, GetMinOffset, QueryConsumerOffset, SearchOffset, UpdateConsumerOffset,
};
use rmq::protocol::{Frame, RequestCode};

use super::client::Client;
use super::scene::{NEVER, Scene, code, fields, messages, pulled};
use super::{Scenario, differs, same};

pub const TABLE: &[Scenario] = &[
    same(
        "the bounds of an empty queue and of one with messages",
        bounds,
        "0 offset=0; 0 offset=0; 0 offset=0; 0 offset=3",
    ),
    same(
        "the bounds of a queue and a topic that are not there",
        bounds_of_nothing,
        "0 offset=0; 0 offset=0; 0 offset=0; 0 offset=0",
    ),
    differs(
        "the offset of a time",
        offset_of_a_time,
        "0 offset=0; 0 offset=0; 0 offset=1; 0 offset=2; 0 offset=2; 0 offset=3",
        "0 offset=0; 0 offset=0; 0 offset=1; 0 offset=1; 0 offset=2; 0 offset=2",
        "4.9.7 takes the message that is nearest to the time",
    ),
    same(
        "a time in a queue and a topic that are not there",
        time_of_nothing,
        "0 offset=0; 0 offset=0; 0 offset=0",
    ),
    differs(
        "the offset of a group that never committed",
        never_committed,
        "22 offset=-; 0 offset=0; 0 offset=0; 22 offset=-; 22 offset=-; 22 offset=-; 22 offset=-",
        "0 offset=0; 0 offset=0; 0 offset=0; 0 offset=0; 0 offset=0; 0 offset=0; 0 offset=0",
        "4.9.7 knows no setZeroIfNotFound, and takes a queue without data for a young one",
    ),
    same("an offset that goes up and down again", committed, "0; 0 offset=3; 0; 0 offset=1; 0; 0 offset=5"),
    differs(
        "a commit of a group that nobody ever was in",
        commit_of_a_stranger,
        "26; 22 offset=-; 0; 0 offset=1",
        "0; 0 offset=1; 0; 0 offset=1",
        "4.9.7 takes commits of any group",
    ),
    differs(
        "a commit for a topic and a queue that are not there",
        commit_for_nothing,
        "17; 0; 0 offset=1",
        "0; 0; 0 offset=1",
        "4.9.7 takes commits for any topic",
    ),
    differs(
        "a reset by an administrator while the group pulls",
        reset,
        r#"0 {"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:0}}; nobody is told; 0 offset=0; dropped; 0 offset=0; 21 next 0 of 0..3 broker 0; 0 next 3 of 0..3 broker 0 2:m2; 0; 0 offset=2"#,
        r#"0 {"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:0}}; told 220 topic=T group=G timestamp=0; 0 offset=3; taken; 0 offset=2; 19 next 3 of 0..3 broker 0; 0 next 3 of 0..3 broker 0 2:m2; 0; 0 offset=2"#,
        "4.9.7 leaves it to the members, whom it tells",
    ),
    differs(
        "a reset of one queue to an offset",
        reset_of_one_queue,
        r#"0 {"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:1}}; 21 next 1 of 0..3 broker 0; 0 next 3 of 0..3 broker 0 1:b 2:c"#,
        "1 ; 19 next 3 of 0..3 broker 0; 0 next 3 of 0..3 broker 0 1:b 2:c",
        "4.9.7 moves whole topics only, and none of which a queue has no committed offset",
    ),
    differs(
        "a reset of a topic or a group that is not there",
        reset_of_nothing,
        "17; 26",
        "1; 1",
        "4.9.7 says SYSTEM_ERROR of everything",
    ),
];

fn max(scene: &Scene<'_>, queue_id: i32) -> GetMaxOffset {
    GetMaxOffset { topic: scene.topic.clone(), queue_id, committed: true }
}

fn min(scene: &Scene<'_>, queue_id: i32) -> GetMinOffset {
    GetMinOffset { topic: scene.topic.clone(), queue_id }
}

fn search(scene: &Scene<'_>, queue_id: i32, timestamp: i64) -> SearchOffset {
    SearchOffset { topic: scene.topic.clone(), queue_id, timestamp, ..SearchOffset::default() }
}

fn query(scene: &Scene<'_>, queue_id: i32, zero: Option<bool>) -> QueryConsumerOffset {
    QueryConsumerOffset {
        consumer_group: scene.group.clone(),
        topic: scene.topic.clone(),
        queue_id,
        set_zero_if_not_found: zero,
    }
}

fn commit(scene: &Scene<'_>, queue_id: i32, commit_offset: i64) -> UpdateConsumerOffset {
    let (consumer_group, topic) = (scene.group.clone(), scene.topic.clone());
    UpdateConsumerOffset { consumer_group, topic, queue_id, commit_offset }
}

fn offset(frame: &Frame) -> String {
    fields(frame, &["offset"])
}

fn bounds(scene: &mut Scene<'_>) {
    scene.topic(1);
    let mut client = scene.to_broker();
    scene.saw(offset(&client.ask(&min(scene, 0))));
    scene.saw(offset(&client.ask(&max(scene, 0))));
    for body in ["a", "b", "c"] {
        scene.stored(body, "A");
    }
    scene.saw(offset(&client.ask(&min(scene, 0))));
    scene.saw(offset(&client.ask(&max(scene, 0))));
}

fn bounds_of_nothing(scene: &mut Scene<'_>) {
    let mut client = scene.to_broker();
    scene.saw(offset(&client.ask(&min(scene, 0))));
    scene.saw(offset(&client.ask(&max(scene, 0))));
    scene.topic(1);
    scene.saw(offset(&client.ask(&min(scene, 7))));
    scene.saw(offset(&client.ask(&max(scene, 7))));
}

fn offset_of_a_time(scene: &mut Scene<'_>) {
    scene.topic(1);
    for body in ["a", "b", "c"] {
        scene.stored(body, "A");
        // So that times differ.
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let mut client = scene.member("c1");
    let times: Vec<i64> =
        messages(&client.ask(&scene.pull(0))).iter().map(|message| message.store_timestamp()).collect();
    for time in [0, times[0], times[1], times[1] + 1, times[2], times[2] + 1] {
        scene.saw(offset(&client.ask(&search(scene, 0, time))));
    }
}

fn time_of_nothing(scene: &mut Scene<'_>) {
    let mut client = scene.to_broker();
    scene.saw(offset(&client.ask(&search(scene, 0, 0))));
    scene.topic(1);
    scene.saw(offset(&client.ask(&search(scene, 0, 0))));
    scene.saw(offset(&client.ask(&search(scene, 7, 0))));
}

fn never_committed(scene: &mut Scene<'_>) {
    let mut client = scene.to_broker();
    scene.saw(offset(&client.ask(&query(scene, 0, None))));
    scene.topic(2);
    scene.stored("m", "A");
    for (queue, zero) in
        [(0, None), (0, Some(true)), (0, Some(false)), (1, None), (1, Some(false)), (7, None)]
    {
        scene.saw(offset(&client.ask(&query(scene, queue, zero))));
    }
}

fn committed(scene: &mut Scene<'_>) {
    scene.filled(&["A", "A", "A"]);
    let mut client = scene.member("c1");
    for position in [3, 1, 5] {
        scene.saw(code(&client.ask(&commit(scene, 0, position))));
        scene.saw(offset(&client.ask(&query(scene, 0, Some(false)))));
    }
}

fn commit_of_a_stranger(scene: &mut Scene<'_>) {
    scene.filled(&["A"]);
    let mut client = scene.to_broker();
    scene.saw(code(&client.ask(&commit(scene, 0, 1))));
    scene.saw(offset(&client.ask(&query(scene, 0, Some(false)))));
    // A pull makes the group.
    client.ask(&scene.pull(0));
    scene.saw(code(&client.ask(&commit(scene, 0, 1))));
    scene.saw(offset(&client.ask(&query(scene, 0, Some(false)))));
}

fn commit_for_nothing(scene: &mut Scene<'_>) {
    let mut client = scene.member("c1");
    scene.saw(code(&client.ask(&commit(scene, 0, 1))));
    scene.topic(1);
    scene.saw(code(&client.ask(&commit(scene, 7, 1))));
    scene.saw(offset(&client.ask(&query(scene, 7, Some(false)))));
}

/// INVOKE_BROKER_TO_RESET_OFFSET, as mqadmin sends it.
fn ask_for_reset(scene: &Scene<'_>, extra: &[(&'static str, &str)]) -> Frame {
    let mut fields =
        vec![("topic", scene.topic.as_str()), ("group", scene.group.as_str()), ("isForce", "true")];
    fields.extend_from_slice(extra);
    scene.to_broker().ask_by_code(222, &fields, &[])
}

fn offsets_told(frame: &Frame) -> String {
    let body = String::from_utf8_lossy(&frame.body).into_owned();
    format!("{} {body}", code(frame))
}

fn reset(scene: &mut Scene<'_>) {
    scene.filled(&["A", "A", "A"]);
    let mut member = scene.member("c1");
    member.ask(&commit(scene, 0, 3));
    let held = member.send(&scene.held_pull(3, 3000));
    // Held before the other connection asks.
    assert!(!member.is_answered(held, NEVER));
    scene.saw(offsets_told(&ask_for_reset(scene, &[("timestamp", "0")])));
    let told = member.request(RequestCode::ResetConsumerClientOffset, NEVER);
    scene.saw(told.map_or("nobody is told".to_owned(), |told| {
        format!("told {}", fields(&told, &["topic", "group", "timestamp"]))
    }));
    after_reset(scene, &mut member, held);
}

/// What a member sees that committed and pulls on.
fn after_reset(scene: &mut Scene<'_>, member: &mut Client, held: i32) {
    scene.saw(offset(&member.ask(&query(scene, 0, Some(false)))));
    let answer = member.ask(&commit(scene, 0, 2));
    let dropped =
        answer.header.remark.is_some_and(|remark| remark.contains("Offset has been previously reset"));
    scene.saw(if dropped { "dropped" } else { "taken" });
    scene.saw(offset(&member.ask(&query(scene, 0, Some(false)))));
    scene.saw(pulled(&member.response(held)));
    scene.saw(pulled(&member.ask(&scene.pull(2))));
    scene.saw(code(&member.ask(&commit(scene, 0, 2))));
    scene.saw(offset(&member.ask(&query(scene, 0, Some(false)))));
}

fn reset_of_one_queue(scene: &mut Scene<'_>) {
    scene.topic(2);
    for body in ["a", "b", "c"] {
        scene.stored(body, "A");
    }
    let mut member = scene.member("c1");
    member.ask(&commit(scene, 0, 3));
    let answer = ask_for_reset(scene, &[("timestamp", "0"), ("queueId", "0"), ("offset", "1")]);
    scene.saw(offsets_told(&answer));
    scene.saw(pulled(&member.ask(&scene.pull(3))));
    scene.saw(pulled(&member.ask(&scene.pull(1))));
}

fn reset_of_nothing(scene: &mut Scene<'_>) {
    scene.saw(code(&ask_for_reset(scene, &[("timestamp", "0")])));
    scene.topic(1);
    scene.saw(code(&ask_for_reset(scene, &[("timestamp", "0")])));
}
