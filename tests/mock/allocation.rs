//! A strategy of the user's own that errs, blocks or panics.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rmq::{Allocator, Consumer, Division, Error, ErrorKind, EventKind, Result, Share};
use rmq_mock::MockCluster;
use rmq_testbed::wait_until;

use crate::member::{Member, Setup};
use crate::tools::{Gate, WITHIN, millis};

/// Asks a function, for every topic but the retry topic.
struct Ask<F>(F);

impl<F: Fn(&Division) -> Result<Share> + Send + Sync> Allocator for Ask<F> {
    fn allocate(&self, division: &Division) -> Result<Share> {
        if division.topic == "T" { (self.0)(division) } else { Ok(Share::Avg) }
    }
}

fn build(
    cluster: &MockCluster,
    allocate: impl Fn(&Division) -> Result<Share> + Send + Sync + 'static,
) -> Member {
    let setup =
        Setup::new(cluster, "g").set("allocate.strategy", "custom").set("rebalance.interval.ms", "100");
    let member = setup.set("rebalance.handover.timeout.ms", "700").subscribe("T", "*").build();
    member.consumer.set_allocator(Some(Arc::new(Ask(allocate)))).unwrap();
    member
}

#[test]
fn a_bad_answer_keeps_the_present_queues_and_is_reported_once_and_asked_for_again() {
    type Answer = fn() -> Result<Share>;
    let bad: [(Answer, &str, ErrorKind); 4] = [
        (
            || Ok(Share::Queues(vec![0, 2])),
            "the allocate callback gave index 2, and there are 2 queues of T",
            ErrorKind::InvalidArgument,
        ),
        (
            || Ok(Share::Queues(vec![1, 1])),
            "the allocate callback gave index 1 twice of T",
            ErrorKind::InvalidArgument,
        ),
        (|| Err(Error::new(ErrorKind::Unknown, "out of luck")), "out of luck", ErrorKind::Unknown),
        (|| panic!("on purpose"), "the allocate callback panicked", ErrorKind::Panic),
    ];
    for (answer, says, kind) in bad {
        let cluster = MockCluster::start();
        cluster.create_topic("T", 2);
        let good = Arc::new(Mutex::new(true));
        let (is_good, asked) = (Arc::clone(&good), Arc::new(AtomicUsize::new(0)));
        let times = Arc::clone(&asked);
        let member = build(&cluster, move |_| {
            times.fetch_add(1, Ordering::Relaxed);
            if *is_good.lock().unwrap() { Ok(Share::Queues(vec![1])) } else { answer() }
        });
        member.consumer.start().unwrap();
        wait_until("the queue", WITHIN, || member.queues("T") == [1]);
        *good.lock().unwrap() = false;
        let before = asked.load(Ordering::Relaxed);
        wait_until("it to be asked again", WITHIN, || asked.load(Ordering::Relaxed) >= before + 2);
        cluster.produce("T", 1, "m");
        member.record.wait_for(1, WITHIN);
        assert_eq!(member.queues("T"), [1], "{says}");
        let errors = member.record.events(EventKind::Error);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(
            (errors[0]["text"].as_str(), errors[0]["code"].as_i64()),
            (Some(says), Some(kind.number().into()))
        );
        *good.lock().unwrap() = true;
        member.stop();
    }
}

#[test]
fn the_callback_sees_the_group_and_may_choose_nothing() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 3);
    cluster.broker().add_ghost("g", "0.0.0.0@ghost");
    let seen = Arc::new(Mutex::new(None));
    let sees = Arc::clone(&seen);
    let member = build(&cluster, move |division| {
        *sees.lock().unwrap() = Some(division.clone());
        Ok(Share::Queues(Vec::new()))
    });
    member.consumer.start().unwrap();
    wait_until("the question", WITHIN, || seen.lock().unwrap().is_some());
    let division = seen.lock().unwrap().take().unwrap();
    assert_eq!(division.client_id, member.consumer.client_id());
    assert_eq!(division.members, ["0.0.0.0@ghost", member.consumer.client_id()]);
    assert_eq!(division.queues.iter().map(|queue| queue.id).collect::<Vec<_>>(), [0, 1, 2]);
    member.stop();
    assert!(member.record.events(EventKind::Error).is_empty());
}

#[test]
fn who_had_a_queue_is_not_known_so_its_lock_is_waited_for_while_anybody_else_is_there() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    cluster.produce("T", 0, "m");
    // By avg, queue 0 was never ours to wait for: the ghost comes first and keeps it.
    cluster.broker().add_ghost("g", "0.0.0.0@ghost");
    cluster.broker().set_lock_owner("g@handover", "T", 0, Some("somebody else"));
    let member = build(&cluster, |_| Ok(Share::Queues(vec![0])));
    let begun = Instant::now();
    member.consumer.start().unwrap();
    member.record.wait_for(1, WITHIN);
    assert!(begun.elapsed() >= millis(700), "{:?}", begun.elapsed());
    assert_eq!(member.total("without_barrier"), 1);
    assert_eq!(member.record.logged("its previous owner did not let go in time"), 1);
}

#[test]
fn a_callback_that_blocks_holds_up_nothing_but_the_division_and_the_stop() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 2);
    let gate = Gate::default();
    let (inside, first) = (gate.clone(), AtomicUsize::new(0));
    let member = build(&cluster, move |_| {
        if first.fetch_add(1, Ordering::Relaxed) > 0 {
            inside.pass();
        }
        Ok(Share::Queues(vec![0, 1]))
    });
    member.consumer.start().unwrap();
    wait_until("the second question", WITHIN, || gate.inside() == 1 && member.queues("T").len() == 2);
    cluster.produce("T", 1, "m");
    member.record.wait_for(1, WITHIN);
    let error = member.consumer.shutdown(Some(millis(300))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.text().contains("allocate callback"), "{error}");
    assert_eq!(cluster.committed("g", "T", 1), Some(1), "all else is done");
    gate.open();
    member.stop();
    assert_eq!(gate.most(), 1, "one call at a time");
}

#[test]
fn a_shutdown_from_within_the_callback_is_refused() {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    let consumer: Arc<Mutex<Option<Consumer>>> = Arc::default();
    let (own, answer) = (Arc::clone(&consumer), Arc::new(Mutex::new(None)));
    let answered = Arc::clone(&answer);
    let member = build(&cluster, move |_| {
        if let Some(consumer) = own.lock().unwrap().take() {
            *answered.lock().unwrap() = Some(consumer.shutdown(None).unwrap_err().kind());
        }
        Ok(Share::Avg)
    });
    *consumer.lock().unwrap() = Some(member.consumer.clone());
    member.consumer.start().unwrap();
    wait_until("the answer", WITHIN, || answer.lock().unwrap().is_some());
    assert_eq!(*answer.lock().unwrap(), Some(ErrorKind::InCallback));
    wait_until("the queue", WITHIN, || member.queues("T") == [0]);
}
