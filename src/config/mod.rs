//! Configuration: one table of properties, values as text, and the typed snapshot a consumer is made from.
//!
//! A value is checked when it is set; what only makes sense together is checked by [`Config::snapshot`].

mod allocation;
mod json;
mod local_time;
mod name;
mod property;
mod snapshot;
pub mod table;
mod value;

#[cfg(test)]
mod docs;
#[cfg(test)]
mod tests;

use std::fmt;

pub use allocation::{Assignments, Nearby, Patterns, Strategy, fits};
pub use property::{AppliesTo, Importance, JavaUnit, Kind, Property, Unit, Word};
pub use snapshot::{ConsumeFrom, ConsumerConfig, Limit, MessageModel};

use crate::error::{Error, ErrorKind, Result};

/// The properties of a consumer to be. What is not set has its default.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// By position in the table; `None` is the default. Shorter than the table until the last one is set.
    values: Vec<Option<String>>,
}

impl Config {
    /// All defaults.
    pub fn new() -> Config {
        Config::default()
    }

    /// Sets a property, by its key or any other name it has. An alias that is Java's counts in Java's unit.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let named = name::find(name)?;
        let kept = value::canonical(named.property, name, value, named.unit)?;
        if self.values.len() <= named.index {
            self.values.resize(named.index + 1, None);
        }
        self.values[named.index] = Some(kept);
        Ok(())
    }

    /// The value in force, in the unit of the name it is asked by; empty when nothing is set and there is no default.
    /// Secrets are masked.
    pub fn get(&self, name: &str) -> Result<String> {
        let named = name::find(name)?;
        let value = self.effective(named.index, named.property);
        if named.property.secret {
            return Ok(masked(value).to_owned());
        }
        let Some(unit) = named.unit else {
            return Ok(value.to_owned());
        };
        let number: i64 =
            value.parse().map_err(|_| Error::new(ErrorKind::Unknown, format!("{name}={value}")))?;
        match number % unit.factor {
            0 => Ok((number / unit.factor).to_string()),
            _ => Err(Error::new(
                ErrorKind::ConfigValue,
                format!(
                    "{name} counts {}, and {}={value} is no whole number of them",
                    unit.name, named.property.key
                ),
            )),
        }
    }

    /// What was set for the property with this key, not its default.
    fn explicit(&self, key: &str) -> Option<&str> {
        let index = table::all().position(|property| property.key == key)?;
        self.values.get(index)?.as_deref()
    }

    fn effective(&self, index: usize, property: &'static Property) -> &str {
        self.values.get(index).and_then(Option::as_deref).unwrap_or(property.default)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = table::all()
            .zip(&self.values)
            .filter_map(|(property, value)| Some((property, value.as_deref()?)));
        f.debug_map()
            .entries(
                set.map(|(property, value)| {
                    (property.key, if property.secret { masked(value) } else { value })
                }),
            )
            .finish()
    }
}

/// Checks the name of a group that is not in a configuration; the text names the parameter.
pub fn check_group(parameter: &str, group: &str) -> Result<()> {
    value::group(group).map(drop).map_err(|rule| {
        let text = format!("{parameter} is \"{}\": allowed is {rule}", name::shown(group));
        Error::new(ErrorKind::InvalidArgument, text)
    })
}

/// What a secret reads as: nothing when it is empty.
fn masked(value: &str) -> &'static str {
    if value.is_empty() { "" } else { value::MASK }
}
