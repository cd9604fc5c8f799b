//! The JSON Schema of the statistics. The committed one lets later versions add members; these tests do not.
#![allow(dead_code)]

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::Value;

fn committed() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/statistics.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Refuses every object with a member that the schema does not name.
fn close(schema: &mut Value) {
    if let Value::Object(object) = schema {
        if object.contains_key("properties") {
            object.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        object.values_mut().for_each(close);
    }
}

/// Statistics as they must be: everything the schema names, and nothing else.
pub struct Schema(Validator);

impl Schema {
    pub fn read() -> Schema {
        let mut schema = committed();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(jsonschema::meta::is_valid(&schema), "the schema itself");
        close(&mut schema);
        Schema(jsonschema::draft202012::new(&schema).unwrap())
    }

    pub fn check(&self, statistics: &Value) {
        let errors: Vec<String> = self
            .0
            .iter_errors(statistics)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}\n{statistics:#}");
    }

    pub fn refuses(&self, statistics: &Value) -> bool {
        !self.0.is_valid(statistics)
    }
}

/// Every member the schema names, as a path: `topics[].queues[].lag`.
pub fn members() -> BTreeSet<String> {
    let schema = committed();
    let mut members = BTreeSet::new();
    walk(&schema, &schema, "", &mut members);
    members
}

fn walk(root: &Value, schema: &Value, path: &str, members: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return walk(root, root.pointer(reference.trim_start_matches('#')).unwrap(), path, members);
    }
    if schema.get("items").is_some() {
        return walk(root, &schema["items"], &format!("{path}[]"), members);
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    let named: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
    let required = schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    assert_eq!(named, required.collect(), "{path}: each member is always there");
    for (name, member) in properties {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        members.insert(path.clone());
        assert!(member.get("$ref").is_some() || member["description"].is_string(), "{path} says what it is");
        walk(root, member, &path, members);
    }
}
