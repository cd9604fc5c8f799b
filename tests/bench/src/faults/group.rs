//! The members of one group: processes that come, go and die.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rmq_testbed::{Measure, Member, TempDir, poll, temp_dir};

use super::ledger::{Ledger, Moment};
use crate::bench::{Bench, QUEUES};
use crate::client::{Client, Task};

/// Longer than any client takes to notice something, by far: a pull that Java or Go lost stalls its queue for 30 s.
const PATIENCE: Duration = Duration::from_secs(90);
/// Who was asked to leave is gone by then.
const LEAVING: Duration = Duration::from_secs(30);

/// A group, and all it was given.
pub(super) struct Group<'b> {
    bench: &'b Bench,
    name: String,
    topic: String,
    callback: Duration,
    /// All there ever were.
    members: Vec<(Client, Member)>,
    running: Vec<usize>,
    /// What they were given, as of the last look.
    pub(super) ledger: Ledger,
    folder: TempDir,
}

/// The moment it is.
pub(super) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right");
    Moment::try_from(since.as_nanos()).expect("it is not 2262")
}

impl<'b> Group<'b> {
    /// A new one, whose callbacks sleep for `callback`.
    pub(super) fn new(bench: &'b Bench, topic: &str, callback: Duration) -> Group<'b> {
        Group {
            bench,
            name: bench.new_group(),
            topic: topic.to_owned(),
            callback,
            members: Vec::new(),
            running: Vec::new(),
            ledger: Ledger::default(),
            folder: temp_dir("faults"),
        }
    }

    /// One more; answers its number.
    pub(super) fn join(&mut self, client: Client) -> Result<usize, String> {
        let measure = Measure::Deliveries { callback: self.callback };
        let task = Task { group: self.name.clone(), topic: &self.topic, count: 0, measure };
        let mut command = self.bench.command(client, &task)?;
        command.env_remove("NAMESRV_ADDR");
        let number = self.members.len();
        let member = Member::start(command, self.folder.path(), &number.to_string());
        self.members
            .push((client, member.map_err(|e| format!("{} cannot be started: {e}", client.title()))?));
        self.running.push(number);
        Ok(number)
    }

    /// SIGTERM; returns when it is gone.
    pub(super) fn leave(&mut self, number: usize) -> Result<(), String> {
        self.running.retain(|running| *running != number);
        let (client, member) = &mut self.members[number];
        match member.leave(LEAVING) {
            Some(status) if status.success() => Ok(()),
            status => Err(format!("{} left badly: {status:?} {}", client.title(), member.errors())),
        }
    }

    /// kill -9; returns when it is gone.
    pub(super) fn kill(&mut self, number: usize) {
        self.running.retain(|running| *running != number);
        self.members[number].1.kill();
    }

    /// Reads what the members wrote since the last look.
    pub(super) fn look(&mut self) -> Result<(), String> {
        for (number, (client, member)) in self.members.iter_mut().enumerate() {
            if self.running.contains(&number) && member.ended().is_some() {
                return Err(format!("{} ended by itself: {}", client.title(), member.errors()));
            }
            for line in member.new_lines() {
                self.ledger.take(number, &line)?;
            }
        }
        Ok(())
    }

    /// Looks until `state` is true.
    pub(super) fn wait(&mut self, what: &str, mut state: impl FnMut(&Ledger) -> bool) -> Result<(), String> {
        let mut problem = Ok(());
        let reached = poll(PATIENCE, Duration::from_millis(50), || {
            problem = self.look();
            problem.is_err() || state(&self.ledger)
        });
        problem?;
        if reached { Ok(()) } else { Err(format!("waited {PATIENCE:?} for {what} in vain")) }
    }

    /// Waits until every queue gave somebody something that was stored since then.
    pub(super) fn wait_for_all_queues(&mut self, since: Moment) -> Result<(), String> {
        let what = format!("messages from each queue in group {}", self.name);
        self.wait(&what, |ledger| ledger.queues_since(None, since) == QUEUES as usize)
    }

    /// Waits until everything that is stored was given to somebody; answers how many messages never were.
    pub(super) fn wait_for_the_rest(&mut self) -> Result<u64, String> {
        let ends: Vec<i64> =
            (0..QUEUES).map(|queue| self.bench.cluster.max_offset(&self.topic, queue)).collect();
        // What is lost is no failure of the bench.
        let _ = poll(PATIENCE, Duration::from_millis(200), || {
            self.look().is_err() || self.ledger.lost(&ends) == 0
        });
        self.look()?;
        Ok(self.ledger.lost(&ends))
    }
}
