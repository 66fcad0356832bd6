//! `cargo xtask schemas [--check]`: a JSON Schema for each object that the command line prints, made of the tables in its
//! documentation, so that people and programs read the same. The tests of the command line hold what it prints against
//! both.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

const PAGE: &str = "docs/cli.md";
const DIRECTORY: &str = "docs/schemas";
const HEAD: &str = "| member | type | meaning |";

/// Writes the schemas, or with `--check` only says whether they stand there.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("usage: cargo xtask schemas [--check]".to_owned()),
    };
    let page = std::fs::read_to_string(path(PAGE)).map_err(|error| format!("{PAGE} can't be read: {error}"))?;
    for (name, schema) in schemas(&page)? {
        let file = format!("{DIRECTORY}/{}.schema.json", name.replace('/', "-"));
        let text = format!("{schema:#}\n");
        if !check {
            std::fs::write(path(&file), text).map_err(|error| format!("{file} can't be written: {error}"))?;
        } else if std::fs::read_to_string(path(&file)).ok() != Some(text) {
            return Err(format!("{file} does not say what {PAGE} says: run `cargo xtask schemas`"));
        }
    }
    Ok(())
}

pub(crate) fn check() -> Result<(), String> {
    run(&["--check".to_owned()])
}

/// A schema for each object that has a table: the next one behind a line that begins with the object's name.
fn schemas(page: &str) -> Result<BTreeMap<String, Value>, String> {
    let (mut schemas, mut name) = (BTreeMap::new(), None);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let begins = line.strip_prefix('`').and_then(|rest| rest.split_once('`'));
        if let Some((found, _)) = begins.filter(|(found, _)| found.ends_with("/1")) {
            name = Some(found);
        } else if let Some(name) = name.take_if(|_| line == HEAD) {
            let rows = lines.by_ref().skip(1).take_while(|line| line.starts_with('|'));
            schemas.insert(name.to_owned(), schema(name, rows)?);
        }
    }
    if schemas.is_empty() { Err(format!("{PAGE} has no table of an object's members")) } else { Ok(schemas) }
}

fn schema<'p>(name: &str, rows: impl Iterator<Item = &'p str>) -> Result<Value, String> {
    let mut properties = Map::from_iter([("schema".to_owned(), json!({"const": name}))]);
    let mut required = vec!["schema"];
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').splitn(3, '|').map(str::trim).collect();
        let [members, kind, meaning] = cells.as_slice() else {
            return Err(format!("{name}: {row} has no three cells"));
        };
        let kind_of = kind_of(kind).ok_or_else(|| format!("{name}: {kind:?} is no type that is known"))?;
        for member in members.split(", ").map(|member| member.trim_matches('`')).filter(|member| *member != "schema") {
            let mut property = kind_of.clone();
            property.insert("description".to_owned(), json!(meaning));
            properties.insert(member.to_owned(), Value::Object(property));
            if !kind.contains("absent") {
                required.push(member);
            }
        }
    }
    Ok(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "description": format!("Made by `cargo xtask schemas` of {PAGE}. Members may be added."),
        "type": "object",
        "properties": properties,
        "required": required,
    }))
}

/// The words for a type, as a schema; what stands behind a semicolon says when the member is there. Without words it is
/// explained elsewhere, and may be anything.
fn kind_of(words: &str) -> Option<Map<String, Value>> {
    if words.is_empty() {
        return Some(Map::new());
    }
    let words = words.split_once(';').map_or(words, |(kind, _)| kind);
    let (kind, nullable) = words.strip_suffix(" or null").map_or((words, false), |kind| (kind, true));
    let (kind, items) = match kind.split_once(" of ") {
        Some(("array", items)) => ("array", Some(items.strip_suffix('s')?)),
        None => (kind, None),
        Some(_) => return None,
    };
    let known = |kind: &str| ["array", "boolean", "number", "object", "string"].contains(&kind);
    if !known(kind) || !items.is_none_or(known) {
        return None;
    }
    let kind = if nullable { json!([kind, "null"]) } else { json!(kind) };
    let items = items.map(|items| ("items".to_owned(), json!({"type": items})));
    Some([("type".to_owned(), kind)].into_iter().chain(items).collect())
}

fn path(name: &str) -> PathBuf {
    crate::workspace().join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
`thing/1`, one per thing:

| member | type | meaning |
|---|---|---|
| `schema` | string | `thing/1`, the first member |
| `start`, `end` | string or null | when |
| `names` | array of strings; absent without names | who |

| member | type | meaning |
|---|---|---|
| `inner` | number | of a member |
";

    #[test]
    fn a_table_becomes_a_schema() {
        let schemas = schemas(TABLE).unwrap();
        assert_eq!(schemas.len(), 1);
        let thing = &schemas["thing/1"];
        assert_eq!(thing["required"], json!(["schema", "start", "end"]));
        assert_eq!(thing["properties"]["schema"], json!({"const": "thing/1"}));
        assert_eq!(thing["properties"]["end"], json!({"type": ["string", "null"], "description": "when"}));
        assert_eq!(thing["properties"]["names"]["items"], json!({"type": "string"}));
        assert!(thing["properties"].get("inner").is_none());
    }

    #[test]
    fn a_type_that_nobody_knows_is_refused() {
        for kind in ["text", "array of", "list of strings", "string or number"] {
            assert!(schemas(&TABLE.replace("string or null", kind)).is_err(), "{kind}");
        }
    }
}
