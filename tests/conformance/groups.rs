//! Groups: who is in them, who is told, and who has locked what. Routes, which they need.

use std::time::Duration;

use rmq::message::MessageQueue;
use rmq::protocol::command::{
    Answer, CheckClientConfig, ConsumerConnections, ConsumerList, GetAllTopics, GetConsumerConnectionList,
    GetConsumerList, GetRouteInfo, GetSystemTopics, LockQueues, LockedQueues, RouteData, TopicList,
    UnlockQueues, UnregisterClient,
};
use rmq::protocol::{Frame, RequestCode};
use rmq_testbed::wait_until;

use super::client::Client;
use super::scene::{SOON, Scene, code, count, field, new_topic, subscription};
use super::{Scenario, differs, lacks, same};

const NOTIFY: RequestCode = RequestCode::NotifyConsumerIdsChanged;

pub const TABLE: &[Scenario] = &[
    // First, since a real broker takes a minute for it.
    same("locks that nobody renews", locks_end, "c1 [0, 1]; c2 []; c1 [1]; c2 [0]; c1 [1]"),
    same("the route of a topic", route, r#"broker-a of DefaultCluster {0: "MASTER"}; broker-a 3 3 6"#),
    same("the route of a topic that is not there", no_route, "17"),
    same(
        "the route of a group's retry topic, which its first heartbeat makes",
        retry_route,
        r#"broker-a of DefaultCluster {0: "MASTER"}; broker-a 1 1 6"#,
    ),
    same("the list of all topics and that of the system's", topics, "1; true true; false"),
    same("a request code that no broker knows", unknown_code, "3"),
    differs(
        "a request code that no name server knows",
        unknown_code_to_name_server,
        "3",
        "no answer",
        "4.9.7 leaves it without an answer",
    ),
    same(
        "the members of a group",
        members,
        r#"1; 0 ["c1"]; 0 ["c1", "c2", "c2"]; 0; 0 ["c2", "c2"]; 0; 0 ["c2"]; 1"#,
    ),
    same(
        "who is told of members that come, stay and go",
        told,
        "c1 comes: 1; c1 stays: 0; c2 comes: 1 1; c2 goes: G true; and 0 0",
    ),
    same("a member whose connection ends", connection_ends, r#"true; 0 ["c1"]"#),
    same(
        "a member whose subscription changes",
        subscription_changes,
        "another expression: 0 0; one topic more: 1 1; one topic less: 1 1",
    ),
    same(
        "the connections of a group with their subscriptions",
        connections,
        r#"206; ["c1", "c2"]; T A || B TAG 1000"#,
    ),
    same("a check of a subscription", check, "0; 0"),
    lacks(
        "a check of SQL that is none",
        check_of_no_sql,
        "23",
        "0",
        "the mock reads no SQL, and filters by none",
    ),
    same("locks of queues", locks, "c1 [0, 1]; c2 [2]; c1 [0, 1]; 0; c3 [2]; 0; c3 [0, 1, 2]"),
    same("locks of queues and topics that are not there", locks_of_nothing, "c1 [0]; c1 [7]; c2 []; 0"),
];

fn route(scene: &mut Scene<'_>) {
    scene.topic(3);
    let answer = scene.route(&scene.topic);
    saw_route(scene, &answer);
}

pub fn saw_route(scene: &mut Scene<'_>, answer: &Frame) {
    let route = RouteData::read(&answer.header, &answer.body).unwrap();
    for broker in &route.brokers {
        scene.saw(format!("{} of {} {:?}", broker.name, broker.cluster, broker.addresses));
    }
    for queues in &route.queues {
        let (read, write) = (queues.read_queues, queues.write_queues);
        scene.saw(format!("{} {read} {write} {}", queues.broker, queues.permission));
    }
}

fn no_route(scene: &mut Scene<'_>) {
    let topic = scene.topic.clone();
    let request = GetRouteInfo { topic, ..GetRouteInfo::default() };
    scene.saw(code(&scene.to_name_server().ask(&request)));
}

fn retry_route(scene: &mut Scene<'_>) {
    scene.topic(3);
    let _member = scene.member("c1");
    let answer = scene.route(&format!("%RETRY%{}", scene.group));
    saw_route(scene, &answer);
}

fn topics(scene: &mut Scene<'_>) {
    scene.topic(1);
    scene.route(&scene.topic);
    let mut client = scene.to_name_server();
    let answer = client.ask(&GetAllTopics {});
    let all = TopicList::read(&answer.header, &answer.body).unwrap().topics;
    let of_topic = all.iter().filter(|topic| **topic == scene.topic).count();
    scene.saw(of_topic);
    let answer = client.ask(&GetSystemTopics {});
    let system = TopicList::read(&answer.header, &answer.body).unwrap().topics;
    scene.saw(
        ["broker-a", "DefaultCluster"]
            .map(|name| system.iter().any(|topic| topic == name))
            .map(|b| b.to_string())
            .join(" "),
    );
    scene.saw(system.contains(&scene.topic));
}

fn unknown_code(scene: &mut Scene<'_>) {
    scene.saw(code(&scene.to_broker().ask_by_code(29_999, &[], &[])));
}

fn unknown_code_to_name_server(scene: &mut Scene<'_>) {
    let mut client = scene.to_name_server();
    let asked = client.send_by_code(29_999, &[], &[]);
    let answered = client.is_answered(asked, Duration::from_secs(3));
    scene.saw(if answered { code(&client.response(asked)) } else { "no answer".to_owned() });
}

fn list(scene: &Scene<'_>, client: &mut Client) -> String {
    let answer = client.ask(&GetConsumerList { consumer_group: scene.group.clone() });
    if answer.header.code != 0 {
        return code(&answer);
    }
    let mut ids = ConsumerList::read(&answer.header, &answer.body).unwrap().ids;
    ids.sort();
    format!("0 {ids:?}")
}

fn leave(scene: &Scene<'_>, client_id: &str) -> UnregisterClient {
    let consumer_group = Some(scene.group.clone());
    UnregisterClient { client_id: client_id.to_owned(), producer_group: None, consumer_group }
}

fn members(scene: &mut Scene<'_>) {
    scene.topic(1);
    let mut asking = scene.to_broker();
    scene.saw(list(scene, &mut asking));
    let mut first = scene.member("c1");
    scene.saw(list(scene, &mut asking));
    let mut second = scene.member("c2");
    let _twin = scene.member("c2");
    scene.saw(list(scene, &mut asking));
    scene.saw(code(&first.ask(&leave(scene, "c1"))));
    scene.saw(list(scene, &mut asking));
    // By id and not by connection?
    scene.saw(code(&second.ask(&leave(scene, "c2"))));
    scene.saw(list(scene, &mut asking));
    drop(_twin);
    wait_until("the twin to be gone", SOON, || list(scene, &mut asking) != "0 [\"c2\"]");
    scene.saw(list(scene, &mut asking));
}

fn told(scene: &mut Scene<'_>) {
    scene.topic(1);
    let mut first = scene.member("c1");
    scene.saw(format!("c1 comes: {}", count(&mut first, NOTIFY)));
    first.ask(&scene.beat("c1", "*", 1000));
    scene.saw(format!("c1 stays: {}", count(&mut first, NOTIFY)));
    let mut second = scene.member("c2");
    scene.saw(format!("c2 comes: {} {}", count(&mut first, NOTIFY), count(&mut second, NOTIFY)));
    second.ask(&leave(scene, "c2"));
    let told = first.request(NOTIFY, SOON).unwrap();
    scene.saw(format!("c2 goes: {} {}", field(&told, "consumerGroup"), told.header.is_oneway()));
    scene.saw(format!("and {} {}", count(&mut first, NOTIFY), count(&mut second, NOTIFY)));
}

fn connection_ends(scene: &mut Scene<'_>) {
    scene.topic(1);
    let mut first = scene.member("c1");
    let second = scene.member("c2");
    count(&mut first, NOTIFY);
    drop(second);
    scene.saw(first.request(NOTIFY, SOON).is_some());
    scene.saw(list(scene, &mut first));
}

fn subscription_changes(scene: &mut Scene<'_>) {
    scene.topic(1);
    let mut first = scene.member("c1");
    let mut second = scene.member("c2");
    count(&mut first, NOTIFY);
    count(&mut second, NOTIFY);
    second.ask(&scene.beat("c2", "A", 2000));
    scene.saw(format!("another expression: {} {}", count(&mut first, NOTIFY), count(&mut second, NOTIFY)));
    let mut beat = scene.beat("c2", "A", 2000);
    beat.consumers[0].subscriptions.push(subscription(&format!("{}-b", scene.topic), "*", 2000));
    second.ask(&beat);
    scene.saw(format!("one topic more: {} {}", count(&mut first, NOTIFY), count(&mut second, NOTIFY)));
    second.ask(&scene.beat("c2", "A", 2000));
    scene.saw(format!("one topic less: {} {}", count(&mut first, NOTIFY), count(&mut second, NOTIFY)));
}

fn connections(scene: &mut Scene<'_>) {
    scene.topic(1);
    let request = GetConsumerConnectionList { consumer_group: scene.group.clone() };
    let mut client = scene.to_broker();
    scene.saw(code(&client.ask(&request)));
    let _first = scene.member_for("c1", "A || B");
    let _second = scene.member_for("c2", "A || B");
    let answer = client.ask(&request);
    let mut found = ConsumerConnections::read(&answer.header, &answer.body).unwrap();
    found.clients.sort();
    scene.saw(format!("{:?}", found.clients));
    for data in
        found.subscriptions.iter().filter(|data| data.topic == scene.topic).cloned().collect::<Vec<_>>()
    {
        scene.saw(format!("{} {} {} {}", data.topic, data.expression, data.expression_type, data.version));
    }
}

fn check(scene: &mut Scene<'_>) {
    saw_checked(scene, &[("TAG", "A || B"), ("SQL92", "a > 1")]);
}

fn check_of_no_sql(scene: &mut Scene<'_>) {
    saw_checked(scene, &[("SQL92", "a > > 1")]);
}

fn saw_checked(scene: &mut Scene<'_>, subscriptions: &[(&str, &str)]) {
    let mut client = scene.to_broker();
    for (kind, expression) in subscriptions {
        let mut subscription = subscription(&scene.topic, expression, 1000);
        subscription.expression_type = (*kind).to_owned();
        let group = scene.group.clone();
        let request = CheckClientConfig { client_id: "c1".to_owned(), group, namespace: None, subscription };
        scene.saw(code(&client.ask(&request)));
    }
}

fn lock(scene: &Scene<'_>, client: &mut Client, client_id: &str, queues: &[i32]) -> String {
    let answer = client.ask(&LockQueues {
        consumer_group: scene.group.clone(),
        client_id: client_id.to_owned(),
        queues: named(scene, queues),
    });
    let mut granted: Vec<i32> = LockedQueues::read(&answer.header, &answer.body)
        .unwrap()
        .queues
        .iter()
        .map(|queue| queue.id)
        .collect();
    granted.sort_unstable();
    format!("{client_id} {granted:?}")
}

fn named(scene: &Scene<'_>, queues: &[i32]) -> Vec<MessageQueue> {
    let queue =
        |id: &i32| MessageQueue { topic: scene.topic.as_str().into(), broker: "broker-a".into(), id: *id };
    queues.iter().map(queue).collect()
}

fn unlock(scene: &Scene<'_>, client: &mut Client, client_id: &str, queues: &[i32]) -> String {
    code(&client.ask(&UnlockQueues {
        consumer_group: scene.group.clone(),
        client_id: client_id.to_owned(),
        queues: named(scene, queues),
    }))
}

fn locks(scene: &mut Scene<'_>) {
    scene.topic(3);
    // Not a member: locks ask for no heartbeat.
    let mut client = scene.to_broker();
    scene.saw(lock(scene, &mut client, "c1", &[0, 1]));
    scene.saw(lock(scene, &mut client, "c2", &[0, 1, 2]));
    scene.saw(lock(scene, &mut client, "c1", &[0, 1, 2]));
    scene.saw(unlock(scene, &mut client, "c2", &[0, 2]));
    scene.saw(lock(scene, &mut client, "c3", &[0, 1, 2]));
    scene.saw(unlock(scene, &mut client, "c1", &[0, 1]));
    scene.saw(lock(scene, &mut client, "c3", &[0, 1, 2]));
}

fn locks_end(scene: &mut Scene<'_>) {
    let mut client = scene.to_broker();
    scene.saw(lock(scene, &mut client, "c1", &[0, 1]));
    (scene.target.pass)(Duration::from_secs(50));
    scene.saw(lock(scene, &mut client, "c2", &[0, 1]));
    scene.saw(lock(scene, &mut client, "c1", &[1]));
    (scene.target.pass)(Duration::from_secs(12));
    scene.saw(lock(scene, &mut client, "c2", &[0, 1]));
    scene.saw(lock(scene, &mut client, "c1", &[0, 1]));
}

fn locks_of_nothing(scene: &mut Scene<'_>) {
    let mut client = scene.to_broker();
    scene.saw(lock(scene, &mut client, "c1", &[0]));
    scene.to_broker().ask(&new_topic(&scene.topic, 1));
    scene.saw(lock(scene, &mut client, "c1", &[7]));
    scene.saw(lock(scene, &mut client, "c2", &[7]));
    scene.saw(unlock(scene, &mut client, "c2", &[9]));
}
