//! Chance, for jitter and unique names. Not for secrets.

use std::hash::{BuildHasher, RandomState};

/// A number nobody can foresee; std seeds every `RandomState` anew.
pub fn number() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// A number from 0 up to, but not including, 1.
pub fn fraction() -> f64 {
    // 53 bits are what an f64 holds exactly.
    #[allow(clippy::cast_precision_loss)]
    let part = (number() >> 11) as f64;
    part / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    #[test]
    fn fractions_lie_in_range_and_differ() {
        let some: Vec<f64> = (0..100).map(|_| super::fraction()).collect();
        assert!(some.iter().all(|f| (0.0..1.0).contains(f)));
        assert!(some.windows(2).any(|w| (w[0] - w[1]).abs() > f64::EPSILON));
    }
}
