//! Whether a queue stands still: what is right for it at each step, and since when it did not go on.

use std::time::{Duration, Instant};

use crate::consumer::queue::steering::Next;
use crate::consumer::queue::steps::{Step, Trouble};
use crate::error::ErrorKind;

/// What a held pull may take beyond `pull.suspend.ms`: a broker looks for overdue pulls every 5 s.
const HELD_TOO_LONG: Duration = Duration::from_secs(6);

/// What questions may take that follow each other.
const QUESTIONS: u32 = 3;

/// The times of a configuration that a standstill is measured by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// `watchdog.queue.ms`.
    pub(super) patience: Duration,
    pub(super) pull_suspend: Duration,
    pub(super) pull_interval: Duration,
    pub(super) request_timeout: Duration,
    pub(super) handover_timeout: Duration,
    pub(super) commit_interval: Duration,
}

impl Times {
    /// How long a queue may be at a step without going on: never shorter than what a healthy one may take.
    pub(super) fn at(&self, step: Step) -> Duration {
        let questions = self.request_timeout * QUESTIONS;
        self.patience.max(match step {
            Step::Lock => self.handover_timeout + questions,
            Step::Offset => questions,
            Step::Pull => self.pull_interval + self.pull_suspend + HELD_TOO_LONG,
            // It waits for the user to hear of it, then for the last commit.
            Step::Leave => self.handover_timeout + questions * 2,
        })
    }

    /// The same for a commit.
    pub(super) fn commit(&self) -> Duration {
        self.patience.max(self.commit_interval + self.request_timeout * QUESTIONS)
    }

    /// How often to look.
    pub(super) fn look_every(&self) -> Duration {
        self.patience / 10
    }
}

/// What is known of a queue that is brought on by its own task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) step: Step,
    /// What its pull loop was asked to do.
    pub(super) next: Next,
    pub(super) has_room: bool,
    pub(super) is_subscribed: bool,
    /// A callback or a send-back runs.
    pub(super) is_busy: bool,
}

impl Facts {
    /// True for a queue that rightly waits for something else than a broker.
    pub(super) fn is_excused(&self) -> bool {
        match (self.step, self.next) {
            (Step::Lock | Step::Offset, _) => false,
            (Step::Leave, _) | (Step::Pull, Next::PullAgain) => self.is_busy,
            (Step::Pull, Next::Wait) => true,
            // The pull loop moves at once.
            (Step::Pull, Next::Move(..)) => false,
            (Step::Pull, Next::Pull) => !self.has_room || !self.is_subscribed,
        }
    }
}

/// What one look shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// Another number than at the last look: it went on.
    pub(super) progress: u64,
    /// It need not go on.
    pub(super) is_excused: bool,
    /// How long it may take to go on.
    pub(super) limit: Duration,
}

/// What a look says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing is to be done.
    Well,
    /// It stands for so long, and something is to be done; `first` once for each standstill.
    Stands { stood: Duration, first: bool },
    /// It stood for so long, and that is over.
    GoesOn { stood: Duration },
}

/// One thing that has to go on, over many looks.
#[derive(Debug, Default)]
pub(super) struct Watch {
    progress: Option<u64>,
    stood: Duration,
    /// When something is to be done again; `None` before the first time.
    again: Option<Duration>,
}

impl Watch {
    /// Takes in a look, `since` after the one before.
    pub(super) fn look(&mut self, sight: &Sight, since: Duration) -> Verdict {
        if sight.is_excused || self.progress != Some(sight.progress) {
            let before =
                std::mem::replace(self, Watch { progress: Some(sight.progress), ..Watch::default() });
            return match before.again {
                Some(_) => Verdict::GoesOn { stood: before.stood },
                None => Verdict::Well,
            };
        }
        self.stood += since;
        if self.stood < self.again.unwrap_or(sight.limit) {
            return Verdict::Well;
        }
        let first = self.again.is_none();
        self.again = Some(self.stood + sight.limit);
        Verdict::Stands { stood: self.stood, first }
    }
}

/// The time between looks. A process that stood still itself, frozen or without a processor, has seen nothing
/// meanwhile, so no look counts for more than two.
#[derive(Debug)]
pub(super) struct Rounds {
    last: Instant,
    most: Duration,
}

impl Rounds {
    /// Looks from `now` on.
    pub(super) fn new(now: Instant, every: Duration) -> Rounds {
        Rounds { last: now, most: every * 2 }
    }

    /// What a look at `now` counts for.
    pub(super) fn since(&mut self, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.last);
        self.last = now;
        since.min(self.most)
    }
}

