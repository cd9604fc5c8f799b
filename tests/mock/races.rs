//! Calls and events that cross each other.

use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rmq::{Batch, Config, Consumer, Context, ErrorKind, Log, MessageHandler, Outcome};
use rmq_mock::{Fault, MockCluster, Options, Produced, RequestCode, ResponseCode};
use rmq_testbed::wait_until;

use crate::member::{Member, Setup};
use crate::tools::{Gate, WITHIN, assert_less_since, fill, millis};

#[test]
fn a_topic_that_is_given_up_and_taken_back_at_once_is_consumed_on() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let setup = Setup::new(&cluster, "g").set("request.timeout.ms", "10000");
    let member = setup.subscribe("T", "*").start();
    cluster.produce("T", 0, "1");
    member.record.wait_for(1, WITHIN);
    let hold = cluster.on(RequestCode::HeartBeat).hold();
    member.consumer.unsubscribe("T").unwrap();
    assert!(hold.wait_for(1, WITHIN));
    let pulls = cluster.requests(RequestCode::PullMessage).len();
    cluster.produce("T", 0, "2"); // the held pull comes back and finds no subscription
    wait_until("the pull to be answered", WITHIN, || {
        let answered = |r: &rmq_mock::Recorded| r.field("topic") == Some("T") && r.answered.is_some();
        cluster.requests(RequestCode::PullMessage).iter().filter(|r| answered(r)).count() >= 2
            || cluster.requests(RequestCode::PullMessage).len() > pulls
    });
    member.consumer.subscribe("T", "*").unwrap();
    hold.release();
    cluster.produce("T", 0, "3");
    member.record.wait_for(3, WITHIN);
}

#[test]
fn a_callback_past_its_timeout_does_not_hold_a_shutdown_past_its_deadline() {
    let (cluster, gate) = (MockCluster::start(), Gate::default());
    let member = stuck_past_its_timeout(&cluster, &gate, |_| {});
    let begun = Instant::now();
    let error = member.consumer.shutdown(Some(millis(300))).unwrap_err();
    assert_less_since(begun, millis(2000));
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.text().contains("1 callback still running (rmq-work-"), "{error}");
    gate.open();
    member.stop();
}

#[test]
fn a_callback_past_its_timeout_may_not_shut_its_own_consumer_down() {
    let (cluster, gate) = (MockCluster::start(), Gate::default());
    let (told, heard) = mpsc::channel();
    let told = Mutex::new(told);
    let own: Arc<OnceLock<Consumer>> = Arc::default();
    let inside = Arc::downgrade(&own);
    let member = stuck_past_its_timeout(&cluster, &gate, move |_| {
        let own = inside.upgrade().unwrap();
        let answer = own.get().map(|consumer| consumer.shutdown(Some(millis(500))));
        told.lock().unwrap().send(answer).unwrap();
    });
    own.set(member.consumer.clone()).ok().unwrap();
    let stopping = member.consumer.clone();
    let stopping = thread::spawn(move || stopping.shutdown(Some(Duration::from_secs(10))));
    wait_until("the shutdown to begin", WITHIN, || member.consumer.state() == rmq::State::Stopping);
    gate.open();
    let refused = heard.recv_timeout(WITHIN).unwrap().unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InCallback);
    stopping.join().unwrap().unwrap();
}

/// A member whose first delivery is past `consume.timeout.ms`, given back, and still in its callback.
fn stuck_past_its_timeout(
    cluster: &MockCluster,
    gate: &Gate,
    late: impl Fn(&Batch) + Send + Sync + 'static,
) -> Member {
    cluster.create_topic("T", 1);
    cluster.produce("T", 0, Produced::new("m").key("0"));
    let inside = gate.clone();
    let member = Setup::new(cluster, "g")
        .set("consume.timeout.ms", "200")
        .subscribe("T", "*")
        .answer(move |batch, _| {
            if batch.message(0).unwrap().reconsume_times() == 0 {
                inside.pass();
                late(batch);
            }
            Outcome::Success
        })
        .start();
    wait_until("the message to be given back", WITHIN, || cluster.committed("g", "T", 0) == Some(1));
    member
}

#[test]
fn a_batch_that_a_silent_broker_does_not_take_back_holds_no_shutdown_up() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 32);
    for code in [RequestCode::ConsumerSendMsgBack, RequestCode::SendMessageV2] {
        cluster.on(code).always(Fault::silence());
    }
    let member = Setup::new(&cluster, "g")
        .set("request.timeout.ms", "500")
        .set("consume.batch.size", "32")
        .subscribe("T", "*")
        .answer(|_, _| Outcome::Later)
        .start();
    member.record.wait_for(1, WITHIN);
    let begun = Instant::now();
    member.consumer.shutdown(Some(Duration::from_secs(5))).unwrap();
    assert_less_since(begun, Duration::from_secs(4));
}

#[test]
fn a_moved_offset_drops_what_waits_to_be_delivered_again() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, 4);
    for code in [RequestCode::ConsumerSendMsgBack, RequestCode::SendMessageV2] {
        cluster.on(code).always(Fault::refuse(ResponseCode::SystemError, "no"));
    }
    let member = Setup::new(&cluster, "g")
        .set("pull.suspend.ms", "1000")
        .subscribe("T", "*")
        .answer(|_, _| Outcome::Later)
        .start();
    member.record.wait_for(4, WITHIN);
    cluster.broker().clear_queue("T", 0, 100);
    wait_until("the move", WITHIN, || member.record.logged("moved the offset to 100") > 0);
    let moved = Instant::now();
    thread::sleep(Duration::from_secs(6)); // longer than the wait before a local retry
    let late = member.record.deliveries().iter().filter(|d| d.at > moved).count();
    assert_eq!(late, 0);
}

