//! Links that a client with an access token in its hands must not follow.

use super::dice::Dice;

/// Where they lead, before the path. Each has fooled a check that looked at the text of a link only: another host, the
/// right one as a prefix, as a user's name or in front of a fragment, no host, another scheme, an encoded host.
const PLACES: [&str; 12] = [
    "https://links.contoso.com",
    "https://graph.microsoft.com.contoso.com",
    "https://graph.microsoft.com@links.contoso.com",
    "https://samanthab:secret@graph.microsoft.com",
    "https://graph.microsoft.com:8443",
    "http://graph.microsoft.com",
    "//links.contoso.com",
    "https://links.contoso.com#https://graph.microsoft.com",
    "https://links.contoso.com\\graph.microsoft.com",
    "https://graph%2emicrosoft%2ecom.contoso.com",
    "ftp://graph.microsoft.com",
    "file://",
];

/// One of them, to this path with this query.
pub(super) fn link(dice: &mut Dice, path: &str, query: &str) -> String {
    let place = dice.pick(&PLACES).copied().unwrap_or_default();
    format!("{place}{path}?{query}")
}
