//! What the threads of a consumer are at: where Java prints its stacks.

use std::fmt::Write;

use crate::consumer::engine::Engine;

/// A line for each thread, and one for each task that the I/O threads share.
pub(super) fn threads(engine: &Engine) -> String {
    let mut text = String::new();
    let mut line = |name: &str, what: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<40}{what}");
    };
    for number in 1..=engine.config.io_threads {
        line(&format!("rmq-io-{number}"), "runs the tasks below");
    }
    for worker in engine.workers.activities() {
        let what = match &worker.callback {
            Some((batch, since)) => {
                let offsets = (0..batch.len()).filter_map(|index| batch.message(index));
                let offsets: Vec<String> = offsets.map(|m| m.queue_offset().to_string()).collect();
                let (queue, offsets) = (batch.queue_name(), offsets.join(", "));
                format!("in the callback for {queue} offset {offsets} for {} ms", since.as_millis())
            }
            None => "waits for messages".to_owned(),
        };
        line(&worker.thread, &what);
    }
    if engine.status.events().has_listener() {
        line("rmq-event", "calls the event callback");
    }
    for (thread, what, since) in engine.direct.running() {
        line(&thread, &format!("in the callback for {what} for {} ms", since.as_millis()));
    }
    for task in engine.tasks.running() {
        line("task", &task);
    }
    text
}
