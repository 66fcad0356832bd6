//! Figures and how they are printed.

use std::hint::black_box;

use serde::Serialize;

use crate::child::cpu_seconds;

/// One table of figures.
#[derive(Debug, Serialize)]
pub struct Table {
    pub title: String,
    pub rows: Vec<Row>,
}

/// One row: what was measured, and its figures, each with what it is.
#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub figures: Vec<(&'static str, f64)>,
}

impl Row {
    pub fn new(name: impl Into<String>, figures: impl IntoIterator<Item = (&'static str, f64)>) -> Self {
        Self { name: name.into(), figures: figures.into_iter().collect() }
    }

    pub fn get(&self, what: &str) -> f64 {
        self.figures.iter().find(|(name, _)| *name == what).map_or(f64::NAN, |(_, figure)| *figure)
    }
}

impl Table {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new() }
    }

    /// As a table of Markdown.
    pub fn print(&self) {
        let mut columns: Vec<&str> = Vec::new();
        for (name, _) in self.rows.iter().flat_map(|row| &row.figures) {
            if !columns.contains(name) {
                columns.push(name);
            }
        }
        println!("\n### {}\n\n| | {} |", self.title, columns.join(" | "));
        println!("|---|{}", "--:|".repeat(columns.len()));
        for row in &self.rows {
            let cells: Vec<String> = columns.iter().map(|column| text(row.get(column))).collect();
            println!("| {} | {} |", row.name, cells.join(" | "));
        }
    }
}

/// Three digits that mean something.
fn text(figure: f64) -> String {
    match figure.abs() {
        _ if figure.is_nan() => String::new(),
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        size if size >= 0.1 => format!("{figure:.2}"),
        _ => format!("{figure:.4}"),
    }
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Something to be measured.
pub type Subject<'a> = (&'static str, Box<dyn FnMut() -> usize + 'a>);

/// How many seconds of CPU time each subject takes: medians of so many rounds, in each of which all have their turn.
pub fn interleaved(rounds: usize, subjects: &mut [Subject<'_>]) -> Vec<f64> {
    let mut taken = vec![Vec::new(); subjects.len()];
    for round in 0..=rounds {
        for ((_, subject), taken) in subjects.iter_mut().zip(&mut taken) {
            let began = cpu_seconds();
            black_box(subject());
            // The first round warms up.
            if round > 0 {
                taken.push(cpu_seconds() - began);
            }
        }
    }
    taken.into_iter().map(median).collect()
}
