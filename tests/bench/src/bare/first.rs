//! The shortest way to a group's first message.

use std::time::{Duration, Instant};

use super::registered::Registered;

/// The bare request sequence: connect to the name server, route, connect to the broker, heartbeat, member list, one
/// offset query, one pull. Answers how long that took up to the first messages.
pub(crate) fn first_message(namesrv: &str, group: &str, topic: &str) -> Duration {
    let start = Instant::now();
    let mut bare = Registered::new(namesrv, group, topic);
    bare.members();
    let offset = bare.committed(0).unwrap_or(0);
    bare.pull(0, offset);
    let (_, result) = bare.pulled();
    let took = start.elapsed();
    assert!(!result.body.is_empty(), "no message waits in queue 0 of {topic} from {offset}");
    took
}

/// Makes a group that has been here before: the broker knows it and has an offset of each queue.
pub(crate) fn prepare_group(namesrv: &str, group: &str, topic: &str, offset: i64) {
    let mut bare = Registered::new(namesrv, group, topic);
    for queue in 0..bare.queues {
        bare.commit(queue, offset);
    }
}
