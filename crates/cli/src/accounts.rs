//! The accounts of this machine, and the access tokens that they give.

use async_trait::async_trait;
use auth::cache::{Account, AccountName, Cache, Locked};
use auth::{Claims, Error, Grant, Redemption, Refusal, Secret};
use delta_core::ServiceRoot;
use sync::{AccessToken, Timer, TokenError, TokenProvider, Transport, Want};
use tokio::sync::Mutex;

use crate::args::{AccountArgs, AccountsDir};
use crate::exit::{Code, Failure};
use crate::oauth;
use crate::paths;
use crate::timer::SystemTimer;

/// The accounts' directory.
pub(crate) fn cache(directory: &AccountsDir) -> Result<Cache, Failure> {
    Ok(Cache::at(paths::accounts(directory)?))
}

/// The account that is meant: the one that was named, the one called `default`, or the only one there is.
///
/// # Errors
/// With code 77 if the one that was named is not there.
pub(crate) fn chosen(args: &AccountArgs) -> Result<Option<Chosen>, Failure> {
    let Ok(cache) = cache(&args.directory) else {
        // Without a home directory nobody has logged in, unless somebody says so.
        return args.account.as_ref().map_or(Ok(None), |name| Err(missing(name)));
    };
    let name = match &args.account {
        Some(name) => name.clone(),
        None => match cache.names()?.as_slice() {
            [only] => only.clone(),
            names if names.contains(&AccountName::default()) => AccountName::default(),
            _ => return Ok(None),
        },
    };
    match cache.read(&name)? {
        Some(account) => Ok(Some(Chosen { cache, name, account })),
        None if args.account.is_some() => Err(missing(&name)),
        None => Ok(None),
    }
}

fn missing(name: &AccountName) -> Failure {
    Failure::new(Code::Login, format!("there is no account {name}: log in with `caldelta login --account {name}`"))
}

/// An account that was found.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) cache: Cache,
    pub(crate) name: AccountName,
    pub(crate) account: Account,
}

impl Chosen {
    /// That its tokens are meant for this Graph: they go nowhere else.
    pub(crate) fn check(&self, root: &ServiceRoot) -> Result<(), Failure> {
        let of = &self.account.graph_root;
        if of == root {
            return Ok(());
        }
        let name = &self.name;
        let why = format!("the account {name} is for {of}, not for {root}: log in there with another --account");
        Err(Failure::new(Code::Operator, why))
    }
}

/// The access tokens of an account: from its file while they are good, renewed when they are not.
pub(crate) struct AccountTokens {
    cache: Cache,
    name: AccountName,
    transport: Box<dyn Transport>,
    /// What was last given out. Who asks while it is being renewed waits for the new one.
    last: Mutex<Option<(Account, AccessToken)>>,
}

impl AccountTokens {
    /// The tokens of an account; `transport` reaches its login server.
    pub(crate) fn new(chosen: Chosen, transport: Box<dyn Transport>) -> Self {
        Self { cache: chosen.cache, name: chosen.name, transport, last: Mutex::new(None) }
    }

    /// The account, with a token that another one than `refused` if there was one, and good for a while.
    pub(crate) async fn renew(&self, refused: Option<&Secret>, claims: Option<&Claims>) -> Result<Account, TokenError> {
        let (cache, name) = (self.cache.clone(), self.name.clone());
        // Another process may hold the lock for as long as its exchange takes.
        let locked = tokio::task::spawn_blocking(move || cache.lock(&name)).await;
        let locked = locked.map_err(|error| self.failed(error))?.map_err(|error| self.failed(error))?;
        let account = locked.read().map_err(|error| self.failed(error))?.ok_or_else(|| self.gone())?;
        let other = refused.is_none_or(|refused| *refused != account.kept.access_token);
        if other && account.usable(SystemTimer.now()).is_some() {
            return Ok(account);
        }
        match self.exchange(account, claims, &locked).await {
            Ok(account) => Ok(account),
            Err(Exchange::Token(error)) => Err(error),
            Err(Exchange::Auth(error)) => Err(match error {
                Error::Unavailable { .. } | Error::NoResponse { .. } => TokenError::Unavailable(error.to_string()),
                error => self.failed(error),
            }),
        }
    }

