//! Each property seen by what it does. Java's names and the ones with underscores are used here and there.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rmq::protocol::command::{ConsumeFrom, Heartbeat, MessageModel};
use rmq::{Outcome, State};
use rmq_mock::{Fault, MockCluster, Produced, Recorded, RequestCode};
use rmq_testbed::wait_until;

use crate::member::{Member, Setup};
use crate::tools::{Gate, WITHIN, assert_less_since, fill, millis, slower};

/// A member whose callbacks wait at a gate, which is opened at its end.
fn gated(cluster: &MockCluster, set: &[(&str, &str)], topics: &[&str]) -> (Member, Gate) {
    let gate = Gate::default();
    let mut setup = Setup::new(cluster, "g").held_at(&gate);
    for (key, value) in set {
        setup = setup.set(key, value);
    }
    for topic in topics {
        setup = setup.subscribe(topic, "*");
    }
    (setup.start(), gate)
}

/// Messages held now.
fn pending(member: &Member) -> u64 {
    member.stats()["pending"].as_u64().unwrap()
}

/// What a member holds once that no longer grows.
fn settled(member: &Member) -> u64 {
    let (mut last, mut since) = (0, Instant::now());
    wait_until("what is held to stop growing", WITHIN, || {
        let now = pending(member);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        now > 0 && since.elapsed() > slower(millis(250))
    });
    last
}

fn of_topic(cluster: &MockCluster, code: RequestCode, topic: &str) -> Vec<Recorded> {
    let requests = cluster.requests(code).into_iter();
    requests.filter(|request| request.field("topic") == Some(topic)).collect()
}

/// The mean time of a turn of so many requests of a kind, from the one numbered `first` on.
fn cadence(cluster: &MockCluster, code: RequestCode, first: usize, turns: u32, requests: u32) -> Duration {
    let last = first + (turns * requests) as usize;
    wait_until("the requests", WITHIN, || cluster.requests(code).len() > last);
    let at: Vec<Instant> = cluster.requests(code).iter().map(|request| request.at).collect();
    (at[last] - at[first]) / turns
}

// --- who and where -----------------------------------------------------------------------------------

#[test]
fn instance_name_and_client_ip_make_the_client_id() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g")
        .set("instanceName", "seven")
        .set("clientIP", "10.1.2.3")
        .subscribe("T", "*")
        .start();
    assert_eq!(member.consumer.client_id(), "10.1.2.3@seven");
    assert_eq!(cluster.members("g"), ["10.1.2.3@seven"]);
}

#[test]
fn without_an_instance_name_no_two_consumers_share_an_id() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    let setup = || Setup::new(&cluster, "g").set("instance_name", "DEFAULT").subscribe("T", "*");
    let (first, second) = (setup().start(), setup().start());
    assert_ne!(first.consumer.client_id(), second.consumer.client_id());
    wait_until("both to have a share", WITHIN, || {
        first.queues("T").len() == 1 && second.queues("T").len() == 1
    });
}

#[test]
fn two_members_of_one_id_are_told() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    let setup = Setup::new(&cluster, "g").set("rebalance.interval.ms", "100").subscribe("T", "*");
    let member = setup.start();
    // It asked before this one came.
    cluster.broker().add_ghost("g", member.consumer.client_id());
    wait_until("it to be told", WITHIN, || member.record.logged("is in the group twice") > 0);
}

// --- what, and from where ----------------------------------------------------------------------------

#[test]
fn by_default_the_group_shares_in_neighbouring_queues() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 5);
    cluster.broker().add_ghost("g", "0.0.0.0@ghost");
    let member =
        Setup::new(&cluster, "g").set("rebalance.handover.timeout.ms", "100").subscribe("T", "*").start();
    let beat = cluster.requests(RequestCode::HeartBeat)[0].read::<Heartbeat>().unwrap();
    assert_eq!(beat.consumers[0].message_model, MessageModel::Clustering);
    assert_eq!(beat.consumers[0].group, "g");
    // The ghost comes first and takes one more.
    wait_until("its share", WITHIN, || member.queues("T") == [3, 4]);
}

