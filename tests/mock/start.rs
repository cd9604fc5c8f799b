//! Starting against clusters that are not there, or not all there.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use rmq::{ErrorKind, Level, State};
use rmq_mock::{Fault, MockCluster, RequestCode, ResponseCode};
use rmq_testbed::wait_until;

use crate::member::Setup;
use crate::tools::{WITHIN, assert_less_since, millis, slower};

#[test]
fn a_start_without_any_name_server_fails_in_time_and_names_each_address() {
    let cluster = MockCluster::start();
    cluster.name_server_down();
    let member = Setup::new(&cluster, "g").set("start.timeout.ms", "400").subscribe("T", "*").build();
    let begun = Instant::now();
    let error = member.consumer.start().unwrap_err();
    assert_less_since(begun, millis(1500));
    assert_eq!(error.kind(), ErrorKind::NoNameServer, "{error}");
    for part in ["127.0.0.1:1: ", &cluster.namesrv(), "refused"] {
        assert!(error.text().contains(part), "{error}");
    }
    assert_eq!(member.consumer.state(), State::Created);
}

#[test]
fn a_name_server_that_never_answers_fails_the_start_by_its_address() {
    let cluster = MockCluster::start();
    cluster.on(RequestCode::GetRouteInfoByTopic).always(Fault::silence());
    let member = Setup::new(&cluster, "g").set("start.timeout.ms", "300").subscribe("T", "*").build();
    let begun = Instant::now();
    let error = member.consumer.start().unwrap_err();
    assert_less_since(begun, millis(1500));
    assert_eq!(error.kind(), ErrorKind::NoNameServer, "{error}");
    assert!(error.text().contains(&cluster.namesrv()), "{error}");
}

#[test]
fn a_start_that_failed_may_be_repeated_when_the_name_server_is_up() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    cluster.produce("T", 1, "late");
    cluster.name_server_down();
    // The second start has no longer than the first.
    let within = slower(millis(200)).as_millis().to_string();
    let member = Setup::new(&cluster, "g").set("start.timeout.ms", &within).subscribe("T", "*").build();
    assert!(member.consumer.start().is_err());
    cluster.name_server_up();
    member.consumer.start().unwrap();
    member.record.wait_for(1, WITHIN);
    assert_eq!(member.consumer.state(), State::Running);
}

#[test]
fn a_start_without_waiting_goes_on_in_the_background() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "late");
    cluster.name_server_down();
    let member = Setup::new(&cluster, "g").set("start.timeout.ms", "0").subscribe("T", "*").start();
    assert_eq!(member.consumer.state(), State::Running);
    cluster.name_server_up();
    member.record.wait_for(1, WITHIN);
    assert_eq!(member.record.logged("topic T has no route yet"), 0, "nobody said so");
}

#[test]
fn what_would_consume_nothing_is_warned_of() {
    let cluster = MockCluster::start();
    let member = Setup::new(&cluster, "g").start();
    assert_eq!(member.record.logged("started without a subscription"), 1);
    member.consumer.subscribe("T", "new,paid").unwrap();
    assert_eq!(member.record.logged("tag \"new,paid\" of topic T contains ','"), 1);
    wait_until("the topic to be missed", WITHIN, || member.record.logged("topic T has no route yet") == 1);
}

#[test]
fn a_dead_name_server_beside_a_live_one_does_not_delay_the_start() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    // Connections to it are made by the system and never answered.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let list = format!("{};127.0.0.1:1;{}", mute.local_addr().unwrap(), cluster.namesrv());
    for _ in 0..3 {
        let member = Setup::new(&cluster, "g").set("namesrvAddr", &list).subscribe("T", "*").build();
        let begun = Instant::now();
        member.consumer.start().unwrap();
        let took = begun.elapsed();
        member.stop();
        assert!(took < slower(millis(1500)), "{took:?}");
    }
}

#[test]
fn a_broker_that_refuses_heartbeats_fails_the_start_with_its_own_text() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let refusal = Fault::refuse(ResponseCode::NoPermission, "the group is on the black list");
    cluster.on(RequestCode::HeartBeat).always(refusal);
    let member = Setup::new(&cluster, "g").set("start.timeout.ms", "3000").subscribe("T", "*").build();
    let error = member.consumer.start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Broker(ResponseCode::NoPermission));
    assert!(error.text().contains("the group is on the black list"), "{error}");
    assert_eq!(error.remark(), Some("the group is on the black list"));
    cluster.behave();
    member.consumer.start().unwrap();
}