#[test]
fn a_dead_broker_that_the_route_still_names_does_not_hold_up_the_others_queues() {
    let cluster = MockCluster::with(&Options { brokers: 2, ..Options::default() });
    cluster.create_topic("T", 2);
    let setup = |name: &str| {
        let setup = Setup::new(&cluster, "g").set("rebalance.interval.ms", "1000");
        setup.set("request.timeout.ms", "1000").set("instance.name", name).subscribe("T", "*")
    };
    let (stays, leaves) = (setup("a").start(), setup("b").start());
    wait_until("the queues to be divided", WITHIN, || {
        stays.queues("T").len() == 2 && leaves.queues("T").len() == 2
    });
    cluster.name_server_down(); // so that the route goes on naming the dead broker
    cluster.brokers()[0].kill();
    leaves.stop();
    for queue in [0, 1] {
        cluster.brokers()[1].produce("T", queue, "x");
    }
    stays.record.wait_for(2, WITHIN);
}

#[test]
fn a_retry_is_republished_at_the_broker_that_lives() {
    let cluster = MockCluster::with(&Options { brokers: 2, ..Options::default() });
    cluster.create_topic("T", 1);
    let member = Setup::new(&cluster, "g")
        .set("request.timeout.ms", "1000")
        .subscribe("T", "*")
        .answer(|batch, _| match batch.message(0).unwrap().reconsume_times() {
            0 => Outcome::Later,
            _ => Outcome::Success,
        })
        .start();
    wait_until("the retry topic", WITHIN, || member.queues("%RETRY%g").len() == 2);
    cluster.name_server_down();
    cluster.brokers()[0].kill();
    cluster.on(RequestCode::ConsumerSendMsgBack).always(Fault::refuse(ResponseCode::SystemError, "no"));
    cluster.brokers()[1].produce("T", 0, Produced::new("x").key("0"));
    wait_until("the copy", WITHIN, || !cluster.requests(RequestCode::SendMessageV2).is_empty());
    member.record.wait_for(2, WITHIN);
}

struct Nothing(u8);

impl MessageHandler for Nothing {
    fn consume(&self, _: &Batch, _: &mut Context) -> Outcome {
        let _ = self.0;
        Outcome::Success
    }
}

fn plain(name_server: &str) -> Arc<Consumer> {
    let mut config = Config::new();
    config.set("namesrv.addr", name_server).unwrap();
    config.set("consumer.group", "g").unwrap();
    config.set("start.timeout.ms", "5000").unwrap();
    let consumer = Consumer::new(&config.snapshot().unwrap(), Log::off()).unwrap();
    consumer.set_handler(Some(Arc::new(Nothing(0)))).unwrap();
    Arc::new(consumer)
}

#[test]
fn a_callback_that_was_replaced_is_never_the_one_that_a_start_took() {
    let cluster = MockCluster::start();
    for _ in 0..50 {
        let consumer = plain(&cluster.namesrv());
        let handlers: [Arc<dyn MessageHandler>; 2] = [Arc::new(Nothing(0)), Arc::new(Nothing(1))];
        consumer.set_handler(Some(Arc::clone(&handlers[0]))).unwrap();
        let together = Barrier::new(2);
        let last = thread::scope(|scope| {
            let setter = scope.spawn(|| {
                together.wait();
                let mut last = 0;
                while consumer.set_handler(Some(Arc::clone(&handlers[1 - last]))).is_ok() {
                    last = 1 - last;
                }
                last
            });
            together.wait();
            consumer.start().unwrap();
            setter.join().unwrap()
        });
        assert_eq!(Arc::strong_count(&handlers[1 - last]), 1, "the replaced one is in use");
        consumer.shutdown(Some(WITHIN)).unwrap();
    }
}

#[test]
fn a_shutdown_keeps_its_deadline_beside_a_start_that_takes_long() {
    let consumer = plain("127.0.0.1:1");
    let starting = Arc::clone(&consumer);
    let starting = thread::spawn(move || starting.start());
    wait_until("the start to begin", WITHIN, || consumer.state() == rmq::State::Starting);
    let begun = Instant::now();
    let error = consumer.shutdown(Some(millis(200))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_less_since(begun, millis(2000));
    assert_eq!(starting.join().unwrap().unwrap_err().kind(), ErrorKind::NoNameServer);
}

#[test]
fn many_changes_of_subscriptions_are_announced_together() {
    let cluster = MockCluster::start();
    let member = Setup::new(&cluster, "g").set("log.level", "warn").start();
    cluster.on(RequestCode::HeartBeat).always(Fault::delay(millis(20)));
    let begun = Instant::now();
    for round in 0..500 {
        member.consumer.subscribe(&format!("S{}", round % 4), "*").unwrap();
        member.consumer.unsubscribe(&format!("S{}", round % 4)).unwrap();
    }
    cluster.create_topic("S0", 1);
    member.consumer.subscribe("S0", "*").unwrap();
    cluster.produce("S0", 0, "x");
    member.record.wait_for(1, WITHIN);
    let most = 10 + usize::try_from(begun.elapsed().as_millis() / 20).unwrap();
    let heartbeats = cluster.requests(RequestCode::HeartBeat).len();
    assert!(heartbeats <= 2 * most, "{heartbeats} heartbeats");
}
