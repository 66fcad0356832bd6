//! `caldelta accounts`: who is logged in.

use auth::AccountKind;
use auth::cache::{Account, AccountName};
use delta_core::{ServiceRoot, Timestamp};
use serde::Serialize;
use sync::Timer;

use crate::accounts;
use crate::args;
use crate::exit::Failure;
use crate::output::{self, Tagged};
use crate::timer::SystemTimer;

/// The body of `account/1`.
#[derive(Serialize)]
pub(crate) struct Row {
    account: String,
    kind: AccountKind,
    username: Option<String>,
    tenant: String,
    tenant_id: Option<String>,
    client_id: String,
    graph_root: ServiceRoot,
    authority: ServiceRoot,
    permissions: Vec<String>,
    logged_in_at: Timestamp,
    expires_at: Timestamp,
    /// What the next command will find.
    state: State,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// The access token is good.
    Good,
    /// It has ended, and the next command renews it.
    Renewable,
    /// Somebody has to log in.
    NeedsLogin,
}

impl Row {
    pub(crate) fn of(name: &AccountName, account: &Account, now: Timestamp) -> Self {
        let identity = account.identity.clone().unwrap_or_default();
        let renewable = account.kept.refresh_token.is_some() || account.kind == AccountKind::Application;
        let state = match account.usable(now) {
            _ if account.wanted_claims.is_some() => State::NeedsLogin,
            Some(_) => State::Good,
            None if renewable => State::Renewable,
            None => State::NeedsLogin,
        };
        Self {
            account: name.to_string(),
            kind: account.kind,
            username: identity.username,
            tenant: account.authority.tenant().to_string(),
            tenant_id: identity.tenant_id,
            client_id: account.client_id.clone(),
            graph_root: account.graph_root.clone(),
            authority: account.authority.root().clone(),
            permissions: accounts::permissions(account),
            logged_in_at: account.logged_in_at,
            expires_at: account.kept.expires_at,
            state,
        }
    }

    /// Who it is, for people.
    pub(crate) fn who(&self) -> String {
        match (&self.username, self.kind) {
            (Some(username), _) => output::clean(username),
            (None, AccountKind::Application) => format!("the application {}", output::clean(&self.client_id)),
            (None, _) => "somebody".to_owned(),
        }
    }

    /// What it may do, for people.
    pub(crate) fn granted(&self) -> String {
        if self.permissions.is_empty() {
            "no permission".to_owned()
        } else {
            output::clean(&self.permissions.join(", "))
        }
    }
}

pub(crate) fn run(args: &args::Accounts) -> Result<(), Failure> {
    let cache = accounts::cache(&args.directory)?;
    let names = cache.names()?;
    let now = SystemTimer.now();
    for name in &names {
        let Some(account) = cache.read(name)? else { continue };
        let row = Row::of(name, &account, now);
        if args.json {
            output::line(output::json(&Tagged { schema: "account/1", value: row })?)?;
        } else {
            print(&row)?;
        }
    }
    if names.is_empty() && !args.json {
        output::say("nobody is logged in: see `caldelta login --help`");
    }
    Ok(())
}

fn print(row: &Row) -> Result<(), Failure> {
    output::line(format!("{}: {}", row.account, row.who()))?;
    output::line(format!("  graph        {}, tenant {}", row.graph_root, row.tenant))?;
    output::line(format!("  application  {}", output::clean(&row.client_id)))?;
    output::line(format!("  permissions  {}", row.granted()))?;
    let until = output::instant(row.expires_at);
    output::line(match row.state {
        State::Good => format!("  token        good until {until}, then renewed"),
        State::Renewable => "  token        has ended; the next command renews it".to_owned(),
        State::NeedsLogin => format!("  token        log in again: `caldelta login --account {}`", row.account),
    })
}