/// Where a new group begins on a queue with the offsets 2 to 9, the last five stored a minute ago.
fn begins(from: &str, timestamp: Option<&str>) -> (i64, ConsumeFrom) {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    for offset in 0..10 {
        let age = if offset < 5 { 7_200_000 } else { 60_000 };
        cluster.produce("T", 0, Produced::new("m").stored_at(now - age));
    }
    cluster.broker().set_min_offset("T", 0, 2);
    let mut setup = Setup::new(&cluster, "g").set("consume.from", from).subscribe("T", "*");
    if let Some(timestamp) = timestamp {
        setup = setup.set("consume.timestamp", timestamp);
    }
    let _member = setup.start();
    let is_first = |pull: &Recorded| pull.field("topic") == Some("T");
    let pull = cluster.wait_for_request(RequestCode::PullMessage, WITHIN, is_first).unwrap();
    let beat = cluster.requests(RequestCode::HeartBeat)[0].read::<Heartbeat>().unwrap();
    (pull.field("queueOffset").unwrap().parse().unwrap(), beat.consumers[0].consume_from)
}

#[test]
fn consume_from_says_where_a_new_group_begins() {
    assert_eq!(begins("first_offset", None), (2, ConsumeFrom::FirstOffset));
    assert_eq!(begins("min_offset", None), (2, ConsumeFrom::FirstOffset));
    assert_eq!(begins("CONSUME_FROM_LAST_OFFSET", None), (10, ConsumeFrom::LastOffset));
    assert_eq!(begins("max_offset", None), (10, ConsumeFrom::LastOffset));
    assert_eq!(begins("timestamp", None), (5, ConsumeFrom::Timestamp), "30 minutes back");
    assert_eq!(begins("timestamp", Some("1000")), (2, ConsumeFrom::Timestamp));
    assert_eq!(begins("timestamp", Some("20370101000000")), (10, ConsumeFrom::Timestamp));
}

#[test]
fn by_default_a_new_group_begins_at_the_end_and_its_retries_at_their_beginning() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.create_topic("%RETRY%g", 1);
    fill(&cluster, "T", 0, 3);
    fill(&cluster, "%RETRY%g", 0, 2);
    let member = Setup::new(&cluster, "g").set("consumeFromWhere", "last").subscribe("T", "*").start();
    member.record.wait_for(2, WITHIN);
    let end = |pull: &Recorded| pull.field("topic") == Some("T") && pull.field("queueOffset") == Some("3");
    assert!(cluster.wait_for_request(RequestCode::PullMessage, WITHIN, end).is_some());
    assert!(member.record.deliveries().iter().all(|d| d.queue_topic == "%RETRY%g"));
}

// --- callbacks and threads ---------------------------------------------------------------------------

#[test]
fn threads_start_with_work_and_no_more_callbacks_run_than_allowed() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    let (member, gate) = gated(&cluster, &[("consumeThreadMax", "5")], &["T"]);
    wait_until("both queues", WITHIN, || member.queues("T") == [0, 1]);
    assert_eq!(member.stats()["threads"]["worker"], 0, "no thread before the first message");
    fill(&cluster, "T", 0, 40);
    fill(&cluster, "T", 1, 40);
    wait_until("all threads", WITHIN, || gate.inside() == 5);
    wait_until("the messages to be held", WITHIN, || pending(&member) == 80);
    gate.open();
    member.record.wait_for(80, WITHIN);
    assert_eq!(gate.most(), 5);
    assert_eq!(member.stats()["threads"]["worker"], 5);
}

#[test]
fn one_thread_at_most_means_one_callback_at_a_time() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 4);
    let most = Arc::new(Mutex::new((0, 0)));
    let seen = Arc::clone(&most);
    let member = Setup::new(&cluster, "g")
        .set("consume_threads", "1")
        .subscribe("T", "*")
        .answer(move |_, _| {
            {
                let mut seen = seen.lock().unwrap();
                seen.0 += 1;
                seen.1 = seen.0.max(seen.1);
            }
            std::thread::sleep(millis(2));
            seen.lock().unwrap().0 -= 1;
            Outcome::Success
        })
        .start();
    for queue in 0..4 {
        fill(&cluster, "T", queue, 10);
    }
    member.record.wait_for(40, WITHIN);
    assert_eq!(most.lock().unwrap().1, 1);
}

