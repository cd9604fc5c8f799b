//! Statistics as events.

use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::report::Look;
use crate::consumer::engine::Engine;
use crate::consumer::event::{Event, EventKind};

/// Raises an event with the statistics every `stats.interval.ms`, until the consumer stops. One that nobody has taken
/// yet gives way to the next.
pub(crate) async fn keep_publishing(engine: Arc<Engine>) {
    let (stopped, every) = (engine.tasks.stopped().clone(), engine.config.stats_interval);
    if every.is_zero() || !engine.status.events().wants(EventKind::Stats) {
        return;
    }
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let look = Look::at(&engine);
        engine.status.events().raise(Event::stats(look.sentence(), look.json()));
    }
}
