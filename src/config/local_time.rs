//! Java's `yyyyMMddHHmmss` as a point in time.
//!
//! It is meant in the local time zone, as in Java. Only the C library knows the rules of the zone, so this is the one
//! file outside `capi/` that calls it: one function that writes to nothing but its argument.

use crate::error::{Error, ErrorKind, Result};

/// A date and time of day that exists in the calendar; of which zone, it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    year: i32,
    month: i32,
    day: i32,
    hour: i32,
    minute: i32,
    second: i32,
}

impl Civil {
    /// Reads 14 digits.
    pub(super) fn parse(digits: &str) -> Option<Civil> {
        if digits.len() != 14 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let field = |from: usize, to: usize| digits[from..to].parse::<i32>().ok();
        let civil = Civil {
            year: field(0, 4)?,
            month: field(4, 6)?,
            day: field(6, 8)?,
            hour: field(8, 10)?,
            minute: field(10, 12)?,
            second: field(12, 14)?,
        };
        civil.exists().then_some(civil)
    }

    fn exists(&self) -> bool {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let days = match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return false,
        };
        self.year >= 1970
            && (1..=days).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60
    }

    /// Milliseconds since 1970. A time that the zone skips or repeats is taken as the C library takes it.
    pub(super) fn epoch_millis(&self) -> Result<i64> {
        // SAFETY: `tm` is plain numbers (and on some systems a pointer that mktime ignores), so zero is a value of it.
        let mut tm: libc::tm = unsafe { std::mem::zeroed() };
        tm.tm_year = self.year - 1900;
        tm.tm_mon = self.month - 1;
        tm.tm_mday = self.day;
        tm.tm_hour = self.hour;
        tm.tm_min = self.minute;
        tm.tm_sec = self.second;
        // Ask the zone's rules whether summer time holds.
        tm.tm_isdst = -1;
        // SAFETY: `tm` is ours alone and fully written; mktime may read the TZ variable, as localtime anywhere does.
        let seconds = unsafe { libc::mktime(&raw mut tm) };
        // -1 may also be one second before 1970, which `exists` excludes in all but the easternmost zones.
        if seconds == -1 {
            return Err(Error::new(
                ErrorKind::ConfigValue,
                "consume.timestamp: the local time zone cannot tell this date",
            ));
        }
        // 32 bits on some platforms.
        #[allow(clippy::useless_conversion)]
        let seconds = i64::from(seconds);
        Ok(seconds * 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dates_of_the_calendar_are_read() {
        assert!(Civil::parse("20240229235959").is_some());
        for bad in [
            "20230229000000",
            "20240001000000",
            "20240132000000",
            "20240101240000",
            "2024010100000",
            "19691231235959",
        ] {
            assert!(Civil::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_day_later_is_a_day_later_up_to_summer_time() {
        let at = |text: &str| Civil::parse(text).unwrap().epoch_millis().unwrap();
        let difference = at("20260702120000") - at("20260701120000");
        assert_eq!(difference, 86_400_000);
        // No zone is more than 14 hours from UTC: 2026-07-01T12:00:00Z is 1782907200.
        assert!((at("20260701120000") - 1_782_907_200_000).abs() <= 14 * 3_600_000);
    }
}
