//! As much of JSON Schema as the schema of fault plans uses; anything else in it is an error.

use serde_json::Value;

/// What is wrong with a value, if anything is.
pub(crate) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    against(schema, schema, value)
}

fn against(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let failed = |why: &str| Err(format!("{why}: {value}"));
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "additionalProperties" => {}
            "$ref" => {
                let part = root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
                against(root, part, value)?;
            }
            "type" if !has_type(rule.as_str().unwrap(), value) => return failed(&format!("no {rule}")),
            "const" if rule != value => return failed(&format!("not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => return failed(&format!("not one of {rule}")),
            "minimum" if value.as_f64().is_some_and(|number| number < rule.as_f64().unwrap()) => {
                return failed("too small");
            }
            "maximum" if value.as_f64().is_some_and(|number| number > rule.as_f64().unwrap()) => {
                return failed("too large");
            }
            "type" | "const" | "enum" | "minimum" | "maximum" => {}
            "required" => {
                let missing = rule.as_array().unwrap().iter().find(|name| value.get(name.as_str().unwrap()).is_none());
                if let Some(name) = missing {
                    return failed(&format!("no {name}"));
                }
            }
            "properties" => {
                assert_eq!(schema["additionalProperties"], false, "{schema}");
                for (name, member) in value.as_object().into_iter().flatten() {
                    let part = rule.get(name).ok_or_else(|| format!("an unknown {name}: {value}"))?;
                    against(root, part, member)?;
                }
            }
            "items" => value.as_array().into_iter().flatten().try_for_each(|item| against(root, rule, item))?,
            "oneOf" => {
                let fitting = rule.as_array().unwrap().iter().filter(|part| against(root, part, value).is_ok()).count();
                if fitting != 1 {
                    return failed(&format!("{fitting} choices fit"));
                }
            }
            other => panic!("the schema has a {other}"),
        }
    }
    Ok(())
}

fn has_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the schema has the type {other}"),
    }
}
