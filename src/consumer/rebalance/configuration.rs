//! Each queue to the member that the user named for it; the others to nobody.

use crate::config::{Assignments, fits};
use crate::message::MessageQueue;

/// The owner of each queue. Of several members that a name fits it is the first.
pub(super) fn divide(queues: &[MessageQueue], members: &[String], named: &Assignments) -> Vec<Option<usize>> {
    let owner = |queue: &MessageQueue| {
        let pattern = named.member(&queue.to_string())?;
        members.iter().position(|member| fits(pattern, member))
    };
    queues.iter().map(owner).collect()
}

/// What is wrong with a division, in words: queues without an owner and why, and named ones that are not there.
/// `None` when all is well.
pub(in crate::consumer) fn complaint(
    topic: &str,
    queues: &[MessageQueue],
    owners: &[Option<usize>],
    named: &Assignments,
) -> Option<String> {
    let unowned = queues.iter().zip(owners).filter(|(_, owner)| owner.is_none()).map(|(queue, _)| {
        let queue = queue.to_string();
        match named.member(&queue) {
            Some(member) => format!("{queue} ({member} is not in the group)"),
            None => format!("{queue} (nobody is named)"),
        }
    });
    let there: Vec<String> = queues.iter().map(ToString::to_string).collect();
    let gone = named.queues_of(topic).filter(|queue| !there.iter().any(|other| other == queue));
    let mut parts = Vec::new();
    if let Some(list) = listed(unowned) {
        parts.push(format!("nobody consumes {list}"));
    }
    if let Some(list) = listed(gone.map(str::to_owned)) {
        parts.push(format!("it names {list}, which the topic does not have"));
    }
    (!parts.is_empty()).then(|| format!("allocate.configuration: {}", parts.join("; ")))
}

/// The first few, and how many more there are.
fn listed(items: impl Iterator<Item = String>) -> Option<String> {
    const SHOWN: usize = 8;
    let items: Vec<String> = items.collect();
    let more = items.len().saturating_sub(SHOWN);
    let shown = items.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    match more {
        0 if shown.is_empty() => None,
        0 => Some(shown),
        more => Some(format!("{shown} and {more} more")),
    }
}
