//! Neighbouring queues in shares that differ by at most one: Java's `AllocateMessageQueueAveragely`.

use crate::message::MessageQueue;

/// The share of member number `index` of `members`; the first members take the queues that are left over.
pub(super) fn allocate(index: usize, members: usize, queues: &[MessageQueue]) -> &[MessageQueue] {
    let (share, left_over) = (queues.len() / members, queues.len() % members);
    let start = index * share + index.min(left_over);
    let length = share + usize::from(index < left_over);
    &queues[start..start + length]
}

#[cfg(test)]
mod tests {
    use super::super::tests::queues;
    use super::*;

    fn ids(index: usize, members: usize, count: i32) -> Vec<i32> {
        allocate(index, members, &queues(count)).iter().map(|q| q.id).collect()
    }

    #[test]
    fn divides_as_java_does() {
        assert_eq!((ids(0, 3, 8), ids(1, 3, 8), ids(2, 3, 8)), (vec![0, 1, 2], vec![3, 4, 5], vec![6, 7]));
        assert_eq!((ids(0, 2, 1), ids(1, 2, 1)), (vec![0], vec![]));
        assert_eq!(ids(0, 1, 3), [0, 1, 2]);
    }
}
