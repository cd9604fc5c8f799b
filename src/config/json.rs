//! Configuration as JSON: read, written, and the table itself.

use serde_json::{Map, Value, json};

use super::property::{Kind, Property};
use super::{Config, masked, name, table, value};
use crate::error::{Error, ErrorKind, Result};

impl Config {
    /// Sets every member of a JSON object; texts, numbers and booleans are values. All or nothing.
    pub fn load_json(&mut self, text: &str) -> Result<()> {
        let object: Map<String, Value> = serde_json::from_str(text).map_err(|e| {
            Error::new(ErrorKind::ConfigValue, format!("not a JSON object of properties: {e}"))
        })?;
        let mut changed = self.clone();
        for (key, value) in &object {
            match value {
                Value::String(text) => changed.set(key, text)?,
                Value::Number(number) => changed.set(key, &number.to_string())?,
                Value::Bool(flag) => changed.set(key, if *flag { "true" } else { "false" })?,
                Value::Object(_) if name::find(key).is_ok_and(|n| matches!(n.property.kind, Kind::Json)) => {
                    changed.set(key, &value.to_string())?;
                }
                Value::Object(_) => {
                    let shown = name::shown(key);
                    return Err(Error::new(
                        ErrorKind::ConfigValue,
                        format!("\"{shown}\" is an object; expected is one flat object of property names"),
                    ));
                }
                _ => {
                    let found = name::find(key)?;
                    return Err(Error::new(
                        ErrorKind::ConfigValue,
                        format!("{}: a text, a number or a boolean is expected", found.property.key),
                    ));
                }
            }
        }
        *self = changed;
        Ok(())
    }

    /// Every property that has a value, set or default, as a JSON object of texts. Secrets are masked.
    pub fn dump_json(&self) -> String {
        let mut object = Map::new();
        for (index, property) in table::all().enumerate() {
            let value = self.effective(index, property);
            if !value.is_empty() {
                let shown = if property.secret { masked(value) } else { value };
                object.insert(property.key.to_owned(), Value::from(shown));
            }
        }
        Value::Object(object).to_string()
    }

    /// The property table as a JSON array.
    pub fn properties_json() -> String {
        Value::Array(
            table::AREAS.iter().flat_map(|a| a.properties.iter().map(|p| describe(a.title, p))).collect(),
        )
        .to_string()
    }
}

fn describe(area: &str, property: &'static Property) -> Value {
    let aliases: Vec<Value> = name::aliases(property)
        .into_iter()
        .map(|(name, unit)| match unit {
            Some(unit) => json!({ "name": name, "unit": unit.name }),
            None => json!({ "name": name }),
        })
        .collect();
    let mut object = json!({
        "key": property.key,
        "java_name": if property.java.is_empty() { Value::Null } else { property.java.into() },
        "aliases": aliases,
        "area": area,
        "default": if property.default.is_empty() { Value::Null } else { property.default.into() },
        "allowed": value::rule(&property.kind),
        "importance": property.importance.name(),
        "secret": property.secret,
        "required": property.required,
        "applies_to": property.applies_to.name(),
        "since": property.since,
        "help": property.help,
        "supported": property.unsupported.is_none(),
        "unsupported_reason": property.unsupported,
    });
    match property.kind {
        Kind::Integer { unit, min, max, also } => {
            object["type"] = "integer".into();
            object["unit"] = unit.name().into();
            object["min"] = min.into();
            object["max"] = max.into();
            object["also"] = also.map_or(Value::Null, |(value, _)| value.into());
        }
        Kind::Words(words) => {
            object["type"] = "word".into();
            object["words"] = words.iter().map(|w| Value::from(w.name)).collect();
        }
        Kind::Bool => object["type"] = "boolean".into(),
        Kind::Text => object["type"] = "text".into(),
        Kind::Group => object["type"] = "group".into(),
        Kind::Addresses => object["type"] = "addresses".into(),
        Kind::Names => object["type"] = "names".into(),
        Kind::Json => object["type"] = "json".into(),
        Kind::Timestamp => object["type"] = "timestamp".into(),
        Kind::Folder => object["type"] = "folder".into(),
    }
    object
}
