//! What a slave serves and what it leaves to its master. Topic and group are there before a scenario begins: a
//! slave copies them from its master in its own time.

use rmq::message::MessageQueue;
use rmq::protocol::command::{
    Answer, ConsumerSendMessageBack, GetMaxOffset, GetMinOffset, LockQueues, LockedQueues,
    QueryConsumerOffset, UpdateConsumerOffset,
};
use rmq_testbed::wait_until;

use super::client::Client;
use super::scene::{NEVER, SOON, Scene, code, fields, messages, pulled};
use super::{Scenario, differs, same};

pub const TABLE: &[Scenario] = &[
    same(
        "the route of a topic with a slave",
        route,
        r#"broker-a of DefaultCluster {0: "MASTER", 1: "SLAVE"}; broker-a 1 1 6"#,
    ),
    same("a pull from a slave", pull, "0 next 2 of 0..2 broker 0 0:m0 1:m1; 19 next 2 of 0..2 broker 0"),
    same("a held pull at a slave that a message answers", held, "false; 0 next 3 of 0..3 broker 0 2:m2"),
    same("a pull from a slave without a heartbeat", without_heartbeat, "24"),
    same("a pull behind the end of a slave's copy", behind_the_end, "20 next 10 of 0..2 broker 0"),
    same("the bounds of a slave's queue", bounds, "0 offset=0"),
    same("a commit and a query at a slave", commit, "0; 0 offset=2"),
    same("a lock at a slave", lock, "0 Ok(1); 0 Ok(0)"),
    differs("a message that is sent back to a slave", back, "2", "1", "4.9.7 looks at the request first"),
    differs("a message that is sent to a slave", send, "2", "14", "4.9.7 looks at the request first"),
];

/// Waits until the slave has so many messages.
fn copied(scene: &Scene<'_>, client: &mut Client, count: i64) {
    let request = GetMaxOffset { topic: scene.topic.clone(), queue_id: 0, committed: true };
    wait_until("the slave to have all", SOON, || {
        fields(&client.ask(&request), &["offset"]) == format!("0 offset={count}")
    });
}

/// A slave with two messages and a member that has greeted it.
fn filled(scene: &Scene<'_>) -> Client {
    scene.stored("m0", "A");
    scene.stored("m1", "A");
    let mut client = scene.to_slave();
    copied(scene, &mut client, 2);
    assert_eq!(client.ask(&scene.beat("c1", "*", 1000)).header.code, 0);
    client
}

fn route(scene: &mut Scene<'_>) {
    let answer = scene.route(&scene.topic);
    super::groups::saw_route(scene, &answer);
}

fn pull(scene: &mut Scene<'_>) {
    let mut client = filled(scene);
    scene.saw(pulled(&client.ask(&scene.pull(0))));
    scene.saw(pulled(&client.ask(&scene.pull(2))));
}

fn held(scene: &mut Scene<'_>) {
    let mut client = filled(scene);
    let held = client.send(&scene.held_pull(2, 20_000));
    scene.saw(client.is_answered(held, NEVER));
    scene.stored("m2", "A");
    scene.saw(pulled(&client.response(held)));
}

fn without_heartbeat(scene: &mut Scene<'_>) {
    scene.stored("m0", "A");
    let mut client = scene.to_slave();
    copied(scene, &mut client, 1);
    scene.saw(pulled(&client.ask(&scene.pull(0))));
}

fn behind_the_end(scene: &mut Scene<'_>) {
    let mut client = filled(scene);
    scene.saw(pulled(&client.ask(&scene.pull(10))));
}

fn bounds(scene: &mut Scene<'_>) {
    let mut client = filled(scene);
    let request = GetMinOffset { topic: scene.topic.clone(), queue_id: 0 };
    scene.saw(fields(&client.ask(&request), &["offset"]));
}

fn commit(scene: &mut Scene<'_>) {
    let mut client = filled(scene);
    let (consumer_group, topic) = (scene.group.clone(), scene.topic.clone());
    let update = UpdateConsumerOffset { consumer_group, topic, queue_id: 0, commit_offset: 2 };
    scene.saw(code(&client.ask(&update)));
    let (consumer_group, topic) = (scene.group.clone(), scene.topic.clone());
    let query =
        QueryConsumerOffset { consumer_group, topic, queue_id: 0, set_zero_if_not_found: Some(false) };
    scene.saw(fields(&client.ask(&query), &["offset"]));
}

fn lock(scene: &mut Scene<'_>) {
    let queue = MessageQueue { topic: scene.topic.as_str().into(), broker: "broker-a".into(), id: 0 };
    for client_id in ["c1", "c2"] {
        let (consumer_group, client_id) = (scene.group.clone(), client_id.to_owned());
        let request = LockQueues { consumer_group, client_id, queues: vec![queue.clone()] };
        let answer = scene.to_slave().ask(&request);
        let granted = LockedQueues::read(&answer.header, &answer.body).map(|locked| locked.queues.len());
        scene.saw(format!("{} {granted:?}", code(&answer)));
    }
}

fn back(scene: &mut Scene<'_>) {
    let mut client = filled(scene);
    let message = messages(&client.ask(&scene.pull(0))).remove(0);
    let request = ConsumerSendMessageBack {
        offset: message.commit_log_offset(),
        group: scene.group.clone(),
        max_reconsume_times: Some(16),
        ..ConsumerSendMessageBack::default()
    };
    scene.saw(code(&client.ask(&request)));
}

fn send(scene: &mut Scene<'_>) {
    scene.saw(code(&scene.to_slave().ask(&scene.message("m", &[]))));
}
