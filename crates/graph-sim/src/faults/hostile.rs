//! Links that a client with an access token in its hands must not follow.

use super::dice::Dice;

/// Where they lead, before the path; `HOST` is the right one. Each fools a check that looks at the text of a link only:
/// another host, the right one as a prefix, as a user's name or behind a fragment, no host, another port or scheme, an
/// encoded host.
const PLACES: [&str; 12] = [
    "https://links.contoso.com",
    "https://HOST.contoso.com",
    "https://HOST@links.contoso.com",
    "https://samanthab:secret@HOST",
    "https://HOST:8443",
    "http://HOST",
    "//links.contoso.com",
    "https://links.contoso.com#https://HOST",
    "https://links.contoso.com\\HOST",
    "https://HOST%2econtoso.com",
    "ftp://HOST",
    "file://",
];

/// One of them, to this path with this query, for clients of that host.
pub(super) fn link(dice: &mut Dice, host: &str, path: &str, query: &str) -> String {
    let place = dice.pick(&PLACES).copied().unwrap_or_default().replace("HOST", host);
    format!("{place}{path}?{query}")
}