/// True when the connection is not what keeps a queue: there is none, or it brought a refusal. An answer that is
/// waited for counts more than the failure before.
pub(super) fn connection_is_well(waits: bool, trouble: Option<&Trouble>) -> bool {
    match trouble {
        _ if waits => false,
        Some(Trouble::Locked) => true,
        Some(Trouble::Failed(error)) => error.kind() != ErrorKind::RequestTimeout,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ResponseCode;
    use crate::error::Error;

    const SECOND: Duration = Duration::from_secs(1);

    fn times(patience: Duration) -> Times {
        Times {
            patience,
            pull_suspend: SECOND * 15,
            pull_interval: Duration::ZERO,
            request_timeout: SECOND * 3,
            handover_timeout: SECOND * 5,
            commit_interval: SECOND / 10,
        }
    }

    fn sight(progress: u64, is_excused: bool) -> Sight {
        Sight { progress, is_excused, limit: SECOND * 10 }
    }

    #[test]
    fn by_default_every_step_has_a_minute_and_a_short_one_no_less_than_a_healthy_queue_takes() {
        for step in [Step::Lock, Step::Offset, Step::Pull, Step::Leave] {
            assert_eq!(times(SECOND * 60).at(step), SECOND * 60);
        }
        assert_eq!(times(SECOND * 60).commit(), SECOND * 60);
        assert_eq!(times(SECOND).at(Step::Pull), SECOND * 21, "a broker may hold a pull");
        assert_eq!(times(SECOND).at(Step::Lock), SECOND * 14);
        assert_eq!(times(SECOND).at(Step::Offset), SECOND * 9);
    }

    #[test]
    fn a_queue_stands_when_it_did_not_go_on_for_its_time_and_is_told_once() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(&sight(1, false), SECOND), Verdict::Well);
        for _ in 0..9 {
            assert_eq!(watch.look(&sight(1, false), SECOND), Verdict::Well);
        }
        let stands = |stood: u32, first| Verdict::Stands { stood: SECOND * stood, first };
        assert_eq!(watch.look(&sight(1, false), SECOND), stands(10, true));
        for _ in 0..9 {
            assert_eq!(watch.look(&sight(1, false), SECOND), Verdict::Well);
        }
        assert_eq!(watch.look(&sight(1, false), SECOND), stands(20, false), "it is healed again, not told");
        assert_eq!(watch.look(&sight(2, false), SECOND), Verdict::GoesOn { stood: SECOND * 20 });
        assert_eq!(watch.look(&sight(2, false), SECOND * 9), Verdict::Well);
    }

    #[test]
    fn what_need_not_go_on_never_stands() {
        let mut watch = Watch::default();
        for _ in 0..100 {
            assert_eq!(watch.look(&sight(1, true), SECOND), Verdict::Well);
        }
        assert_eq!(
            watch.look(&sight(1, false), SECOND * 9),
            Verdict::Well,
            "its time begins when it must go on"
        );
    }

    #[test]
    fn a_process_that_stood_still_itself_blames_nobody() {
        let begun = Instant::now();
        let mut rounds = Rounds::new(begun, SECOND);
        assert_eq!(rounds.since(begun + SECOND), SECOND);
        assert_eq!(rounds.since(begun + SECOND * 3600), SECOND * 2);
        assert_eq!(rounds.since(begun + SECOND * 3600), Duration::ZERO);
    }

    #[test]
    fn a_queue_that_waits_for_the_user_is_excused_and_one_that_waits_for_a_wake_up_is_not() {
        let facts =
            Facts { step: Step::Pull, next: Next::Pull, has_room: true, is_subscribed: true, is_busy: false };
        assert!(!facts.is_excused());
        assert!(Facts { has_room: false, ..facts }.is_excused());
        assert!(Facts { is_subscribed: false, ..facts }.is_excused());
        assert!(Facts { next: Next::Wait, ..facts }.is_excused());
        assert!(!Facts { next: Next::Move(7, 1), has_room: false, ..facts }.is_excused());
        assert!(!Facts { next: Next::PullAgain, ..facts }.is_excused());
        assert!(Facts { next: Next::PullAgain, is_busy: true, ..facts }.is_excused());
        assert!(Facts { step: Step::Leave, is_busy: true, ..facts }.is_excused());
        assert!(!Facts { step: Step::Leave, ..facts }.is_excused());
        for step in [Step::Lock, Step::Offset] {
            assert!(!Facts { step, next: Next::Wait, has_room: false, ..facts }.is_excused());
        }
    }

    #[test]
    fn only_a_connection_that_brings_no_answer_is_to_blame() {
        let failed = |error| Some(Trouble::Failed(error));
        let well = |trouble: Option<Trouble>| connection_is_well(false, trouble.as_ref());
        assert!(!connection_is_well(true, Some(&Trouble::Locked)));
        assert!(!well(None) && !well(failed(Error::new(ErrorKind::RequestTimeout, ""))));
        assert!(well(failed(Error::new(ErrorKind::Connect, ""))));
        assert!(well(failed(Error::broker(ResponseCode::SystemBusy, None, "pull"))));
        assert!(well(Some(Trouble::Locked)));
    }
}
