//! JSON Schemas of the configuration files, made from the forms that read them.
//!
//! They are for editors: completion, and mistakes shown while one types. What the reading alone can tell, such
//! as a handle that nobody has, they leave out. Draft 7, which is what YAML editors know best.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::{calendar, capture, catalog, ownership, rule};

/// The schemas of the tenant's files, each with the name it goes by: `ownership`, `catalog`, `rules`, `capture`,
/// `calendar`.
#[must_use]
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("ownership", of::<ownership::OwnershipForm>("ownership.yaml")),
        ("catalog", of::<catalog::CatalogForm>("catalog.yaml")),
        ("rules", of::<rule::FileForm>("rules/*.yaml")),
        ("capture", of::<capture::FileForm>("capture.yaml")),
        ("calendar", of::<calendar::FileForm>("calendar.yaml")),
    ]
}

/// The schema of one form; `title` is the file as people call it.
#[must_use]
pub fn of<T: JsonSchema>(title: &str) -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Problem;

    /// The keys at the top are those that the reader lists when it meets one it does not know.
    #[track_caller]
    fn check<T: JsonSchema>(read: impl Fn(&str) -> Vec<Problem>, refused: &[&str]) {
        let schema = of::<T>("x.yaml");
        assert_eq!(schema["additionalProperties"], false, "{schema:#}");
        let mut keys: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        for key in refused {
            let problems = read(&format!("{key}: []"));
            assert!(problems.iter().any(Problem::is_error), "`{key}` is taken, so the schema should have it");
            keys.push(key);
        }
        keys.sort_unstable();
        let problems = read("_: 1");
        let help = problems[0].help.as_deref().unwrap();
        let mut taken: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
        taken.sort_unstable();
        assert_eq!(keys, taken);
    }

    fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Vec<Problem> {
        crate::yaml::parse::<T>("x.yaml", text).err().unwrap_or_default()
    }

    #[test]
    fn a_schema_has_the_keys_that_the_reader_takes() {
        check::<ownership::OwnershipForm>(parse::<ownership::OwnershipForm>, &[]);
        check::<catalog::CatalogForm>(parse::<catalog::CatalogForm>, &[]);
        check::<rule::FileForm>(parse::<rule::FileForm>, &[]);
        check::<capture::FileForm>(parse::<capture::FileForm>, &[]);
        let calendar = |text: &str| calendar::BusinessHours::load("x.yaml", text).err().unwrap_or_default();
        check::<calendar::FileForm>(calendar, &["freezes", "maintenance"]);
    }

    /// Every object says which keys it takes, and every reference leads somewhere.
    #[test]
    fn a_schema_is_closed() {
        fn walk(name: &str, root: &Value, at: &Value) {
            if let Some(object) = at.as_object() {
                if object.contains_key("properties") {
                    assert_eq!(at["additionalProperties"], false, "{name}: {at:#}");
                }
                if let Some(Value::String(target)) = object.get("$ref") {
                    let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
                    assert!(found.is_some(), "{name}: `{target}` leads nowhere");
                }
            }
            let below: Vec<&Value> = match at {
                Value::Object(members) => members.values().collect(),
                Value::Array(values) => values.iter().collect(),
                _ => Vec::new(),
            };
            below.into_iter().for_each(|below| walk(name, root, below));
        }
        for (name, schema) in all() {
            walk(name, &schema, &schema);
        }
    }

    #[test]
    fn rules_may_be_a_bare_list() {
        let schema = of::<rule::FileForm>("rules/*.yaml");
        assert_eq!(schema["type"], serde_json::json!(["object", "array"]));
        assert_eq!(schema["items"], schema["properties"]["rules"]["items"]);
    }
}