#[test]
#[ignore = "takes 35 s: how long an idle thread stays is fixed"]
fn threads_above_the_minimum_end_when_they_have_been_idle() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let set = [("consume.thread.min", "2"), ("consume.thread.max", "6")];
    let (member, gate) = gated(&cluster, &set, &["T"]);
    fill(&cluster, "T", 0, 20);
    wait_until("all threads", WITHIN, || gate.inside() == 6);
    gate.open();
    wait_until("the idle ones to end", Duration::from_secs(40), || member.stats()["threads"]["worker"] == 2);
}

#[test]
fn a_callback_gets_as_many_messages_as_allowed_all_of_one_queue() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    fill(&cluster, "T", 0, 25);
    fill(&cluster, "T", 1, 25);
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sizes);
    let member = Setup::new(&cluster, "g")
        .set("batch_size", "10")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            let queues: Vec<i32> = (0..batch.len()).map(|i| batch.message(i).unwrap().queue_id()).collect();
            assert!(queues.iter().all(|queue| *queue == batch.queue_id()));
            seen.lock().unwrap().push(batch.len());
            Outcome::Success
        })
        .start();
    member.record.wait_for(50, WITHIN);
    wait_until("the commits", WITHIN, || (0..2).all(|q| cluster.committed("g", "T", q) == Some(25)));
    let mut sizes = sizes.lock().unwrap().clone();
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 5, 10, 10, 10, 10]);
}

#[test]
fn by_default_a_callback_gets_one_message() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 30);
    let most = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&most);
    let member = Setup::new(&cluster, "g")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            let mut seen = seen.lock().unwrap();
            *seen = batch.len().max(*seen);
            Outcome::Success
        })
        .start();
    member.record.wait_for(30, WITHIN);
    assert_eq!(*most.lock().unwrap(), 1);
}

#[test]
fn the_broker_is_told_after_how_many_tries_to_give_up() {
    for (set, sent) in [(None, "16"), (Some("-1"), "16"), (Some("3"), "3"), (Some("0"), "0")] {
        let cluster = MockCluster::start();
        cluster.create_topic("T", 1);
        cluster.produce("T", 0, "m");
        let mut setup = Setup::new(&cluster, "g").subscribe("T", "*").answer(|_, _| Outcome::Later);
        if let Some(times) = set {
            setup = setup.set("maxReconsumeTimes", times);
        }
        let _member = setup.start();
        let back = cluster.wait_for_request(RequestCode::ConsumerSendMsgBack, WITHIN, |_| true).unwrap();
        assert_eq!(back.field("maxReconsumeTimes"), Some(sent));
        if set == Some("0") {
            wait_until("the dead letter", WITHIN, || cluster.broker().stored("%DLQ%g", 0).len() == 1);
        }
    }
}

// --- pulling and memory ------------------------------------------------------------------------------

#[test]
fn a_pull_asks_for_what_is_configured() {
    let fields = |set: &[(&str, &str)]| {
        let cluster = MockCluster::start();
        cluster.create_topic("T", 1);
        let (_member, _gate) = gated(&cluster, set, &["T"]);
        let pull = cluster.wait_for_request(RequestCode::PullMessage, WITHIN, |_| true).unwrap();
        ["maxMsgNums", "maxMsgBytes", "suspendTimeoutMillis"].map(|name| pull.field(name).unwrap().to_owned())
    };
    assert_eq!(fields(&[]), ["32", "262144", "15000"]);
    let set = [("pullBatchSize", "7"), ("pull.batch.bytes", "4096"), ("brokerSuspendMaxTimeMillis", "900")];
    assert_eq!(fields(&set), ["7", "4096", "900"]);
}