#[test]
fn a_broker_that_never_answers_fails_the_start_in_time_by_its_address() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.on(RequestCode::HeartBeat).always(Fault::silence());
    let member = Setup::new(&cluster, "g").set("start.timeout.ms", "300").subscribe("T", "*").build();
    let begun = Instant::now();
    let error = member.consumer.start().unwrap_err();
    assert_less_since(begun, millis(1500));
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.text().contains(&cluster.broker().address()), "{error}");
    assert_eq!(member.consumer.state(), State::Created);
}

#[test]
fn a_busy_broker_is_asked_again_within_the_start() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, "m");
    cluster.on(RequestCode::HeartBeat).times(2, Fault::busy());
    let member = Setup::new(&cluster, "g").subscribe("T", "*").start();
    member.record.wait_for(1, WITHIN);
}

#[test]
fn a_topic_that_does_not_exist_is_warned_of_once_and_consumed_when_it_appears() {
    let cluster = MockCluster::start();
    cluster.create_topic("Other", 1);
    let member = Setup::new(&cluster, "g").subscribe("Other", "*").subscribe("Later", "*").start();
    let asks = || {
        let asks = cluster.requests(RequestCode::GetRouteInfoByTopic);
        asks.iter().filter(|r| r.field("topic") == Some("Later")).count()
    };
    wait_until("it to be asked for again and again", WITHIN, || asks() >= 5);
    let warnings = || {
        let logs = member.record.logs();
        logs.iter().filter(|(level, text)| *level == Level::Warn && text.contains("Later")).count()
    };
    assert_eq!(warnings(), 1);
    cluster.create_topic("Later", 2);
    cluster.produce("Later", 1, "first");
    member.record.wait_for(1, WITHIN);
    assert_eq!(warnings(), 1);
    assert_eq!(member.record.deliveries()[0].topic, "Later");
}

#[test]
fn the_first_message_comes_without_any_fixed_delay() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 4);
    cluster.produce("T", 2, "m");
    // The best of three: the machine may be busy, a fixed delay would be in each.
    let took = (0..3).map(|group| {
        let begun = Instant::now();
        let member = Setup::new(&cluster, &format!("g{group}")).subscribe("T", "*").start();
        member.record.wait_for(1, WITHIN);
        begun.elapsed()
    });
    let best = took.min().unwrap();
    assert!(best < slower(millis(500)), "{best:?}");
}

/// Threads and descriptors of a process: in one of its own, since other tests have theirs in this one.
#[test]
fn failed_starts_and_whole_lives_leave_no_thread_and_no_descriptor_behind() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "start::lives_alone_in_a_process", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", {
        String::from_utf8_lossy(&output.stderr)
    });
}

#[test]
#[ignore = "counts the threads of its process: run by the test above, in a process of its own"]
fn lives_alone_in_a_process() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 4);
    let live = |start_works: bool| {
        let timeout = if start_works { "10000" } else { "100" };
        let member = Setup::new(&cluster, "g").set("start.timeout.ms", timeout).subscribe("T", "*").build();
        assert_eq!(member.consumer.start().is_ok(), start_works);
        if start_works {
            let seen = member.record.count();
            cluster.produce("T", 0, "m");
            member.record.wait_for(seen + 1, WITHIN);
        }
        member.stop();
    };
    let settled = |threads: usize, fds: usize| {
        // The mock's own threads for connections end a moment after these.
        wait_until("threads and descriptors to return", WITHIN, || {
            entries("/proc/self/task") <= threads && entries("/proc/self/fd") <= fds
        });
    };
    live(true);
    std::thread::sleep(Duration::from_millis(300));
    let (threads, fds) = (entries("/proc/self/task"), entries("/proc/self/fd"));
    for _ in 0..10 {
        live(true);
    }
    settled(threads, fds);
    cluster.name_server_down();
    for _ in 0..10 {
        live(false);
    }
    settled(threads, fds);
}

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}
