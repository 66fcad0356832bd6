//! Where the local copy is, and where accounts are, when nobody says.

use std::path::PathBuf;

use etcetera::BaseStrategy;

use crate::args::{AccountsDir, StoreArgs};
use crate::exit::{Code, Failure};

/// The store's directory: as given, or `caldelta` in the user's state directory.
pub(crate) fn store(args: &StoreArgs) -> Result<PathBuf, Failure> {
    if let Some(path) = &args.store {
        return Ok(path.clone());
    }
    let failed =
        |_| Failure::new(Code::Operator, "there is no home directory: say where the store is with --store PATH");
    let strategy = etcetera::choose_base_strategy().map_err(failed)?;
    Ok(strategy.state_dir().unwrap_or_else(|| strategy.data_dir()).join("caldelta"))
}

/// The accounts' directory: as given, or `caldelta/accounts` in the user's data directory.
pub(crate) fn accounts(args: &AccountsDir) -> Result<PathBuf, Failure> {
    if let Some(path) = &args.accounts {
        return Ok(path.clone());
    }
    let failed =
        |_| Failure::new(Code::Operator, "there is no home directory: say where accounts are with --accounts PATH");
    let strategy = etcetera::choose_base_strategy().map_err(failed)?;
    Ok(strategy.data_dir().join("caldelta").join("accounts"))
}

/// The configuration file, when nobody says: `caldelta/config.toml` in the user's configuration directory.
pub(crate) fn config() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.config_dir().join("caldelta").join("config.toml"))
}
