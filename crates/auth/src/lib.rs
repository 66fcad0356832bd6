//! Login at Microsoft's identity platform: OAuth 2.0 as state machines without I/O, and a cache for what they bring.
//!
//! It never sends anything, asks no clock and opens no browser. A [`Flow`] gives one `http::Request` after the other and
//! is told each response, as `delta-core`'s conversations are; the driver sends, waits and shows. The [`cache`] is the one
//! part that touches files.
//!
//! | flow | begins with | for |
//! |---|---|---|
//! | authorization code with PKCE | [`Authorization`] | people with a browser on this machine: the default |
//! | device code | [`DeviceLogin`] | people whose browser is elsewhere; many tenants block it |
//! | client credentials | [`Redemption`] of [`Grant::ClientCredentials`] | services, with a [`Credential`] |
//! | refresh | [`Redemption`] of [`Grant::RefreshToken`] | later on |
//!
//! ```
//! use auth::{Authority, Client, Credential, Flow, Grant, Redemption, Scopes, Step};
//! use delta_core::{Cloud, Timestamp};
//!
//! let authority = Authority::cloud(Cloud::Global, "contoso.onmicrosoft.com".parse()?);
//! let client = Client::new(authority, "11111111-2222-3333-4444-555555555555", Credential::Secret("s3cret".into()));
//! let scopes = Scopes::application(&Cloud::Global.into());
//! let now = Timestamp::parse("2026-11-25T10:00:00Z")?;
//! let mut login = Redemption::new(&client, Grant::ClientCredentials, &scopes, None, now, [7; 16])?;
//!
//! let request = login.request().ok_or("there is one request")?;
//! assert_eq!(request.uri(), "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token");
//! let answer = http::Response::new(br#"{"token_type":"Bearer","expires_in":3599,"access_token":"a"}"#.to_vec());
//! let Step::Tokens(tokens) = login.receive(&answer, now)? else { panic!("no tokens") };
//! assert_eq!(tokens.expires_at, now.plus_seconds(3599));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing secret prints: it is a [`Secret`], and what a server says is searched for the secrets that were sent.

mod authority;
mod authorization;
pub mod cache;
mod certificate;
mod claims;
mod client;
mod device;
mod error;
mod flow;
mod jwt;
mod redeem;
mod scopes;
mod secret;
mod tokens;

pub use authority::{Authority, AuthorityError, Tenant};
pub use authorization::{Authorization, Entropy};
pub use certificate::{Certificate, CertificateError, Signing};
pub use claims::{Claims, ClaimsError};
pub use client::{Client, Credential};
pub use device::{DeviceLogin, Prompt};
pub use error::{Error, Refusal, Refused};
pub use flow::{Flow, Step};
pub use jwt::{AccountKind, Granted, Identity};
pub use redeem::{Grant, Redemption};
pub use scopes::Scopes;
pub use secret::Secret;
pub use tokens::Tokens;
