//! A member joins, leaves gracefully, and another is killed, while messages come steadily.

use std::thread;
use std::time::Duration;

use rmq_testbed::Sending;

use super::group::{Group, now};
use super::ledger::{Account, Ledger, Moment};
use crate::bench::{Bench, QUEUES};
use crate::client::Client;

/// How long it goes on before the first change, and after a change once everything flows again.
const CALM: Duration = Duration::from_secs(3);
/// The producer is halted long before.
const LONGEST_SECONDS: u32 = 600;
/// What a killed member completed in this time may come again; see `offset.commit.interval.ms`.
const UNCOMMITTED: Duration = Duration::from_millis(100);

/// Who is in a group.
pub(super) struct Cast {
    /// As in tables.
    pub(super) title: String,
    /// These stay all the time.
    pub(super) residents: Vec<Client>,
    /// One of these joins and leaves, another joins and is killed.
    pub(super) guest: Client,
}

/// What one run showed.
#[derive(Clone, Copy)]
pub(super) struct Course {
    /// Messages that nobody was given.
    pub(super) lost: u64,
    /// Before anything changed.
    pub(super) calm: Account,
    /// From the start of a guest's process on, both times.
    pub(super) join: Account,
    /// From SIGTERM on.
    pub(super) leave: Account,
    /// From kill -9 on.
    pub(super) kill: Account,
    /// Messages the killed one had in its callbacks, or had completed in its last 100 ms.
    pub(super) uncommitted: u64,
}

/// What all casts do alike.
pub(super) struct Scenario<'b> {
    pub(super) bench: &'b Bench,
    /// Messages a second.
    pub(super) rate: u32,
    /// How long each callback sleeps.
    pub(super) callback: Duration,
}

/// When things happened.
struct Times {
    calm: Moment,
    join: Moment,
    leave: Moment,
    join_again: Moment,
    kill: Moment,
    victim: usize,
}

impl Scenario<'_> {
    /// Plays it once, on a new topic.
    pub(super) fn run(&self, topic: &str, cast: &Cast) -> Result<Course, String> {
        let cluster = &self.bench.cluster;
        cluster.create_topic(topic, QUEUES);
        thread::scope(|scope| {
            let sending = cluster.send(topic, self.rate * LONGEST_SECONDS).rate(self.rate).named(topic);
            let producer = scope.spawn(move || sending.run());
            let played = self.play(topic, cast);
            // Also after a failure, which may come before it began.
            while !producer.is_finished() {
                Sending::halt(topic);
                thread::sleep(Duration::from_millis(20));
            }
            let sent = producer.join().map_err(|_| "the producer failed")?;
            let (mut group, times) = played?;
            if sent.failed > 0 {
                return Err(format!("{topic}: {sent:?}"));
            }
            let lost = group.wait_for_the_rest()?;
            Ok(self.course(lost, &group.ledger, &times))
        })
    }

    fn play(&self, topic: &str, cast: &Cast) -> Result<(Group<'_>, Times), String> {
        let mut group = Group::new(self.bench, topic, self.callback);
        for client in &cast.residents {
            let resident = group.join(*client)?;
            wait_for_member(&mut group, resident, 0)?;
        }
        let flowing = now();
        group.wait_for_all_queues(flowing)?;
        let calm = now();
        thread::sleep(CALM);

        let join = now();
        let guest = group.join(cast.guest)?;
        wait_for_member(&mut group, guest, join)?;
        group.wait_for_all_queues(now())?;
        thread::sleep(CALM);

        let leave = now();
        group.leave(guest)?;
        group.wait_for_all_queues(now())?;
        thread::sleep(CALM);

        let join_again = now();
        let victim = group.join(cast.guest)?;
        wait_for_member(&mut group, victim, join_again)?;
        group.wait_for_all_queues(now())?;
        thread::sleep(CALM);

        let kill = now();
        group.kill(victim);
        group.wait_for_all_queues(now())?;
        thread::sleep(CALM);
        Ok((group, Times { calm, join, leave, join_again, kill, victim }))
    }

    fn course(&self, lost: u64, ledger: &Ledger, times: &Times) -> Course {
        let uncommitted = Moment::try_from((UNCOMMITTED + self.callback).as_nanos()).unwrap_or(Moment::MAX);
        Course {
            lost,
            calm: ledger.account(times.calm..times.join),
            join: ledger.account(times.join..times.leave).and(ledger.account(times.join_again..times.kill)),
            leave: ledger.account(times.leave..times.join_again),
            kill: ledger.account(times.kill..Moment::MAX),
            uncommitted: ledger.given_since(times.victim, times.kill - uncommitted),
        }
    }
}

fn wait_for_member(group: &mut Group<'_>, member: usize, since: Moment) -> Result<(), String> {
    let what = format!("the first message of member {member}");
    group.wait(&what, |ledger| ledger.queues_since(Some(member), since) > 0)
}
