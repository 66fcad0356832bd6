//! What is asked for: permissions of Graph, by their full names.

use std::fmt;

use delta_core::ServiceRoot;
use serde::{Deserialize, Serialize};

/// What OpenID Connect adds to the permissions: who it is, and leave to come back without them.
const OF_PEOPLE: [&str; 3] = ["openid", "profile", "offline_access"];

/// The scopes of a request for tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// For a person: these permissions of Graph, such as `Calendars.Read`, and a refresh token.
    pub fn delegated<'a>(graph: &ServiceRoot, permissions: impl IntoIterator<Item = &'a str>) -> Self {
        let full = |name: &str| {
            if name.contains("://") || OF_PEOPLE.contains(&name) { name.to_owned() } else { format!("{graph}/{name}") }
        };
        let mut scopes: Vec<String> = permissions.into_iter().map(full).collect();
        scopes.extend(OF_PEOPLE.map(str::to_owned));
        let mut seen = std::collections::BTreeSet::new();
        scopes.retain(|scope| seen.insert(scope.clone()));
        Self(scopes)
    }

    /// For an application by itself: whatever its registration was granted, which is all that can be asked for.
    pub fn application(graph: &ServiceRoot) -> Self {
        Self(vec![format!("{graph}/.default")])
    }

    /// The names, as they are sent.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// A permission's own name: the authority writes some with the resource in front, and some without (observed).
pub(crate) fn permission(scope: &str) -> &str {
    scope.rsplit_once('/').map_or(scope, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use delta_core::Cloud;

    use super::*;

    #[test]
    fn permissions_are_those_of_the_cloud_that_is_asked() {
        let scopes = Scopes::delegated(&Cloud::China.into(), ["Calendars.Read", "https://x.example/Y", "openid"]);
        let china = "https://microsoftgraph.chinacloudapi.cn/Calendars.Read";
        assert_eq!(scopes.to_string(), format!("{china} https://x.example/Y openid profile offline_access"));
        assert_eq!(permission(china), "Calendars.Read");
        assert_eq!(permission("Calendars.Read"), "Calendars.Read");
    }
}
