//! Neighbouring queues in shares as large as the members' weights.

use std::cmp::Reverse;

use crate::config::Patterns;

/// The weight of a member that no pattern fits.
const USUAL: u64 = 1;

/// The owner of each of `queues` queues. What is left over by rounding down goes, one each, to those who lost
/// most by it. When all weights are 0, all are equal.
pub(super) fn divide(queues: usize, members: &[String], weights: &Patterns<u64>) -> Vec<usize> {
    let mut weights: Vec<u128> =
        members.iter().map(|member| u128::from(*weights.find(member).unwrap_or(&USUAL))).collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights.fill(1);
    }
    let (total, all) = (weights.iter().sum::<u128>(), queues as u128);
    let exact = |index: usize| all * weights[index];
    // A share is at most `queues`, so it fits.
    let share = |index: usize| usize::try_from(exact(index) / total).unwrap_or(queues);
    let mut shares: Vec<usize> = (0..members.len()).map(share).collect();
    let left_over = queues - shares.iter().sum::<usize>();
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|index| (Reverse(exact(*index) % total), *index));
    for index in order.into_iter().take(left_over) {
        shares[index] += 1;
    }
    shares.into_iter().enumerate().flat_map(|(index, share)| std::iter::repeat_n(index, share)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(queues: usize, weights: &[u64]) -> Vec<usize> {
        let members: Vec<String> = (0..weights.len()).map(|i| format!("m{i}")).collect();
        let weights = members.iter().cloned().zip(weights.iter().copied());
        let owners = divide(queues, &members, &Patterns::new(weights));
        assert!(owners.is_sorted() && owners.len() == queues);
        (0..members.len()).map(|index| owners.iter().filter(|owner| **owner == index).count()).collect()
    }

    #[test]
    fn shares_follow_the_weights() {
        assert_eq!(shares(8, &[3, 1]), [6, 2]);
        assert_eq!(shares(8, &[1, 1, 1]), [3, 3, 2]);
        assert_eq!(shares(10, &[5, 3, 0]), [6, 4, 0]);
        assert_eq!(shares(2, &[1, 1, 5]), [0, 0, 2]);
        assert_eq!(shares(3, &[0, 0]), [2, 1]);
        assert_eq!(shares(0, &[1, 2]), [0, 0]);
        assert_eq!(shares(7, &[1_000_000; 3]), [3, 2, 2]);
    }

    #[test]
    fn who_fits_no_pattern_weighs_one() {
        let members = ["a".to_owned(), "b".to_owned()];
        assert_eq!(divide(4, &members, &Patterns::new([("a".to_owned(), 3)])), [0, 0, 0, 1]);
    }
}
