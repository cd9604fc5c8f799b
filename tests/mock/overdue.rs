//! Callbacks that take too long.

use rmq::{Level, Outcome};
use rmq_mock::{MockCluster, Produced, RequestCode};
use rmq_testbed::wait_until;

use crate::member::Setup;
use crate::tools::{Gate, WITHIN, fill, millis};

#[test]
fn a_callback_past_its_timeout_loses_its_message_and_its_late_result() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 2);
    let (gate, waits) = (Gate::default(), Gate::default());
    waits.open();
    let inside = gate.clone();
    let member = Setup::new(&cluster, "g")
        .set("consume.timeout.ms", "200")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            let message = batch.message(0).unwrap();
            if message.keys() == Some("0") && message.reconsume_times() == 0 {
                inside.pass();
            }
            Outcome::Success
        })
        .start();
    member.record.wait_for(3, WITHIN);
    let again = member.record.deliveries().into_iter().find(|d| d.times == 1).unwrap();
    assert_eq!((again.key.as_deref(), again.queue_topic.as_str()), (Some("0"), "%RETRY%g"));
    let back = cluster.requests(RequestCode::ConsumerSendMsgBack);
    assert_eq!((back.len(), back[0].field("delayLevel")), (1, Some("3")));
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(2));
    assert_eq!(gate.inside(), 1, "the callback still runs");
    gate.open();
    wait_until("the late result to be told", WITHIN, || {
        member.record.logged("ended after its timeout; its result Success is ignored") == 1
    });
    assert_eq!(member.total("timed_out"), 1);
    assert_eq!(cluster.requests(RequestCode::ConsumerSendMsgBack).len(), 1);
}

#[test]
fn a_slow_callback_is_told_once() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, Produced::new("m"));
    let gate = Gate::default();
    let member =
        Setup::new(&cluster, "g").set("slow.message.ms", "100").subscribe("T", "*").held_at(&gate).start();
    wait_until("the warning", WITHIN, || member.record.logged("T/broker-a/0 offset 0 runs for") > 0);
    std::thread::sleep(millis(100));
    gate.open();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(1));
    assert_eq!(member.record.logged("offset 0 runs for"), 1);
}

#[test]
fn no_callback_is_slow_when_the_limit_is_zero() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, Produced::new("m"));
    let gate = Gate::default();
    let member =
        Setup::new(&cluster, "g").set("slow.message.ms", "0").subscribe("T", "*").held_at(&gate).start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    std::thread::sleep(millis(200)); // ten looks of the watch at its shortest
    gate.open();
    wait_until("the commit", WITHIN, || cluster.committed("g", "T", 0) == Some(1));
    let warnings = member.record.logs().into_iter().filter(|(level, _)| *level <= Level::Warn).count();
    assert_eq!(warnings, 0, "{:?}", member.record.logs());
}
