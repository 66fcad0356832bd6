//! `caldelta logout`: forget accounts.

use auth::cache::AccountName;

use crate::accounts;
use crate::args;
use crate::exit::{Code, Failure};
use crate::output;

pub(crate) fn run(args: &args::Logout) -> Result<(), Failure> {
    let cache = accounts::cache(&args.account.directory)?;
    let names = match (&args.account.account, args.all) {
        (Some(name), _) => vec![name.clone()],
        (None, true) => cache.names()?,
        (None, false) => vec![only(&cache.names()?)?],
    };
    for name in names {
        // A name that nobody has gets no lock file either.
        if !cache.names()?.contains(&name) || !cache.lock(&name)?.remove()? {
            return Err(Failure::new(
                Code::Failure,
                format!("there is no account {name}: `caldelta accounts` lists those that there are"),
            ));
        }
        output::report(format!("the account {name} is forgotten"))?;
    }
    Ok(())
}

/// The only account: where there are more, one has to be named.
fn only(names: &[AccountName]) -> Result<AccountName, Failure> {
    match names {
        [] => Err(Failure::new(Code::Failure, "nobody is logged in: there is no account to forget")),
        [name] => Ok(name.clone()),
        _ => Err(Failure::usage("there are several accounts: name one with --account NAME, or forget them with --all")),
    }
}
