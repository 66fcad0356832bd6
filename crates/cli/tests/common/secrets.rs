//! Guarantee `secrets_never_print`, for everything that the binary says in any of these tests: what it prints on standard
//! output and on standard error is looked through by whoever reads it here, with every logger set to its finest level.

/// What the simulator's state tokens begin with.
const STATE: &str = "R0usmc";
/// What its access tokens begin with, as all JWTs do.
const ACCESS: &str = "eyJ";
/// What its refresh tokens begin with.
const REFRESH: &str = "0.sim.";
/// What tests give as tokens of their own begins with.
const CANARY: &str = "canary-";

/// Gives a text back, if there is no token in it and no link's query.
#[track_caller]
pub(crate) fn clean(text: String) -> String {
    let secret = secret_in(&text);
    assert!(secret.is_none(), "{:?} was printed in {text}", secret.unwrap_or_default());
    text
}

/// The first secret in a text, with some of what follows.
pub(crate) fn secret_in(text: &str) -> Option<String> {
    let opaque = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let shows = |after: &str| after.starts_with(|c: char| !"…\"'` \n&<$\\".contains(c));
    let long = |after: &str| after.chars().take_while(|c| opaque(*c)).count() >= 16;
    let lower = text.to_ascii_lowercase();
    // Lower case has the same places: only ASCII is changed.
    let find = |name: &str, is_secret: &dyn Fn(&str) -> bool, text: &str| {
        let found = text.match_indices(name).find(|(at, _)| is_secret(&text[at + name.len()..]));
        found.map(|(at, _)| text[at..].chars().take(40).collect::<String>())
    };
    let in_links = ["deltatoken=", "skiptoken=", "deltatoken%3d", "skiptoken%3d"];
    let in_links = in_links.into_iter().find_map(|name| find(name, &shows, &lower));
    let tokens = [STATE, ACCESS, REFRESH, CANARY, "Bearer "];
    in_links.or_else(|| tokens.into_iter().find_map(|name| find(name, &long, text)))
}
