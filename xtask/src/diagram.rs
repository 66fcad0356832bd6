//! `cargo xtask diagram [--check]`: the round's state diagram, made of the table of transitions in the core.

use std::collections::BTreeMap;
use std::path::PathBuf;

const SOURCE: &str = "crates/delta-core/src/round.rs";
const PAGE: &str = "docs/protocol.md";
const BEGIN: &str = "<!-- made by `cargo xtask diagram` of the table in crates/delta-core/src/round.rs -->\n";
const END: &str = "<!-- until here -->\n";

/// Writes the diagram into its page, or with `--check` only says whether it stands there.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("usage: cargo xtask diagram [--check]".to_owned()),
    };
    let page = read(PAGE)?;
    let drawn = insert(&page, &draw(&read(SOURCE)?)?)?;
    if drawn == page {
        Ok(())
    } else if check {
        Err(format!("the diagram in {PAGE} is not that of {SOURCE}: run `cargo xtask diagram`"))
    } else {
        std::fs::write(path(PAGE), drawn).map_err(|error| format!("{PAGE} can't be written: {error}"))
    }
}

pub(crate) fn check() -> Result<(), String> {
    run(&["--check".to_owned()])
}

/// The page with the diagram between its marks.
fn insert(page: &str, diagram: &str) -> Result<String, String> {
    let marks = || format!("{PAGE} has no place for the diagram: between {BEGIN}and {END}");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(marks)?;
    let (_, after) = rest.split_once(END).ok_or_else(marks)?;
    Ok(format!("{before}{BEGIN}\n```mermaid\n{diagram}```\n\n{END}{after}"))
}

/// One line of the table.
struct Row<'a> {
    /// The phases that it speaks of; none for «any».
    from: Vec<&'a str>,
    /// What comes, and the step that it leads to.
    label: String,
    /// The phase then; `None` for «the same».
    to: Option<&'a str>,
}

/// The diagram, as Mermaid reads it.
fn draw(source: &str) -> Result<String, String> {
    let rows = source.lines().filter_map(|line| line.strip_prefix("//! |")).skip(2).map(row);
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let mut phases: Vec<&str> = Vec::new();
    for phase in rows.iter().flat_map(|row| row.from.iter().copied().chain(row.to)) {
        if !phases.contains(&phase) {
            phases.push(phase);
        }
    }
    let index = |phase: &str| phases.iter().position(|known| *known == phase);
    // An arrow for each pair of phases, in the order of the table, with all that it stands for.
    let mut arrows: BTreeMap<_, (&str, &str, Vec<&str>)> = BTreeMap::new();
    for row in &rows {
        for from in if row.from.is_empty() { &phases } else { &row.from } {
            let to = row.to.unwrap_or(from);
            arrows.entry((index(from), index(to))).or_insert((from, to, Vec::new())).2.push(&row.label);
        }
    }
    // How a round begins and that it ends is not in the table.
    let mut diagram = "stateDiagram-v2\n".to_owned();
    diagram += "    [*] --> Initial: a full or an incremental round\n    [*] --> Paging: a resumed round\n";
    for (from, to, labels) in arrows.values() {
        diagram += &format!("    {from} --> {to}: {}\n", labels.join("<br>"));
    }
    diagram += "    Complete --> [*]\n";
    Ok(diagram)
}

/// Reads `PHASES | WHAT COMES | STEP | PHASE THEN |`.
fn row(line: &str) -> Result<Row<'_>, String> {
    let wrong = || format!("a line of the table in {SOURCE} can't be read: |{line}");
    let cells: Vec<&str> = line.trim_end().trim_end_matches('|').split('|').map(str::trim).collect();
    let [from, what, step, then] = cells.as_slice() else { return Err(wrong()) };
    let from = if *from == "any" { Vec::new() } else { from.split(", ").collect() };
    let (to, note) = then.split_once(", ").unwrap_or((then, ""));
    let to = (to != "the same").then_some(to);
    if !from.iter().copied().chain(to).all(|phase| phase.starts_with(char::is_uppercase) && !phase.contains(' ')) {
        return Err(wrong());
    }
    let note = if note.is_empty() { String::new() } else { format!(", {note}") };
    Ok(Row { from, label: format!("{what} → {}{note}", step.replace('`', "")), to })
}

fn read(name: &str) -> Result<String, String> {
    std::fs::read_to_string(path(name)).map_err(|error| format!("{name} can't be read: {error}"))
}

fn path(name: &str) -> PathBuf {
    crate::workspace().join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
//! | phase | what comes | step | phase then |
//! |---|---|---|---|
//! | Initial, Paging | a page | `Page` | Paging |
//! | Initial, Paging | 503 | `Wait` | the same |
//! | Paging | 410 | `Restart` | Initial, anew |
//! | any | anything else | an error | the same |
";

    #[test]
    fn every_line_of_the_table_is_in_the_diagram() {
        let drawn = draw(TABLE).unwrap();
        let arrows: Vec<&str> = drawn.lines().map(str::trim).filter(|line| !line.contains("[*]")).collect();
        assert_eq!(
            arrows,
            [
                "stateDiagram-v2",
                "Initial --> Initial: 503 → Wait<br>anything else → an error",
                "Initial --> Paging: a page → Page",
                "Paging --> Initial: 410 → Restart, anew",
                "Paging --> Paging: a page → Page<br>503 → Wait<br>anything else → an error",
            ]
        );
    }

    #[test]
    fn a_line_that_cannot_be_read_is_refused() {
        for line in ["| Initial | a page | `Page` |", "| initial | a page | `Page` | Paging |", "| A | b | c | D e |"] {
            assert!(draw(&format!("{TABLE}//! {line}\n")).is_err(), "{line}");
        }
    }

    #[test]
    fn the_rest_of_the_page_stays() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let once = insert(&page, "new\n").unwrap();
        assert_eq!(once, format!("before\n{BEGIN}\n```mermaid\nnew\n```\n\n{END}after\n"));
        assert_eq!(insert(&once, "new\n").unwrap(), once);
        assert!(insert("no marks", "new\n").is_err());
    }
}
