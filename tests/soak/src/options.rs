//! The command line.

use std::path::PathBuf;

/// `name=value` words.
#[derive(Debug)]
pub(crate) struct Options {
    /// How long faults befall it.
    pub(crate) minutes: u64,
    /// Messages a second.
    pub(crate) rate: u32,
    /// What the faults are drawn from; printed, so that a run can be had again.
    pub(crate) seed: u64,
    /// The librmq.so under test; the one cargo made for this very program without it.
    pub(crate) library: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(words: &[String]) -> Result<Options, String> {
        let mut options = Options { minutes: 60, rate: 300, seed: fastrand::u64(..), library: None };
        for word in words {
            match word.split_once('=') {
                Some(("minutes", value)) => options.minutes = number("minutes", value, 1, 10_000)?,
                Some(("rate", value)) => {
                    options.rate = u32::try_from(number("rate", value, 1, 100_000)?).unwrap_or(u32::MAX);
                }
                Some(("seed", value)) => options.seed = number("seed", value, 0, u64::MAX)?,
                Some(("library", value)) => options.library = Some(value.into()),
                _ => return Err(format!("{word} is none of minutes= rate= seed= library=")),
            }
        }
        Ok(options)
    }
}

fn number(name: &str, value: &str, least: u64, most: u64) -> Result<u64, String> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{name}={value}: allowed is a number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_word_is_an_error_that_names_it() {
        let parse = |word: &str| Options::parse(&[word.to_owned()]).map(|options| options.minutes);
        assert_eq!(parse("minutes=2"), Ok(2));
        assert_eq!(parse("minutes=0").unwrap_err(), "minutes=0: allowed is a number from 1 to 10000");
        assert_eq!(parse("minute=1").unwrap_err(), "minute=1 is none of minutes= rate= seed= library=");
    }
}
