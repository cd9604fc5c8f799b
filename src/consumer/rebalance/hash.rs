//! Average shares in the order of the members' hashes: who joins lands anywhere in the order, not at its end.

use super::{avg, md5};

/// The owner of each of `queues` queues. The order is by the first four bytes of MD5 of the client id, then by the id.
pub(super) fn divide(queues: usize, members: &[String]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_cached_key(|index| (md5::first_four(&members[*index]), &members[*index]));
    avg::divide(queues, members.len()).into_iter().map(|place| order[place]).collect()
}
