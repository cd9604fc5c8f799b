//! docs/CONFIGURATION.md, written from the table and compared with the committed page.

use super::property::{Kind, Property};
use super::{name, table, value};

const INTRODUCTION: &str = "\
# Configuration

<!-- Written from the property table in src/config/table.rs by `RMQ_BLESS=1 cargo test`; do not edit. -->

A property is set by its key, for example `rmq_config_set(config, \"consume.thread.max\", \"8\", errbuf, sizeof errbuf)`.
Java's name (`consumeThreadMax`), its snake_case form (`consume_thread_max`) and the key with underscores mean the same.
A unit is the last part of the key; a Java name that counts in another unit keeps it, and says so below. Words may be
written in any case, also as Java's constants. A wrong name or value is refused at once, with what is allowed.

Pulls rest at whichever bound is reached first. At the defaults that is `pull.threshold.all.mib` (64), before
`pull.threshold.queue.mib` and `pull.threshold.topic.mib` (100 each): raise it too when a queue is to hold more.
";

#[test]
fn the_configuration_page_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIGURATION.md");
    let page = page();
    if std::env::var_os("RMQ_BLESS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        std::fs::write(path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == page, "docs/CONFIGURATION.md is not current; write it with RMQ_BLESS=1 cargo test");
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n| Property | Default | |\n|---|---|---|\n");
    for property in table::all().filter(|p| p.unsupported.is_none()) {
        page.push_str(&row(property));
    }
    for area in table::AREAS {
        let supported: Vec<_> = area.properties.iter().filter(|p| p.unsupported.is_none()).collect();
        // An area of which nothing is built has no heading here.
        if !supported.is_empty() {
            page.push_str(&format!("\n## {}\n", area.title));
        }
        for property in supported {
            page.push_str(&section(property));
        }
    }
    page.push_str(NOT_IN_THIS_VERSION);
    for property in table::all().filter(|p| p.unsupported.is_some()) {
        page.push_str(&section(property));
    }
    page
}

const NOT_IN_THIS_VERSION: &str = "
## Not in this version

These take their default only; anything else is answered with `RMQ_E_UNSUPPORTED` instead of being ignored.
";

/// A line of the table on top: key, default, first sentence.
fn row(property: &Property) -> String {
    let default = match (property.default, property.required) {
        ("", true) => "**required**".to_owned(),
        ("", false) => String::new(),
        (default, _) => format!("`{default}`"),
    };
    let key = property.key;
    let anchor: String = key.chars().filter(|c| *c != '.').collect();
    let first = property.help.split_inclusive(". ").next().unwrap_or_default().trim_end();
    format!("| [{key}](#{anchor}) | {default} | {} |\n", first.replace('|', "\\|"))
}

fn section(property: &'static Property) -> String {
    let mut facts = vec![match (property.default, property.required) {
        ("", true) => "**required**".to_owned(),
        ("", false) => "default: not set".to_owned(),
        (default, _) => format!("default: `{default}`"),
    }];
    facts.push(match property.kind {
        Kind::Words(_) | Kind::Bool => format!("one of: {}", value::rule(&property.kind)),
        _ => format!("allowed: {}", value::rule(&property.kind).replace('|', "\\|")),
    });
    if !property.java.is_empty() {
        facts.push(match property.java_unit {
            Some(unit) => format!("Java: `{}`, in {}", property.java, unit.name),
            None => format!("Java: `{}`", property.java),
        });
    }
    facts.push(format!("importance: {}", property.importance.name()));
    match property.applies_to.name() {
        "both" => {}
        other => facts.push(format!("for {other} only")),
    }
    if property.secret {
        facts.push("secret, never shown".to_owned());
    }
    facts.push(format!("since {}", property.since));
    let names: Vec<String> = name::aliases(property)
        .into_iter()
        .filter(|(name, _)| name != property.java)
        .map(|(name, unit)| {
            unit.map_or_else(|| format!("`{name}`"), |unit| format!("`{name}` ({})", unit.name))
        })
        .collect();
    let mut text = format!("\n### {}\n\n{}\n\n", property.key, property.help);
    if let Some(why) = property.unsupported {
        text.push_str(&format!("*Not in this version: {why}.*\n\n"));
    }
    for fact in facts {
        text.push_str(&format!("- {fact}\n"));
    }
    text.push_str(&format!("- also: {}\n", names.join(", ")));
    text
}
