//! `cargo xtask bench [--json] [--quick] [PART…]`, where a part is one of `parse`, `store`, `scale`, `transfer`, `rounds`.

use std::path::Path;
use std::process::Command;

use bench::figures::Table;
use bench::{Outcome, child, parse, rounds, scale, staging, transfer};

const PARTS: [&str; 5] = ["parse", "store", "scale", "transfer", "rounds"];

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [child::SERVE, ..] => return child::serve(&arguments[1..]),
        [scale::OPEN, path] => return scale::open(Path::new(path)),
        [transfer::TRANSFER, way, root, events, page_size] => {
            return transfer::transfer(way, root, events.parse()?, page_size.parse()?);
        }
        [rounds::ROUNDS, root] => return rounds::run(root),
        _ => {}
    }
    let (flags, parts): (Vec<&str>, Vec<&str>) = words.into_iter().partition(|word| word.starts_with("--"));
    let known = |word: &&str| ["--json", "--quick"].contains(word) || PARTS.contains(word);
    if let Some(unknown) = flags.iter().chain(&parts).find(|word| !known(word)) {
        return Err(format!("{unknown} is none of --json, --quick, {}", PARTS.join(", ")).into());
    }
    let quick = flags.contains(&"--quick");
    let mut tables = Vec::new();
    for part in PARTS.into_iter().filter(|part| parts.is_empty() || parts.contains(part)) {
        eprintln!("measuring: {part}");
        let measured = measure(part, quick)?;
        if !flags.contains(&"--json") {
            measured.iter().for_each(Table::print);
        }
        tables.extend(measured);
    }
    if flags.contains(&"--json") {
        println!("{}", serde_json::to_string_pretty(&tables)?);
    }
    Ok(())
}

fn measure(part: &str, quick: bool) -> Outcome<Vec<Table>> {
    let runs = 5;
    match part {
        "parse" => {
            let mut tables = parse::measure(if quick { 5 } else { 15 })?;
            count_allocations(&mut tables)?;
            Ok(tables)
        }
        "store" => staging::measure(if quick { 10_000 } else { 20_000 }, runs),
        "scale" => Ok(vec![scale::measure(if quick {
            &[1_000, 10_000, 100_000]
        } else {
            &[1_000, 10_000, 100_000, 1_000_000]
        })?]),
        "transfer" if quick => {
            Ok(vec![transfer::measure(20_000, 200, false, runs)?, transfer::measure(20_000, 200, true, runs)?])
        }
        "transfer" => Ok(vec![
            transfer::measure(20_000, 200, false, runs)?,
            transfer::measure(20_000, 200, true, runs)?,
            transfer::measure(20_000, 50, false, runs)?,
            transfer::measure(200_000, 200, false, runs)?,
        ]),
        _ => Ok(vec![rounds::measure(if quick { &[10_000] } else { &[10_000, 100_000] })?]),
    }
}

/// Adds what the program beside this one counts.
fn count_allocations(tables: &mut [Table]) -> Outcome<()> {
    let output = Command::new(std::env::current_exe()?.with_file_name("allocations")).output()?;
    let counted = String::from_utf8(output.stdout)?;
    for line in counted.lines() {
        let mut fields = line.split('\t');
        let (Some(page_size), Some(name), Some(count)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let of_size = tables.iter_mut().filter(|table| table.title.contains(&format!("of {page_size} (")));
        for row in of_size.flat_map(|table| &mut table.rows).filter(|row| row.name == name) {
            row.figures.push(("allocations/event", count.parse()?));
        }
    }
    Ok(())
}
