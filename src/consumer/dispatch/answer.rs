//! What a callback's answer means for its batch, which somebody may have kept meanwhile.

use std::sync::Arc;

use super::batch::{Batch, Context, Outcome};
use super::open::Verdict;
use super::workers::{Shared, Workers};

impl Shared {
    /// Takes a callback's answer, for those messages that nobody has settled another way.
    pub(super) fn settle(self: &Arc<Self>, batch: &Batch, outcome: Outcome, context: &Context) {
        let Some(open) = batch.open() else { return self.settler.answered(batch, outcome, context) };
        let order = open.pulled.queue.order.as_ref();
        let done = match (outcome, order) {
            (Outcome::Deferred, _) => return,
            (Outcome::Success, _) | (Outcome::Commit, Some(_)) => batch.done(context).len(),
            (Outcome::Later, _) | (Outcome::Suspend | Outcome::Rollback, Some(_)) => 0,
            (odd, _) => {
                self.status.odd_outcome(odd, batch.pulled().queue.order.is_some());
                0
            }
        };
        let rest = match order {
            Some(order) if context.delay_level >= 0 => Verdict::Rest(context.suspend.unwrap_or(order.rest)),
            _ => Verdict::Again(context.delay_level),
        };
        let workers = Workers(Arc::clone(self));
        workers.settle(open, 0..done, Verdict::Done);
        workers.settle(open, done..batch.len(), rest);
    }
}
