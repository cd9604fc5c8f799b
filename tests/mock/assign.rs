//! What a consumer with assigned queues asks for, and what it never says.

use rmq::{Outcome, Seek};
use rmq_mock::{Fault, MockCluster, Produced, RequestCode, ResponseCode};
use rmq_testbed::wait_until;

use crate::member::{Member, Setup};
use crate::tools::{WITHIN, assert_less_since, fill, millis};

fn assigned(setup: Setup, queues_json: &str) -> Member {
    let member = setup.build();
    member.consumer.assign(queues_json).unwrap();
    member.consumer.start().unwrap();
    member
}

#[test]
fn an_assigned_consumer_says_nothing_to_its_group() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    fill(&cluster, "T", 0, 5);
    let setup = Setup::new(&cluster, "g").set("heartbeat.interval.ms", "1000");
    let member = assigned(setup, r#"[{"topic":"T","queue_id":0,"expression":"*"}]"#);
    member.record.wait_for(5, WITHIN);
    wait_until("a second heartbeat", WITHIN, || cluster.requests(RequestCode::HeartBeat).len() >= 2);
    assert!(cluster.members("g").is_empty());
    member.stop();
    assert_eq!(cluster.committed("g", "T", 0), Some(5));
    for code in [
        RequestCode::GetConsumerListByGroup,
        RequestCode::LockBatchMq,
        RequestCode::UnlockBatchMq,
        RequestCode::UnregisterClient,
        RequestCode::ConsumerSendMsgBack,
    ] {
        assert_eq!(cluster.requests(code).len(), 0, "{code:?}");
    }
    let pulls = cluster.requests(RequestCode::PullMessage);
    for pull in &pulls {
        assert_eq!((pull.field("topic"), pull.field("queueId")), (Some("T"), Some("0")));
        assert_eq!((pull.field("sysFlag"), pull.field("subVersion")), (Some("6"), Some("0")));
        assert_eq!((pull.field("subscription"), pull.field("expressionType")), (Some("*"), Some("TAG")));
    }
}

#[test]
fn a_group_that_is_made_by_the_first_pull_gets_the_commit_of_a_paused_queue_all_the_same() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let refusal = Fault::refuse(ResponseCode::SubscriptionGroupNotExist, "Group g not exist!");
    cluster.on(RequestCode::UpdateConsumerOffset).once(refusal);
    let setup = Setup::new(&cluster, "g").set("offset.persist.interval.ms", "60000");
    let member = setup.build();
    member.consumer.pause(None, None, None).unwrap();
    member.consumer.assign(r#"[{"topic":"T"}]"#).unwrap();
    member.consumer.start().unwrap();
    member.consumer.position("T", "broker-a", 0).unwrap();
    member.consumer.commit().unwrap();
    let pulls = cluster.requests(RequestCode::PullMessage);
    let flags: Vec<_> = pulls.iter().map(|pull| pull.field("sysFlag").unwrap()).collect();
    assert_eq!(flags, ["4"], "one that is not held");
    assert_eq!(cluster.committed("g", "T", 0), Some(0));
    assert_eq!(member.record.logged("not exist!"), 0);
}

#[test]
fn what_a_held_pull_passed_over_by_the_old_expression_is_pulled_by_the_new_one() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let hold = cluster.on(RequestCode::PullMessage).hold();
    let member = assigned(Setup::new(&cluster, "g"), r#"[{"topic":"T","expression":"a"}]"#);
    assert!(hold.wait_for(1, WITHIN));
    for tag in ["b", "a"] {
        cluster.produce("T", 0, Produced::new(tag).tag(tag).key(tag));
    }
    // The brokers hear of it late: the answer to the old pull comes before its pull is cut off.
    let late = cluster.on(RequestCode::HeartBeat).hold();
    member.consumer.assign(r#"[{"topic":"T","expression":"b"}]"#).unwrap();
    hold.release();
    member.record.wait_for(1, WITHIN);
    late.release();
    assert_eq!(member.record.deliveries()[0].key.as_deref(), Some("b"));
    wait_until("the end", WITHIN, || cluster.committed("g", "T", 0) == Some(2));
    assert_eq!(member.record.count(), 1);
}

#[test]
fn an_assignment_while_its_broker_keeps_silent_ends_in_time_and_goes_on_by_itself() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 1);
    let member = assigned(Setup::new(&cluster, "g").set("request.timeout.ms", "500"), "[]");
    cluster.name_server_down();
    let begun = std::time::Instant::now();
    // Whether it says so or not: it ends in time.
    let _ = member.consumer.assign(r#"[{"topic":"T"}]"#);
    assert_less_since(begun, millis(3000));
    cluster.name_server_up();
    member.record.wait_for(1, WITHIN);
}

#[test]
fn queues_are_not_assigned_in_broadcasting() {
    let cluster = MockCluster::start();
    let member = Setup::new(&cluster, "g").set("message.model", "broadcasting").build();
    let error = member.consumer.assign("[]").unwrap_err();
    assert!(error.text().starts_with("assign: message.model is broadcasting"), "{error}");
}

#[test]
fn a_queue_that_is_assigned_again_is_owned_when_the_call_returns() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 5);
    let member = assigned(Setup::new(&cluster, "g"), r#"[{"topic":"T"}]"#);
    for offset in 0..5 {
        member.consumer.assign("[]").unwrap();
        member.consumer.assign(r#"[{"topic":"T"}]"#).unwrap();
        member.consumer.seek("T", "broker-a", 0, Seek::Offset(offset)).unwrap();
    }
}

#[test]
fn a_failure_is_counted_once() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 1);
    let setup = Setup::new(&cluster, "g").answer(|_, _| Outcome::Later);
    let member = assigned(setup, r#"[{"topic":"T"}]"#);
    wait_until("the failure", WITHIN, || member.total("failed") > 0);
    std::thread::sleep(millis(50)); // so that it could be counted again
    assert_eq!((member.record.count(), member.total("failed")), (1, 1));
}

#[test]
fn what_is_given_up_is_not_handed_out_once_the_call_has_returned() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 100);
    let member = assigned(Setup::new(&cluster, "g").polling(), r#"[{"topic":"T"}]"#);
    let first = member.consumer.poll(1, Some(WITHIN)).unwrap();
    first.ack().unwrap();
    member.consumer.assign("[]").unwrap();
    let none = member.consumer.poll(1, Some(millis(0))).err().map(|error| error.kind());
    assert_eq!(none, Some(rmq::ErrorKind::Timeout));
}

#[test]
fn assigned_queues_that_do_not_exist_are_told_once() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let setup = Setup::new(&cluster, "g").set("rebalance.interval.ms", "100");
    let queues = r#"[{"topic":"T","queue_id":7},{"topic":"T","broker":"broker-z"},{"topic":"T"}]"#;
    let member = assigned(setup, queues);
    wait_until("the queue that exists", WITHIN, || member.queues("T") == [0]);
    cluster.create_topic("T", 2);
    member.consumer.assign(queues).unwrap();
    wait_until("the warning", WITHIN, || !member.record.events(rmq::EventKind::Warning).is_empty());
    let told = member.record.events(rmq::EventKind::Warning);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["warning"], &told[0]["queues"]),
        (&"absent_queues".into(), &serde_json::json!(["T/*/7", "T/broker-z/*"]))
    );
}
