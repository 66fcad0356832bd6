//! Where access tokens come from.

use std::fmt;

use async_trait::async_trait;
use http::HeaderValue;

/// Gives access tokens for one account at one cloud.
#[async_trait]
pub trait TokenProvider: Send + Sync {
    /// A token. Asked before each request, so a provider keeps what is still good.
    async fn token(&self, want: &Want) -> Result<AccessToken, TokenError>;
}

#[async_trait]
impl<T: TokenProvider + ?Sized> TokenProvider for std::sync::Arc<T> {
    async fn token(&self, want: &Want) -> Result<AccessToken, TokenError> {
        (**self).token(want).await
    }
}

#[async_trait]
impl<T: TokenProvider + ?Sized> TokenProvider for Box<T> {
    async fn token(&self, want: &Want) -> Result<AccessToken, TokenError> {
        (**self).token(want).await
    }
}

/// Which token is wanted.
#[derive(Clone, PartialEq, Eq)]
pub enum Want {
    /// One that should be accepted.
    Good,
    /// A new one: the server refused the last.
    Fresh,
    /// A new one with these claims, as the server sent them: base64 in most cases.
    WithClaims(String),
}

impl fmt::Debug for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "Good",
            Self::Fresh => "Fresh",
            Self::WithClaims(_) => "WithClaims(…)",
        })
    }
}

/// An access token. It never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(HeaderValue);

impl AccessToken {
    /// Takes a token, without the white space around it.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] if nothing is left, or if a header can't hold it.
    pub fn new(token: &str) -> Result<Self, TokenError> {
        let token = token.trim();
        let fits = |byte: u8| byte.is_ascii_graphic();
        if token.is_empty() {
            return Err(TokenError::Invalid("the access token is empty"));
        }
        if !token.bytes().all(fits) {
            return Err(TokenError::Invalid("the access token has white space or other characters that no token has"));
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| TokenError::Invalid("the access token does not fit into a header"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The value of the `Authorization` header, for requests that are sent past the engine. Its `Debug` is redacted, what
    /// it holds is not: it goes to the service root that the token is for, and nowhere else.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

/// A provider that has one token and can't get another.
#[async_trait]
impl TokenProvider for AccessToken {
    async fn token(&self, want: &Want) -> Result<Self, TokenError> {
        match want {
            Want::Good => Ok(self.clone()),
            Want::Fresh | Want::WithClaims(_) => Err(TokenError::Refused),
        }
    }
}

/// Why there is no token. Messages never hold one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// What was given is not a token.
    Invalid(&'static str),
    /// The server refused the token, and there is no other.
    Refused,
    /// Who gives tokens was not reached, or has no time: later there may be one.
    Unavailable(String),
    /// The provider failed in its own way.
    Provider(String),
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => f.write_str(why),
            Self::Refused => f.write_str("the server refused the access token, and there is no other: get a new one"),
            Self::Unavailable(why) | Self::Provider(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_token_is_refused() {
        for text in ["", " \n", "two words", "a\nb", "schlüssel"] {
            assert!(matches!(AccessToken::new(text), Err(TokenError::Invalid(_))), "{text:?}");
        }
        assert_eq!(AccessToken::new(" abc\n").unwrap().header(), "Bearer abc");
    }

    #[test]
    fn secrets_never_print() {
        let token = AccessToken::new("SECRET").unwrap();
        let printed = format!("{token:?} {:?} {:?}", token.header(), Want::WithClaims("SECRET".into()));
        assert!(!printed.contains("SECRET"), "{printed}");
    }
}
