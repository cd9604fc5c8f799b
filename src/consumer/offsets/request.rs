//! Commits that somebody waits for.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, watch};

use crate::error::{Error, Result};

/// Asks the one who commits a queue for a commit now, and hears how it went. Nobody else may commit: of two
/// updates under way the later can lose.
#[derive(Default)]
pub(crate) struct CommitRequests {
    /// The number of the last request.
    asked: AtomicU64,
    /// Told when there is one.
    told: Notify,
    /// The number of the last request that was answered, and how.
    answered: watch::Sender<(u64, Option<Error>)>,
}

impl CommitRequests {
    /// Asks for a commit of what is complete now and waits for the broker's answer.
    pub(crate) async fn request(&self) -> Result<()> {
        let number = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let mut answered = self.answered.subscribe();
        self.told.notify_one();
        // Never closed: the sender is ours.
        let answer = answered.wait_for(|(last, _)| *last >= number).await;
        answer.ok().and_then(|answer| answer.1.clone()).map_or(Ok(()), Err)
    }

    /// Waits until there is a request. For the one who commits.
    pub(super) async fn asked(&self) {
        while self.number() == self.answered.borrow().0 {
            self.told.notified().await;
        }
    }

    /// The number of the last request: to be taken before the commit and answered after it.
    pub(super) fn number(&self) -> u64 {
        self.asked.load(Ordering::Acquire)
    }

    /// Answers all requests up to a number.
    pub(super) fn answer(&self, number: u64, result: &Result<()>) {
        if number > self.answered.borrow().0 {
            self.answered.send_replace((number, result.as_ref().err().cloned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn a_request_is_answered_by_the_next_commit_and_not_by_the_one_under_way() {
        let requests = CommitRequests::default();
        let under_way = requests.number();
        let (asked, ()) = tokio::join!(requests.request(), async {
            requests.asked().await;
            requests.answer(under_way, &Ok(()));
            requests.asked().await;
            let number = requests.number();
            requests.answer(number, &Err(Error::new(ErrorKind::Disconnected, "cut")));
        });
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::Disconnected);
    }
}
