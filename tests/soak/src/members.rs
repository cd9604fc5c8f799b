//! The members: processes of member.c, a few in each of three groups.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rmq_testbed::{CProgram, Member as Process, poll};

use crate::TOPIC;
use crate::ledger::Ledger;

/// A member that was asked to leave is gone by then; `shutdown.timeout.ms` is 15 s.
const LEAVING: Duration = Duration::from_secs(30);

/// How a group consumes; each has a group of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Push,
    Orderly,
    Poll,
}

impl Mode {
    pub(crate) const ALL: [Mode; 3] = [Mode::Push, Mode::Orderly, Mode::Poll];

    pub(crate) fn name(self) -> &'static str {
        ["push", "orderly", "poll"][self as usize]
    }
}

/// All members there are and were.
pub(crate) struct Members<'p> {
    program: &'p CProgram,
    namesrv: String,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    running: Vec<Member>,
    ledgers: [Ledger; 3],
    started: usize,
    ends: Ends,
}

/// How members that were asked to leave ended.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ends {
    pub(crate) well: usize,
    pub(crate) killed: usize,
    /// Each with what it said.
    pub(crate) badly: Vec<String>,
}

struct Member {
    mode: Mode,
    process: Process,
    frozen: bool,
}

impl<'p> Members<'p> {
    pub(crate) fn new(program: &'p CProgram, namesrv: &str) -> Members<'p> {
        Members { program, namesrv: namesrv.to_owned(), inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many run in a group.
    pub(crate) fn count(&self, mode: Mode) -> usize {
        self.inner().running.iter().filter(|member| member.mode == mode).count()
    }

    /// Their process ids.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.inner().running.iter().map(|member| member.process.id()).collect()
    }

    /// One more.
    pub(crate) fn start(&self, mode: Mode) {
        let mut inner = self.inner();
        inner.started += 1;
        let mut command = self.program.command();
        command.args([&self.namesrv, &format!("soak-{}", mode.name()), TOPIC, mode.name()]);
        let process = Process::start(command, self.program.folder(), &inner.started.to_string())
            .unwrap_or_else(|e| panic!("member: {e}"));
        inner.running.push(Member { mode, process, frozen: false });
    }

    /// Takes one of a group out of the list, which gets its end.
    fn take(&self, mode: Mode, which: usize) -> Option<Member> {
        let mut inner = self.inner();
        let at = inner.running.iter().enumerate().filter(|(_, m)| m.mode == mode && !m.frozen).nth(which)?.0;
        Some(inner.running.remove(at))
    }

    /// Asks one to leave and waits until it is gone.
    pub(crate) fn stop(&self, mode: Mode, which: usize) {
        let Some(mut member) = self.take(mode, which) else { return };
        let status = member.process.leave(LEAVING);
        let mut inner = self.inner();
        member.read(&mut inner.ledgers);
        match status {
            Some(status) if status.success() => inner.ends.well += 1,
            status => {
                let said = member.process.errors();
                inner.ends.badly.push(format!("{}: {status:?} {said}", mode.name()));
            }
        }
    }

    /// kill -9.
    pub(crate) fn kill(&self, mode: Mode, which: usize) {
        let Some(mut member) = self.take(mode, which) else { return };
        member.process.kill();
        let mut inner = self.inner();
        member.read(&mut inner.ledgers);
        inner.ends.killed += 1;
    }

    /// Stops one in its tracks for a while.
    pub(crate) fn freeze(&self, mode: Mode, which: usize, time: Duration) {
        let process = {
            let mut inner = self.inner();
            let Some(member) = inner.running.iter_mut().filter(|member| member.mode == mode).nth(which)
            else {
                return;
            };
            member.frozen = true;
            member.id()
        };
        let _ = kill(process, Signal::SIGSTOP);
        std::thread::sleep(time);
        let _ = kill(process, Signal::SIGCONT);
        let mut inner = self.inner();
        inner.running.iter_mut().filter(|member| member.id() == process).for_each(|m| m.frozen = false);
    }

    /// Waits until each group was given everything; false when it was not in time.
    pub(crate) fn wait_for_all(&self, stored: u64, within: Duration) -> bool {
        poll(within, Duration::from_millis(100), || {
            self.read();
            self.inner().ledgers.iter().all(|l| l.distinct() >= stored && l.waiting().next().is_none())
        })
    }

    /// Asks all to leave, one by one.
    pub(crate) fn stop_all(&self) {
        for mode in Mode::ALL {
            while self.count(mode) > 0 {
                self.stop(mode, 0);
            }
        }
    }

    /// Reads what the running ones wrote since; answers what each group was given in all.
    pub(crate) fn read(&self) -> [u64; 3] {
        let inner = &mut *self.inner();
        inner.running.iter_mut().for_each(|member| member.read(&mut inner.ledgers));
        [0, 1, 2].map(|at| inner.ledgers[at].distinct())
    }

    /// Looks into a group's ledger.
    pub(crate) fn ledger<T>(&self, mode: Mode, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.inner().ledgers[mode as usize])
    }

    pub(crate) fn ends(&self) -> Ends {
        self.inner().ends.clone()
    }
}

impl Member {
    fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id()).expect("process ids fit"))
    }

    fn read(&mut self, ledgers: &mut [Ledger; 3]) {
        for line in self.process.new_lines() {
            ledgers[self.mode as usize].take(&line).unwrap_or_else(|problem| panic!("{problem}"));
        }
    }
}
