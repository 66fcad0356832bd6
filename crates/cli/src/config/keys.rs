//! Which keys there are, and where: the command line's options, by their long names.

use clap::{Arg, Command};

/// An option as a key; `targets` stands for what is named without an option.
pub(super) fn name(arg: &Arg) -> Option<&str> {
    match arg.get_long() {
        Some("help" | "version") => None,
        Some(long) => Some(long),
        None => Some("targets").filter(|_| matches!(arg.get_id().as_str(), "targets")),
    }
}

/// The keys of a command.
pub(super) fn of(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| name(arg).is_some())
}

/// What stands above all tables: the options that mean the same in every command, which have a short variable; and the
/// targets of those commands that have some by default.
pub(super) fn common(root: &Command) -> Vec<&Arg> {
    let mut found: Vec<&Arg> = Vec::new();
    for leaf in leaves(root) {
        for arg in of(leaf).filter(|arg| is_common(arg)) {
            if !found.iter().any(|known| name(known) == name(arg)) {
                found.push(arg);
            }
        }
    }
    found
}

/// Whether a key above all tables is meant for this option, too.
pub(super) fn is_common(arg: &Arg) -> bool {
    match arg.get_long() {
        // `[accounts.NAME]` has that name.
        Some("accounts") => false,
        Some(long) => {
            let short = format!("CALDELTA_{}", long.to_ascii_uppercase().replace('-', "_"));
            arg.get_env().is_some_and(|env| *env == *short)
        }
        None => !arg.get_default_values().is_empty(),
    }
}

/// Whether two options of a command exclude each other.
pub(super) fn exclude(command: &Command, one: &Arg, other: &Arg) -> bool {
    let excludes = |one: &Arg, other: &Arg| {
        command.get_arg_conflicts_with(one).iter().any(|found| found.get_id() == other.get_id())
    };
    excludes(one, other) || excludes(other, one)
}

/// The commands that do something themselves.
pub(super) fn leaves(command: &Command) -> Vec<&Command> {
    let inner: Vec<&Command> = command.get_subcommands().flat_map(leaves).collect();
    if inner.is_empty() { vec![command] } else { inner }
}

/// The name that is most like a wrong one, if any is.
pub(super) fn similar<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.map(|name| (strsim::damerau_levenshtein(wrong, name), name));
    near.filter(|(distance, name)| *distance <= 2.max(name.len() / 3)).min().map(|(_, name)| name)
}
