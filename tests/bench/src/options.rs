//! `name=value` options, the same for the bench and for the clients it runs.

use std::collections::HashMap;

/// The options of the command line.
pub(crate) struct Options(HashMap<String, String>);

impl Options {
    /// Reads words; one that is no option, or none of the `known`, is an error.
    pub(crate) fn parse(words: &[String], known: &[&str]) -> Result<Options, String> {
        let pair = |word: &String| match word.split_once('=') {
            Some((name, value)) if known.contains(&name) => Ok((name.to_owned(), value.to_owned())),
            _ => Err(format!("{word} is none of {}=", known.join("= "))),
        };
        words.iter().map(pair).collect::<Result<_, _>>().map(Options)
    }

    /// The value of an option.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of an option that must be there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("option {name}= is missing"))
    }

    /// The value, or `default`.
    pub(crate) fn text_or<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.get(name).unwrap_or(default)
    }

    /// A number, or `default`.
    pub(crate) fn number(&self, name: &str, default: u64) -> u64 {
        self.get(name).map_or(default, |v| v.parse().unwrap_or_else(|_| panic!("{name}={v}")))
    }

    /// The words between the commas of a value; `all` when it is not given. A word that is none of `all` is an error.
    pub(crate) fn choice<'a>(&'a self, name: &str, all: &[&'a str]) -> Result<Vec<&'a str>, String> {
        let Some(value) = self.get(name) else { return Ok(all.to_vec()) };
        let words: Vec<&str> = value.split(',').collect();
        match words.iter().find(|word| !all.contains(word)) {
            Some(word) => Err(format!("{name}={word} is none of {}", all.join(", "))),
            None => Ok(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(word: &str) -> Result<Options, String> {
        Options::parse(&[word.to_owned()], &["only", "count"])
    }

    #[test]
    fn a_misspelt_option_is_an_error() {
        assert_eq!(parse("counts=1").err().unwrap(), "counts=1 is none of only= count=");
        assert!(parse("count").is_err());
        assert_eq!(parse("count=5").unwrap().number("count", 1), 5);
    }

    #[test]
    fn a_choice_is_everything_or_some_of_it() {
        let all = ["first", "slow"];
        assert_eq!(parse("count=1").unwrap().choice("only", &all).unwrap(), all);
        assert_eq!(parse("only=slow").unwrap().choice("only", &all).unwrap(), ["slow"]);
        assert!(parse("only=slow,fast").unwrap().choice("only", &all).is_err());
    }
}