#[test]
fn pulls_rest_for_the_interval_after_each_that_brought_messages() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 40);
    let member = Setup::new(&cluster, "g")
        .set("pull_interval", "120")
        .set("pull.batch.size", "10")
        .subscribe("T", "*");
    let member = member.start();
    member.record.wait_for(40, WITHIN);
    let pulls = of_topic(&cluster, RequestCode::PullMessage, "T");
    assert!(pulls.windows(2).all(|pair| pair[1].at - pair[0].at >= millis(115)));
}

#[test]
fn a_held_pull_ends_after_the_configured_time_and_is_made_again() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let _member = Setup::new(&cluster, "g").set("pull.suspend.ms", "150").subscribe("T", "*").start();
    wait_until("three pulls", WITHIN, || of_topic(&cluster, RequestCode::PullMessage, "T").len() >= 3);
    let pulls = of_topic(&cluster, RequestCode::PullMessage, "T");
    assert!(pulls[1].at - pulls[0].at >= millis(150) && pulls[1].at - pulls[0].at < millis(600));
}

#[test]
fn a_queue_holds_no_more_messages_than_its_threshold_and_one_pull() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    for queue in 0..2 {
        fill(&cluster, "T", queue, 200);
    }
    let (member, gate) = gated(&cluster, &[("pullThresholdForQueue", "50"), ("pullBatchSize", "20")], &["T"]);
    let held = settled(&member);
    assert!((100..=2 * 69).contains(&held), "{held}");
    gate.open();
    member.record.wait_for(400, WITHIN);
}

#[test]
fn a_queue_holds_no_more_bytes_than_its_threshold_and_one_pull() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    for _ in 0..60 {
        cluster.produce("T", 0, Produced::new(vec![0; 100_000]));
    }
    let (member, gate) = gated(&cluster, &[("pullThresholdSizeForQueue", "1")], &["T"]);
    let held = settled(&member);
    assert!((11..=13).contains(&held), "{held} of 0.1 MB each for 1 MiB");
    gate.open();
    member.record.wait_for(60, WITHIN);
}

#[test]
fn the_queues_of_a_topic_together_hold_no_more_than_its_threshold_and_a_pull_each() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 4);
    cluster.create_topic("U", 1);
    for queue in 0..4 {
        fill(&cluster, "T", queue, 200);
    }
    let set = [("pull_threshold_of_topic", "60"), ("pull.batch.size", "10")];
    let (member, gate) = gated(&cluster, &set, &["T", "U"]);
    let held = settled(&member);
    assert!((60..=60 + 4 * 10).contains(&held), "{held}");
    fill(&cluster, "U", 0, 5);
    wait_until("the other topic", WITHIN, || pending(&member) == held + 5);
    gate.open();
    member.record.wait_for(805, WITHIN);
}

#[test]
fn the_queues_of_a_topic_together_hold_no_more_bytes_than_its_threshold_and_a_pull_each() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    for at in 0..60 {
        cluster.produce("T", at % 2, Produced::new(vec![0; 100_000]));
    }
    let (member, gate) = gated(&cluster, &[("pullThresholdSizeForTopic", "2")], &["T"]);
    let held = settled(&member);
    assert!((20..=24).contains(&held), "{held} of 0.1 MB each for 2 MiB");
    gate.open();
    member.record.wait_for(60, WITHIN);
}

#[test]
fn the_consumer_holds_no_more_than_its_threshold_and_a_pull_of_each_queue_and_starves_no_topic() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 3);
    cluster.create_topic("U", 1);
    for queue in 0..3 {
        fill(&cluster, "T", queue, 200);
    }
    let set = [("pullThresholdForAll", "45"), ("pull.batch.size", "10")];
    let (member, gate) = gated(&cluster, &set, &["T", "U"]);
    let held = settled(&member);
    assert!((45..=45 + 3 * 10).contains(&held), "{held}");
    // A queue that holds nothing may always pull once.
    fill(&cluster, "U", 0, 15);
    wait_until("one pull of the other topic", WITHIN, || pending(&member) > held);
    assert!(settled(&member) <= held + 10);
    gate.open();
    member.record.wait_for(615, WITHIN);
}

