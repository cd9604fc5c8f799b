//! One queue each in turn: Java's `AllocateMessageQueueAveragelyByCircle`.

/// The owner of each of `queues` queues.
pub(super) fn divide(queues: usize, members: usize) -> Vec<usize> {
    (0..queues).map(|queue| queue % members).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_take_turns() {
        assert_eq!(divide(5, 2), [0, 1, 0, 1, 0]);
        assert_eq!(divide(1, 3), [0]);
    }
}
