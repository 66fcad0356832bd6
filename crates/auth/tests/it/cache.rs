//! Accounts on disk.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use auth::cache::{Account, AccountName, Cache, CacheError, CredentialSource};
use auth::{AccountKind, Authorization, Entropy, Secret, Tokens};
use delta_core::Cloud;

use crate::world::{World, delegated, public};

fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

fn log_in(world: &mut World) -> Tokens {
    let entropy = Entropy { verifier: [1; 32], state: [1; 16], ids: [1; 16] };
    let login = Authorization::new(&public(), &delegated(), "http://localhost:1", &entropy);
    let query = world.browse(&login.url());
    let mut redemption = login.callback(&query, world.now()).unwrap();
    world.drive(&mut redemption).unwrap()
}

fn account(world: &mut World) -> Account {
    let tokens = log_in(world);
    account_of(world, &tokens)
}

fn account_of(world: &World, tokens: &Tokens) -> Account {
    Account::new(&public(), CredentialSource::None, Cloud::Global.into(), delegated(), tokens, world.now())
}

#[test]
fn an_account_comes_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::at(dir.path().join("a").join("b"));
    assert_eq!(cache.names(), Ok(vec![]), "a directory that is not there holds nobody");
    let mut world = World::new(|_| ());
    let account = account(&mut world);
    assert_eq!(account.kind, AccountKind::Work);
    for name in [name("work"), name("samanthab@contoso.com")] {
        assert_eq!(cache.read(&name), Ok(None));
        cache.lock(&name).unwrap().write(&account).unwrap();
        assert_eq!(cache.read(&name), Ok(Some(account.clone())));
    }
    assert_eq!(cache.names(), Ok(vec![name("samanthab@contoso.com"), name("work")]));
    assert_eq!(cache.lock(&name("work")).unwrap().remove(), Ok(true));
    assert_eq!(cache.lock(&name("work")).unwrap().remove(), Ok(false));
    assert_eq!(cache.names(), Ok(vec![name("samanthab@contoso.com")]));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_an_account() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::at(dir.path().join("accounts"));
    let mut world = World::new(|_| ());
    let account = account(&mut world);
    cache.lock(&name("work")).unwrap().write(&account).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(cache.path()), 0o700);
    for entry in fs::read_dir(cache.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 2, "the account and its lock, and nothing left behind");
}

#[test]
fn what_is_no_account_is_named_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::at(dir.path());
    for text in ["", "{}", "SECRET", r#"{"format":2,"refresh_token":"SECRET"}"#] {
        fs::write(dir.path().join("work.json"), text).unwrap();
        let error = cache.read(&name("work")).unwrap_err();
        assert!(matches!(error, CacheError::NotAnAccount { .. }));
        assert!(error.to_string().contains("caldelta logout") && !error.to_string().contains("SECRET"), "{error}");
    }
}

#[test]
fn names_are_files_on_every_system() {
    for text in ["", ".", "..", "../x", "a/b", "Work", "a b", "-x", "@x", "é", "a\\b", "con:", &"x".repeat(101)] {
        assert!(text.parse::<AccountName>().is_err(), "{text:?}");
    }
}

/// A refresh token is good once: whoever comes second finds what the first one was given.
#[test]
fn two_who_refresh_at_once_do_not_hand_in_the_same_token() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::at(dir.path());
    let mut world = World::new(|_| ());
    let before = account(&mut world);
    cache.lock(&name("work")).unwrap().write(&before).unwrap();
    let old = before.kept.access_token.clone();
    let refreshed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let locked = cache.lock(&name("work")).unwrap();
                let mut account = locked.read().unwrap().unwrap();
                if account.kept.access_token == old {
                    refreshed.fetch_add(1, Ordering::Relaxed);
                    account.kept.access_token = Secret::new("new");
                    locked.write(&account).unwrap();
                }
            });
        }
    });
    assert_eq!(refreshed.into_inner(), 1);
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    let mut world = World::new(|_| ());
    let account = account(&mut world);
    assert!(account.usable(world.now()).is_some());
    world.wait(Duration::from_secs(3600 - 301));
    assert!(account.usable(world.now()).is_some());
    world.wait(Duration::from_secs(2));
    assert!(account.usable(world.now()).is_none(), "five minutes ahead");
}

#[test]
fn a_refresh_token_stays_until_there_is_another() {
    let mut world = World::new(|_| ());
    let tokens = log_in(&mut world);
    let mut account = account_of(&world, &tokens);
    account.renew(&Tokens { refresh_token: None, identity: None, access_token: "x1".into(), ..tokens.clone() });
    assert_eq!(account.kept.refresh_token, tokens.refresh_token);
    assert_eq!(account.identity, tokens.identity);
    account.renew(&Tokens { refresh_token: Some("r2".into()), ..tokens });
    assert_eq!(account.kept.refresh_token, Some("r2".into()));
}