#[test]
fn the_consumer_holds_no_more_bytes_than_its_threshold_and_a_pull_of_each_queue() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.create_topic("U", 1);
    for _ in 0..30 {
        cluster.produce("T", 0, Produced::new(vec![0; 100_000]));
        cluster.produce("U", 0, Produced::new(vec![0; 100_000]));
    }
    let (member, gate) = gated(&cluster, &[("pull.threshold.all.mib", "2")], &["T", "U"]);
    let held = settled(&member);
    assert!((20..=24).contains(&held), "{held} of 0.1 MB each for 2 MiB");
    gate.open();
    member.record.wait_for(60, WITHIN);
}

#[test]
fn pulls_rest_while_one_message_holds_up_too_many_behind_it() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 300);
    let gate = Gate::default();
    let inside = gate.clone();
    let member = Setup::new(&cluster, "g")
        .set("consumeConcurrentlyMaxSpan", "100")
        .set("pull.batch.size", "20")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            if batch.message(0).unwrap().keys() == Some("0") {
                inside.pass();
            }
            Outcome::Success
        })
        .start();
    wait_until("those before the span", WITHIN, || member.record.count() >= 100);
    std::thread::sleep(millis(200)); // many pulls' time
    let furthest = member.record.deliveries().iter().map(|d| d.offset).max().unwrap();
    assert!((99..=120).contains(&furthest), "{furthest}");
    gate.open();
    member.record.wait_for(300, WITHIN);
}

// --- cadence and time limits -------------------------------------------------------------------------

#[test]
fn heartbeats_routes_and_rebalances_keep_their_intervals() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let set = [
        ("heartbeatBrokerInterval", "200"),
        ("pollNameServerInterval", "300"),
        ("rocketmq.client.rebalance.waitInterval", "250"),
    ];
    let (_member, gate) = gated(&cluster, &set, &["T"]);
    gate.open();
    let mean = cadence(&cluster, RequestCode::HeartBeat, 3, 5, 1);
    assert!(mean >= millis(180) && mean < slower(millis(600)), "{mean:?}");
    let mean = cadence(&cluster, RequestCode::GetConsumerListByGroup, 5, 5, 1);
    assert!(mean >= millis(230) && mean < slower(millis(700)), "{mean:?}");
    // Two topics are asked for at each turn.
    let mean = cadence(&cluster, RequestCode::GetRouteInfoByTopic, 6, 5, 2);
    assert!(mean >= millis(280) && mean < slower(millis(800)), "{mean:?}");
}

#[test]
fn a_commit_that_failed_is_made_again_after_the_persist_interval() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    cluster.on(RequestCode::UpdateConsumerOffset).with("topic", "T").times(3, Fault::busy());
    let set = [("persistConsumerOffsetInterval", "250")];
    let (_member, gate) = gated(&cluster, &set, &["T"]);
    gate.open();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(1));
    let updates = of_topic(&cluster, RequestCode::UpdateConsumerOffset, "T");
    let gaps: Vec<_> = updates.windows(2).take(3).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(gaps.iter().all(|gap| *gap >= millis(240) && *gap < millis(700)), "{gaps:?}");
}

#[test]
fn a_request_that_is_not_answered_fails_after_its_timeout() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    let query = |request: &Recorded| request.field("topic") == Some("T");
    cluster.on(RequestCode::QueryConsumerOffset).with("topic", "T").once(Fault::silence());
    let member = Setup::new(&cluster, "g").set("mqClientApiTimeout", "300").subscribe("T", "*").start();
    member.record.wait_for(1, WITHIN);
    let queries: Vec<_> =
        cluster.requests(RequestCode::QueryConsumerOffset).into_iter().filter(query).collect();
    let waited = queries[1].at - queries[0].at;
    assert!(waited >= millis(300) && waited < millis(700), "{waited:?}");
    assert!(member.record.logged("no answer within 300 ms") > 0);
}

#[test]
fn a_shutdown_without_work_is_quick() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 8);
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    wait_until("the queues", WITHIN, || member.queues("T").len() == 8);
    let begun = Instant::now();
    member.stop();
    assert_less_since(begun, millis(2000));
    assert_eq!(member.consumer.state(), State::Stopped);
}
