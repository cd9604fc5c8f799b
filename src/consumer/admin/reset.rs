//! An administrator's reset, from a broker that leaves it to the group's members (4.x, and 5.x with
//! `useServerSideResetOffset=false`). Other brokers move the offset themselves and tell the next pull.

use super::Asked;
use crate::cluster::command::ResetConsumerOffset;

/// Every owned queue that is named goes on where it is told to, at once: Java first waits 10 s for its
/// callbacks. Here those that run need not be waited for: what they complete is no longer in the books.
pub(super) fn apply(asked: &Asked<'_>, request: ResetConsumerOffset) {
    if !asked.is_ours(&request.header.group) {
        return;
    }
    let queues = asked.engine.status.queues();
    for (name, offset) in request.offsets {
        if *name.topic == *request.header.topic
            && let Some(queue) = queues.iter().find(|queue| queue.name == name)
        {
            queue.request_move(offset.max(0));
        }
    }
}
