//! Event loops: when the descriptor is readable, when the callback is called; and stops that nobody waits for at once.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout};
use rmq::{ErrorKind, Outcome, State, WakeupHandler};
use rmq_mock::{MockCluster, Produced, RequestCode};
use rmq_testbed::wait_until;

use crate::member::{Member, Setup};
use crate::tools::{Gate, WITHIN, fill, millis};

fn cluster(messages: usize) -> MockCluster {
    let cluster = MockCluster::start();
    cluster.create_topic("T", 1);
    fill(&cluster, "T", 0, messages);
    cluster
}

fn polling(cluster: &MockCluster) -> Setup {
    Setup::new(cluster, "g").subscribe("T", "*").polling()
}

fn fd(member: &Member) -> OwnedFd {
    member.consumer.wakeup_fd_dup().unwrap()
}

fn readable(fd: &OwnedFd, within: Duration) -> bool {
    let borrowed: BorrowedFd<'_> = std::os::fd::AsFd::as_fd(fd);
    let mut fds = [PollFd::new(borrowed, PollFlags::POLLIN)];
    nix::poll::poll(&mut fds, PollTimeout::try_from(within).unwrap()).unwrap() == 1
}

/// Polls as an event loop does, and acknowledges; answers how many messages came.
fn drain(member: &Member) -> usize {
    let mut messages = 0;
    loop {
        match member.consumer.poll(32, Some(Duration::ZERO)) {
            Ok(batch) => {
                messages += batch.len();
                batch.ack().unwrap();
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
                return messages;
            }
        }
    }
}

#[test]
fn the_descriptor_is_readable_while_there_is_something_to_poll() {
    let cluster = cluster(3);
    let member = polling(&cluster).start();
    let fd = fd(&member);
    let mut got = 0;
    while got < 3 {
        assert!(readable(&fd, WITHIN));
        got += drain(&member);
    }
    assert!(!readable(&fd, Duration::ZERO), "a poll found nothing");
    cluster.produce("T", 0, Produced::new("m"));
    assert!(readable(&fd, WITHIN));
    assert_eq!(drain(&member), 1);
    member.consumer.wake_up().unwrap();
    assert!(readable(&fd, Duration::ZERO));
    assert_eq!(member.consumer.poll(1, Some(Duration::ZERO)).err().unwrap().kind(), ErrorKind::Woken);
    assert_eq!(drain(&member), 0);
    assert!(!readable(&fd, Duration::ZERO));
}

#[test]
fn a_descriptor_asked_for_late_tells_what_came_before() {
    let cluster = cluster(1);
    let member = polling(&cluster).start();
    wait_until("the message", WITHIN, || member.total("pulled") == 1);
    assert!(readable(&fd(&member), WITHIN));
}

#[test]
fn room_makes_it_readable_again_when_too_much_is_unsettled() {
    let cluster = cluster(4);
    let member = polling(&cluster).set("unsettled.max", "2").start();
    let fd = fd(&member);
    assert!(readable(&fd, WITHIN));
    let batch = member.consumer.poll(32, Some(WITHIN)).unwrap();
    assert_eq!(batch.len(), 2);
    assert_eq!(drain(&member), 0);
    assert!(!readable(&fd, Duration::ZERO), "messages wait, but none may be handed out");
    batch.ack().unwrap();
    assert!(readable(&fd, WITHIN));
    assert_eq!(drain(&member), 2);
}

#[test]
fn events_make_it_readable_for_those_who_look_for_them() {
    let cluster = cluster(0);
    let member = polling(&cluster).build();
    // The test's own one would take the events.
    member.consumer.set_event_handler(None, rmq::EventKind::EVERY).unwrap();
    member.consumer.start().unwrap();
    let fd = fd(&member);
    wait_until("the assignment", WITHIN, || member.queues("T").len() == 1);
    assert!(!readable(&fd, Duration::ZERO), "nobody looks for events");
    while member.consumer.poll_event(Some(Duration::ZERO)).is_ok() {}
    member.consumer.unsubscribe("T").unwrap();
    assert!(readable(&fd, WITHIN));
    while member.consumer.poll_event(Some(millis(50))).is_ok() {}
    assert!(!readable(&fd, Duration::ZERO));
}

