//! Reading the file: each key is found among the options, each value is read as the option would read it, and each mistake
//! is named with its line and column.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys;
use crate::exit::{Code, Failure};

/// What the file says.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) entries: Vec<Entry>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The table that it is in: none, a command's words, or `accounts` and a name.
    pub(crate) place: Vec<String>,
    pub(crate) key: String,
    pub(crate) values: Vec<String>,
    pub(crate) line: usize,
    /// The option's variable.
    pub(crate) variable: Option<String>,
}

impl Entry {
    /// Whether it says something: a flag that is false is as good as not there.
    pub(super) fn is_said(&self) -> bool {
        self.values != ["false"]
    }
}

impl File {
    /// Reads a file. That one which nobody named is not there is no mistake.
    pub(crate) fn load((path, named): (Option<PathBuf>, bool)) -> Result<Option<Self>, Failure> {
        let Some(path) = path else { return Ok(None) };
        match fs::read_to_string(&path) {
            Ok(text) => Self::read(&path, &text).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !named => Ok(None),
            Err(error) => Err(Failure::new(Code::Operator, format!("the configuration {}: {error}", path.display()))),
        }
    }

    fn read(path: &Path, text: &str) -> Result<Self, Failure> {
        let mut reader = Reader { path, text, root: super::command(), entries: Vec::new() };
        let table =
            DeTable::parse(text).map_err(|error| reader.mistake(error.span().unwrap_or_default(), error.message()))?;
        reader.table(table.get_ref(), &[])?;
        if let Some(why) = excluding(&reader.root, &reader.entries) {
            return Err(Failure::new(Code::Operator, format!("the configuration {}:{why}", path.display())));
        }
        Ok(Self { path: path.to_owned(), entries: reader.entries })
    }

    /// What is said about an option of the command at `place`: in the command's own table, or else above all tables.
    pub(super) fn entry(&self, place: &[String], arg: &Arg, account: Option<&str>) -> Option<&Entry> {
        let key = keys::name(arg)?;
        let at = |place: &[&str]| self.entries.iter().find(|entry| entry.key == key && entry.place == place);
        let words: Vec<&str> = place.iter().map(String::as_str).collect();
        let of_account = || at(&["accounts", account.filter(|_| words == ["login"])?]);
        at(&words).or_else(of_account).or_else(|| if keys::is_common(arg) { at(&[]) } else { None })
    }

    /// The account that is used unless said.
    pub(super) fn account(&self) -> Option<String> {
        let found = self.entries.iter().find(|entry| entry.place.is_empty() && entry.key == "account");
        found.and_then(|entry| entry.values.first().cloned())
    }
}

