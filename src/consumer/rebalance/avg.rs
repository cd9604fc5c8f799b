//! Neighbouring queues in shares that differ by at most one: Java's `AllocateMessageQueueAveragely`.

/// The owner of each of `queues` queues; the first members take those that are left over.
pub(super) fn divide(queues: usize, members: usize) -> Vec<usize> {
    let (share, left_over) = (queues / members, queues % members);
    let shares = (0..members).map(|index| share + usize::from(index < left_over));
    shares.enumerate().flat_map(|(index, share)| std::iter::repeat_n(index, share)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_members_get_what_is_left_over() {
        assert_eq!(divide(8, 3), [0, 0, 0, 1, 1, 1, 2, 2]);
        assert_eq!(divide(1, 2), [0]);
        assert_eq!(divide(3, 1), [0, 0, 0]);
    }
}