#[test]
fn after_the_end_it_stays_readable() {
    let cluster = cluster(0);
    let member = polling(&cluster).start();
    let (fd, consumer) = (fd(&member), member.consumer.clone());
    member.stop();
    for _ in 0..2 {
        assert!(readable(&fd, Duration::ZERO));
        assert_eq!(consumer.poll(1, Some(Duration::ZERO)).err().unwrap().kind(), ErrorKind::Closed);
    }
    drop(consumer);
    assert!(readable(&fd, Duration::ZERO), "a duplicate outlives its consumer");
}

#[test]
fn the_end_is_told_to_those_too_whose_byte_another_has_read() {
    let cluster = cluster(0);
    let member = polling(&cluster).start();
    let fd = fd(&member);
    member.consumer.request_stop().unwrap();
    for _ in 0..3 {
        assert!(readable(&fd, Duration::ZERO));
        let mut byte = [0];
        std::io::Read::read_exact(&mut std::fs::File::from(fd.try_clone().unwrap()), &mut byte).unwrap();
        assert_eq!(member.consumer.poll(1, Some(Duration::ZERO)).err().unwrap().kind(), ErrorKind::Closed);
    }
}

#[test]
fn a_shutdown_waits_for_a_callback_of_a_wake_up() {
    struct Slow(Gate, AtomicUsize);
    impl WakeupHandler for Slow {
        fn wake(&self) {
            self.0.pass();
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    let cluster = cluster(0);
    let slow = Arc::new(Slow(Gate::default(), AtomicUsize::new(0)));
    let member = polling(&cluster).build();
    member.consumer.set_wakeup_handler(Some(Arc::clone(&slow) as _)).unwrap();
    member.consumer.start().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| member.consumer.wake_up());
        wait_until("the call", WITHIN, || slow.0.inside() == 1);
        let stopped = scope.spawn(|| member.consumer.shutdown(Some(WITHIN)));
        thread::sleep(millis(100)); // long enough for a shutdown that would not wait
        assert!(!stopped.is_finished());
        slow.0.open();
        stopped.join().unwrap().unwrap();
    });
    let calls = slow.1.load(Ordering::SeqCst);
    assert!(calls >= 1 && slow.0.inside() == 0, "{calls}");
}

#[test]
fn waiting_for_a_stop_ends_when_the_start_fails() {
    let cluster = cluster(0);
    let member = polling(&cluster).set("namesrv.addr", "127.0.0.1:1").set("start.timeout.ms", "300").build();
    thread::scope(|scope| {
        let start = scope.spawn(|| member.consumer.start());
        wait_until("the start", WITHIN, || member.consumer.state() == State::Starting);
        let waited = member.consumer.wait_stopped(None).unwrap_err();
        assert_eq!(waited.kind(), ErrorKind::State);
        assert!(start.join().unwrap().is_err());
    });
}

#[test]
fn the_callback_is_called_when_something_comes_and_not_for_all_that_follows() {
    #[derive(Default)]
    struct Calls(AtomicUsize);
    impl WakeupHandler for Calls {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let cluster = cluster(1);
    let calls = Arc::new(Calls::default());
    let member = polling(&cluster).build();
    member.consumer.set_wakeup_handler(Some(Arc::clone(&calls) as _)).unwrap();
    member.consumer.start().unwrap();
    let called = |times: usize| wait_until("the call", WITHIN, || calls.0.load(Ordering::Relaxed) == times);
    called(1);
    cluster.produce("T", 0, Produced::new("m"));
    wait_until("the second message", WITHIN, || member.total("pulled") == 2);
    assert_eq!(calls.0.load(Ordering::Relaxed), 1, "nobody has looked yet");
    assert_eq!(drain(&member), 2);
    cluster.produce("T", 0, Produced::new("m"));
    called(2);
    assert_eq!(drain(&member), 1);
    let refused = member.consumer.set_wakeup_handler(None).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::State);
    member.consumer.request_stop().unwrap();
    called(3);
}