/// The first two keys of one table that exclude each other as options of a command.
fn excluding(root: &Command, entries: &[Entry]) -> Option<String> {
    for command in keys::leaves(root) {
        let known = |entry: &&Entry| entry.is_said() && !entry.place.starts_with(&["accounts".to_owned()]);
        let mut said = Vec::new();
        for entry in entries.iter().filter(known) {
            let arg = keys::of(command).find(|arg| keys::name(arg) == Some(&entry.key));
            said.extend(arg.map(|arg| (entry, arg)));
        }
        said.sort_by_key(|(entry, _)| entry.line);
        for (at, (entry, arg)) in said.iter().enumerate() {
            let others = said.iter().take(at).filter(|(other, _)| other.place == entry.place);
            for (other, excluded) in others {
                if keys::exclude(command, arg, excluded) {
                    let Entry { key, line, .. } = entry;
                    let why = format!("{line}: {key} and {} (line {}) exclude each other", other.key, other.line);
                    return Some(why + ": keep one of them");
                }
            }
        }
    }
    None
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    root: Command,
    entries: Vec<Entry>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, place: &[String]) -> Result<(), Failure> {
        for (key, value) in table {
            let name: &str = key.get_ref();
            match value.get_ref().as_table() {
                Some(inner) => {
                    let inner_place = [place, &[name.to_owned()]].concat();
                    if !self.is_place(&inner_place) {
                        return Err(self.unknown(key.span(), "table", &inner_place));
                    }
                    self.table(inner, &inner_place)?;
                }
                None => self.entry(name, key.span(), value, place)?,
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        key: &str,
        span: Range<usize>,
        value: &Spanned<DeValue<'_>>,
        place: &[String],
    ) -> Result<(), Failure> {
        let Some(arg) = self.options(place).into_iter().find(|arg| keys::name(arg) == Some(key)) else {
            return Err(self.unknown(span, "key", &[place, &[key.to_owned()]].concat()));
        };
        let arg = arg.clone();
        let values = values(value.get_ref())
            .ok_or_else(|| self.mistake(value.span(), &format!("{key} can't be {}", value.get_ref().type_str())))?;
        check(&arg, key, &values).map_err(|why| self.mistake(value.span(), &why))?;
        let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned());
        let line = self.position(span.start).0;
        self.entries.push(Entry { place: place.to_vec(), key: key.to_owned(), values, line, variable });
        Ok(())
    }

    /// The options that a table may have.
    fn options(&self, place: &[String]) -> Vec<&Arg> {
        match place {
            [] => keys::common(&self.root),
            [accounts, _] if accounts == "accounts" => {
                let login = self.root.find_subcommand("login").into_iter();
                login.flat_map(keys::of).filter(|arg| keys::name(arg) != Some("account")).collect()
            }
            _ => self.command(place).into_iter().flat_map(keys::of).collect(),
        }
    }

    fn command(&self, place: &[String]) -> Option<&Command> {
        place
            .iter()
            .try_fold(&self.root, |command, name| command.get_subcommands().find(|sub| sub.get_name() == name.as_str()))
    }

    fn is_place(&self, place: &[String]) -> bool {
        match place {
            [accounts] if accounts == "accounts" => true,
            [accounts, name] if accounts == "accounts" => name.parse::<auth::cache::AccountName>().is_ok(),
            _ => self.command(place).is_some(),
        }
    }

    fn unknown(&self, span: Range<usize>, what: &str, place: &[String]) -> Failure {
        let (wrong, outer) = place.split_last().map_or(("", &[][..]), |(last, outer)| (last.as_str(), outer));
        let options = self.options(outer);
        let mut names: Vec<&str> = options.into_iter().filter_map(keys::name).collect();
        names.extend(self.command(outer).into_iter().flat_map(Command::get_subcommands).map(Command::get_name));
        let hint = keys::similar(wrong, names.into_iter()).map(|name| format!(": did you mean {name}?"));
        self.mistake(span, &format!("there is no {what} {:?}{}", place.join("."), hint.unwrap_or_default()))
    }

    fn mistake(&self, span: Range<usize>, why: &str) -> Failure {
        let (line, column) = self.position(span.start);
        Failure::new(Code::Operator, format!("the configuration {}:{line}:{column}: {why}", self.path.display()))
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or_default();
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
        (before.matches('\n').count() + 1, column + 1)
    }
}

/// A value as the command line would have it; a list where an option may be given again.
fn values(value: &DeValue<'_>) -> Option<Vec<String>> {
    let one = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(instant) => Some(instant.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    };
    match value {
        DeValue::Array(items) => items.iter().map(|item| one(item.get_ref())).collect(),
        other => one(other).map(|value| vec![value]),
    }
}

/// Reads values as their option does.
fn check(arg: &Arg, key: &str, values: &[String]) -> Result<(), String> {
    if let ArgAction::SetTrue = arg.get_action() {
        let flag = matches!(values, [value] if value == "true" || value == "false");
        return if flag { Ok(()) } else { Err(format!("{key} is true or false")) };
    }
    if values.len() != 1 && !matches!(arg.get_action(), ArgAction::Append) {
        return Err(format!("{key} takes one value"));
    }
    let alone = Arg::new("value").long("value").action(arg.get_action().clone()).allow_hyphen_values(true);
    let alone = Command::new("config").no_binary_name(true).arg(alone.value_parser(arg.get_value_parser().clone()));
    let words = values.iter().map(|value| format!("--value={value}"));
    alone.try_get_matches_from(words).map(|_| ()).map_err(|error| {
        let text = error.to_string().replace("--value <value>", key);
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        text.split("\n\nFor more information").next().unwrap_or_default().trim().to_owned()
    })
}
