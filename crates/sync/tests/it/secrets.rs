//! Guarantee `secrets_never_print`, for everything that a run says in any of these tests: see `World::sync`.

use crate::world::TOKEN;

/// Whether a text holds the bearer token, or a state token of a link.
pub(crate) fn has_secret(text: &str) -> bool {
    let shows = |at: usize, name: &str| {
        let value = text[at + name.len()..].trim_start_matches("%3D").trim_start_matches('=');
        value.len() < text.len() - at - name.len() && !value.starts_with('…')
    };
    let links = ["deltatoken", "skiptoken", "deltaToken", "skipToken"];
    text.contains(TOKEN) || links.iter().any(|name| text.match_indices(name).any(|(at, _)| shows(at, name)))
}

#[test]
fn a_secret_would_be_noticed() {
    for text in [TOKEN, "GET /x?$deltatoken=a", "%24skiptoken%3Da", "$deltaToken=a"] {
        assert!(has_secret(text), "{text}");
    }
    for text in ["", "GET /x?$deltatoken=…", "a deltatoken is opaque", "%24skiptoken%3D…"] {
        assert!(!has_secret(text), "{text}");
    }
}