#[test]
fn a_stop_asked_for_in_a_callback_is_awaited_by_another_thread() {
    let cluster = cluster(2);
    let handle: Arc<std::sync::OnceLock<rmq::Consumer>> = Arc::default();
    let inside = Arc::downgrade(&handle);
    let gate = Gate::default();
    let started = gate.clone();
    let member = Setup::new(&cluster, "g").subscribe("T", "*").set("consume.thread.max", "1");
    let member = member
        .answer(move |_, _| {
            started.pass();
            let handle = inside.upgrade().unwrap();
            let consumer = handle.get().unwrap();
            consumer.request_stop().unwrap();
            assert_eq!(consumer.wait_stopped(None).unwrap_err().kind(), ErrorKind::InCallback);
            Outcome::Success
        })
        .build();
    assert_eq!(member.consumer.wait_stopped(None).unwrap_err().kind(), ErrorKind::State);
    handle.set(member.consumer.clone()).ok().unwrap();
    member.consumer.start().unwrap();
    let waits = thread::spawn({
        let consumer = member.consumer.clone();
        move || consumer.wait_stopped(None)
    });
    gate.open();
    waits.join().unwrap().unwrap();
    assert_eq!(member.consumer.state(), State::Stopped);
    assert_eq!(
        cluster.committed("g", "T", 0),
        Some(member.record.count() as i64),
        "what was consumed is committed"
    );
    assert_eq!(cluster.requests(RequestCode::UnregisterClient).len(), 1);
    member.consumer.request_stop().unwrap();
    member.consumer.wait_stopped(Some(Duration::ZERO)).unwrap();
}

#[test]
fn what_is_held_may_be_settled_after_a_stop_was_asked_for() {
    let cluster = cluster(2);
    let member = polling(&cluster).start();
    let batch = member.consumer.poll(2, Some(WITHIN)).unwrap();
    member.consumer.request_stop().unwrap();
    assert_eq!(member.consumer.state(), State::Stopping);
    assert_eq!(member.consumer.poll(1, Some(WITHIN)).err().unwrap().kind(), ErrorKind::Closed);
    let late = member.consumer.wait_stopped(Some(millis(50))).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Timeout);
    batch.ack().unwrap();
    member.consumer.wait_stopped(Some(WITHIN)).unwrap();
    assert_eq!(cluster.committed("g", "T", 0), Some(batch.len() as i64));
}

#[test]
fn waiting_for_a_stop_ends_in_time_when_nobody_asks() {
    let cluster = cluster(0);
    let member = polling(&cluster).start();
    let late = member.consumer.wait_stopped(Some(millis(20))).unwrap_err();
    assert_eq!(
        (late.kind(), late.text()),
        (ErrorKind::Timeout, "wait for the stop: nobody asked for one within 20 ms")
    );
    let never = polling(&cluster).build();
    never.consumer.request_stop().unwrap();
    assert_eq!(never.consumer.state(), State::Stopped);
}

#[test]
fn a_stop_asked_for_during_a_callback_lets_it_finish() {
    let cluster = cluster(1);
    let gate = Gate::default();
    let member = Setup::new(&cluster, "g").subscribe("T", "*").held_at(&gate).start();
    wait_until("the callback", WITHIN, || gate.inside() == 1);
    member.consumer.request_stop().unwrap();
    assert_eq!(member.consumer.wait_stopped(Some(millis(50))).unwrap_err().kind(), ErrorKind::Timeout);
    gate.open();
    member.consumer.wait_stopped(Some(WITHIN)).unwrap();
    assert_eq!(cluster.committed("g", "T", 0), Some(1));
}