    async fn exchange(
        &self,
        mut account: Account,
        claims: Option<&Claims>,
        locked: &Locked,
    ) -> Result<Account, Exchange> {
        let client = account.client().map_err(|error| self.failed(error))?;
        let grant = match &account.kept.refresh_token {
            Some(token) => Grant::RefreshToken(token.clone()),
            None if account.kind == auth::AccountKind::Application => Grant::ClientCredentials,
            None => return Err(self.failed("it has no refresh token: log in again with `caldelta login`").into()),
        };
        let ids = oauth::random().map_err(|error| self.failed(error))?;
        let mut flow = Redemption::new(&client, grant, &account.scopes, claims, SystemTimer.now(), ids)?;
        let tokens = match oauth::drive(self.transport.as_ref(), &mut flow, |_| ()).await {
            Ok(tokens) => tokens,
            Err(Error::Refused(refused)) => {
                if let (Refusal::Interaction, Some(claims)) = (refused.refusal, claims) {
                    // What a refresh did not bring, the next login may.
                    account.wanted_claims = Some(claims.to_json());
                    locked.write(&account).map_err(|error| self.failed(error))?;
                }
                return Err(Error::Refused(refused).into());
            }
            Err(error) => return Err(error.into()),
        };
        account.renew(&tokens);
        // Before anybody uses it: the refresh token that came with it takes the place of the one that was spent.
        locked.write(&account).map_err(|error| self.failed(error))?;
        Ok(account)
    }

    fn failed(&self, why: impl std::fmt::Display) -> TokenError {
        TokenError::Provider(format!("the account {}: {why}", self.name))
    }

    fn gone(&self) -> TokenError {
        self.failed("it was logged out: log in again with `caldelta login`")
    }
}

/// Why an exchange brought nothing.
enum Exchange {
    Token(TokenError),
    Auth(Error),
}

impl From<TokenError> for Exchange {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<Error> for Exchange {
    fn from(error: Error) -> Self {
        Self::Auth(error)
    }
}

#[async_trait]
impl TokenProvider for AccountTokens {
    async fn token(&self, want: &Want) -> Result<AccessToken, TokenError> {
        let mut last = self.last.lock().await;
        if let (Want::Good, Some((account, token))) = (want, last.as_ref())
            && account.usable(SystemTimer.now()).is_some()
        {
            return Ok(token.clone());
        }
        let claims = match want {
            Want::WithClaims(text) => Some(Claims::of_challenge(text).map_err(|error| self.failed(error))?),
            Want::Good | Want::Fresh => None,
        };
        let refused = match (want, last.as_ref()) {
            (Want::Fresh | Want::WithClaims(_), Some((account, _))) => Some(account.kept.access_token.clone()),
            _ => None,
        };
        let account = self.renew(refused.as_ref(), claims.as_ref()).await?;
        let token = AccessToken::new(account.kept.access_token.expose())?;
        *last = Some((account, token.clone()));
        Ok(token)
    }
}

/// The permissions that an account's token has, as far as can be seen, without those of the login itself.
pub(crate) fn permissions(account: &Account) -> Vec<String> {
    let of_login = ["openid", "profile", "email", "offline_access", ".default"];
    let kept = &account.kept;
    let granted = match account.kind {
        // The token endpoint names only what was asked for, which is everything.
        auth::AccountKind::Application => auth::Granted::of(&kept.access_token).map(|granted| granted.application),
        auth::AccountKind::Work | auth::AccountKind::Personal => None,
    };
    let mut permissions = granted.unwrap_or_else(|| kept.permissions.clone());
    permissions.retain(|permission| !of_login.contains(&permission.as_str()));
    permissions
}
