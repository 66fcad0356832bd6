//! Where tokens come from: a cloud's login server, and the tenant there.

use std::fmt;
use std::str::FromStr;

use delta_core::{Cloud, ServiceRoot};
use serde::{Deserialize, Serialize};

/// A login server and a tenant of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    root: ServiceRoot,
    tenant: Tenant,
}

impl Authority {
    /// The login server of one of Microsoft's clouds (Graph's documentation, «national cloud deployments»; for China the
    /// host of today's documentation by 21Vianet).
    pub fn cloud(cloud: Cloud, tenant: Tenant) -> Self {
        // What a test of this file parses can be parsed here: no cloud stays without.
        let root = match cloud {
            Cloud::Global => "https://login.microsoftonline.com",
            Cloud::UsGov | Cloud::UsGovDod => "https://login.microsoftonline.us",
            Cloud::China => "https://login.partner.microsoftonline.cn",
        };
        let root = ServiceRoot::parse(root).unwrap_or_else(|_| ServiceRoot::cloud(cloud));
        Self { root, tenant }
    }

    /// Another login server, such as a simulator.
    ///
    /// # Errors
    /// [`AuthorityError::NotAnOrigin`] for anything but `https://HOST`, or `http` on loopback addresses.
    pub fn parse(url: &str, tenant: Tenant) -> Result<Self, AuthorityError> {
        let root = ServiceRoot::parse(url).map_err(|_| AuthorityError::NotAnOrigin)?;
        Ok(Self { root, tenant })
    }

    /// Its origin.
    pub fn root(&self) -> &ServiceRoot {
        &self.root
    }

    /// Its tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    pub(crate) fn authorize(&self) -> String {
        self.at("oauth2/v2.0/authorize")
    }

    pub(crate) fn token(&self) -> String {
        self.at("oauth2/v2.0/token")
    }

    pub(crate) fn device_code(&self) -> String {
        self.at("oauth2/v2.0/devicecode")
    }

    /// What describes it (OpenID Connect Discovery): who can read this reaches it, and the tenant exists.
    pub fn configuration(&self) -> String {
        self.at("v2.0/.well-known/openid-configuration")
    }

    /// Where an administrator consents for everyone of the tenant to what the application's registration asks for.
    pub fn admin_consent(&self, client_id: &str) -> String {
        let tenant = if self.tenant.is_shared() { "organizations" } else { &self.tenant.0 };
        let client_id: String = form_urlencoded::byte_serialize(client_id.as_bytes()).collect();
        format!("{}/{tenant}/adminconsent?client_id={client_id}", self.root)
    }

    fn at(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.root, self.tenant)
    }
}

/// A tenant: its id, one of its domains, or one of the words that stand for many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(String);

impl Tenant {
    /// Whether it stands for many tenants: `common`, `organizations` or `consumers`. An application alone, without a
    /// person, is in none of them.
    pub fn is_shared(&self) -> bool {
        matches!(self.0.as_str(), "common" | "organizations" | "consumers")
    }
}

impl Default for Tenant {
    /// `common`: work, school and personal accounts.
    fn default() -> Self {
        Self("common".to_owned())
    }
}

impl FromStr for Tenant {
    type Err = AuthorityError;

    fn from_str(text: &str) -> Result<Self, AuthorityError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        let named = text.bytes().any(|byte| byte.is_ascii_alphanumeric());
        if named && text.len() <= 255 && text.bytes().all(fits) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(AuthorityError::NotATenant)
        }
    }
}

impl TryFrom<String> for Tenant {
    type Error = AuthorityError;

    fn try_from(text: String) -> Result<Self, AuthorityError> {
        text.parse()
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorityError {
    /// It is not `https://HOST`, with a port if it needs one; or plain http elsewhere than on this machine.
    NotAnOrigin,
    /// It is neither a tenant's id nor a domain.
    NotATenant,
}

impl fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnOrigin => {
                "the authority must look like https://login.microsoftonline.com, without a path; plain http is accepted \
                 for loopback addresses only"
            }
            Self::NotATenant => {
                "a tenant is its id, one of its domains such as contoso.onmicrosoft.com, or common, organizations or \
                 consumers"
            }
        })
    }
}

impl std::error::Error for AuthorityError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_has_its_own_login_server() {
        for (cloud, host) in [
            (Cloud::Global, "https://login.microsoftonline.com"),
            (Cloud::UsGov, "https://login.microsoftonline.us"),
            (Cloud::UsGovDod, "https://login.microsoftonline.us"),
            (Cloud::China, "https://login.partner.microsoftonline.cn"),
        ] {
            let authority = Authority::cloud(cloud, Tenant::default());
            assert_eq!(authority.token(), format!("{host}/common/oauth2/v2.0/token"));
        }
    }

    #[test]
    fn a_tenant_cannot_lead_elsewhere() {
        for text in ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a b", "contoso.com\n", "é.com", &"x".repeat(256)] {
            assert_eq!(text.parse::<Tenant>(), Err(AuthorityError::NotATenant), "{text:?}");
        }
        for text in ["common", "contoso.onmicrosoft.com", "9188040d-6c67-4c5b-b112-36a304b66dad"] {
            assert_eq!(text.parse::<Tenant>().map(|tenant| tenant.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for (url, good) in [
            ("http://127.0.0.1:8080", true),
            ("https://login.contoso.com", true),
            ("http://login.contoso.com", false),
            ("https://login.contoso.com/tenant", false),
            ("https://user@login.contoso.com", false),
        ] {
            assert_eq!(Authority::parse(url, Tenant::default()).is_ok(), good, "{url}");
        }
    }

    #[test]
    fn consent_is_asked_for_where_an_administrator_can_give_it() {
        let at = |tenant: &str| Authority::cloud(Cloud::Global, tenant.parse().unwrap()).admin_consent("a b");
        assert_eq!(at("contoso.com"), "https://login.microsoftonline.com/contoso.com/adminconsent?client_id=a+b");
        assert_eq!(at("common"), "https://login.microsoftonline.com/organizations/adminconsent?client_id=a+b");
    }
}
