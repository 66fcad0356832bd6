//! Logging in, from nothing to a synchronised calendar; and everything that can come between.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::authority::{Authority, browse, open_page};
use common::{Done, Sim, caldelta, command, finish, run, sync};

const CLIENT: &str = "11111111-2222-3333-4444-555555555555";

/// A login at a simulator, whose accounts are in this directory.
fn login(graph_root: &str, accounts: &Path, args: &[&str]) -> Command {
    let mut command = command(["login", "--graph-root", graph_root, "--client-id", CLIENT, "--accounts"]);
    command.arg(accounts).args(args);
    command
}

/// Starts a command and reads its standard error up to a line that begins like this.
fn until(command: &mut Command, begin: &str) -> (Child, common::authority::Talk, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut talk = common::authority::Talk::of(&mut child);
    let line = talk.line(begin);
    (child, talk, line)
}

/// Logs in by browser, driven by this test.
fn by_browser(graph_root: &str, accounts: &Path, args: &[&str]) -> Done {
    let args = [&["--no-browser"], args].concat();
    let (child, talk, url) = until(&mut login(graph_root, accounts, &args), "http");
    browse(&url);
    talk.done(child)
}

/// A sync with an account.
fn sync_with(graph_root: &str, store: &Path, accounts: &Path, args: &[&str]) -> Command {
    let mut command = sync(graph_root, store, args);
    command.arg("--accounts").arg(accounts);
    command
}

#[test]
fn from_a_browser_login_to_a_synchronised_calendar() {
    let (sim, dir) = (Sim::with(&["--require-login"]), tempfile::tempdir().unwrap());
    let (store, accounts) = (dir.path().join("store"), dir.path().join("accounts"));
    run(&mut sync_with(&sim.graph_root, &store, &accounts, &["--account", "work"]))
        .failed(77, "caldelta login --account work");
    let done = by_browser(&sim.graph_root, &accounts, &["--account", "work"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(done.stdout, "logged in: the account work is samanthab@contoso.com, with Calendars.Read\n");
    // The only account need not be named, and it knows where its Graph is.
    for args in [&["--account", "work"][..], &[]] {
        run(&mut sync_with(&sim.graph_root, &store, &accounts, args)).ok();
    }
    let mut bare = command(["sync", "--store"]);
    run(bare.arg(&store).arg("--accounts").arg(&accounts).args(["--window", common::WINDOW])).ok();
    let listed = run(command(["accounts", "--json", "--accounts"]).arg(&accounts)).json().remove(0);
    assert_eq!((&listed["account"], &listed["state"]), (&"work".into(), &"good".into()));
    assert_eq!(listed["username"], "samanthab@contoso.com");
    run(command(["logout", "--accounts"]).arg(&accounts)).ok();
    run(command(["logout", "--accounts"]).arg(&accounts)).failed(1, "there is no account");
    let log = sim.stop();
    assert!(!log.contains("code=") && !log.contains("token="), "{log}");
}

#[test]
fn a_browser_that_brings_something_else_is_turned_away() {
    let (sim, dir) = (Sim::with(&["--require-login"]), tempfile::tempdir().unwrap());
    let (child, talk, url) = until(&mut login(&sim.graph_root, dir.path(), &["--no-browser"]), "http");
    let redirect = common::authority::parameter(&url, "redirect_uri");
    let callback = redirect.strip_prefix("http://localhost").unwrap();
    let at = |path: &str| open_page(&format!("http://127.0.0.1{callback}{path}"));
    assert_eq!(at("/favicon.ico").status, 404);
    assert_eq!(at("/?code=stolen&state=guess").status, 400);
    assert_eq!(at("/?error=access_denied&state=guess").status, 400);
    // A connection that says nothing keeps nobody waiting.
    let silent = std::net::TcpStream::connect(format!("127.0.0.1{callback}")).unwrap();
    assert!(browse(&url).contains("you may close this page"));
    assert_eq!(talk.done(child).code, Some(0));
    drop(silent);
}

#[test]
fn nobody_is_waited_for_for_ever() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let done = run(&mut login(&sim.graph_root, dir.path(), &["--no-browser", "--timeout", "1s"]));
    assert_eq!(done.code, Some(77), "{done:?}");
    assert!(done.stderr.contains("nobody logged in within 1 s"), "{done:?}");
    assert!(!dir.path().join("default.json").exists());
}

#[test]
fn a_device_code_is_entered_elsewhere() {
    let (sim, dir) = (Authority::start(|_| ()), tempfile::tempdir().unwrap());
    let (child, talk, line) = until(&mut login(&sim.root, dir.path(), &["--device-code"]), "Open ");
    let words: Vec<&str> = line.split([' ', ',']).collect();
    let (page, code) = (words[1], words.last().unwrap());
    assert_eq!(open_page(&format!("{page}?user_code={code}")).status, 200);
    assert_eq!(talk.done(child).code, Some(0));
    let store = dir.path().join("store");
    run(&mut sync_with(&sim.root, &store, dir.path(), &[])).ok();
}

#[test]
fn a_tenant_that_blocks_device_codes_says_what_to_do() {
    let (sim, dir) = (Authority::start(|policy| policy.device_code_blocked = true), tempfile::tempdir().unwrap());
    let (child, talk, line) = until(&mut login(&sim.root, dir.path(), &["--device-code"]), "Open ");
    let words: Vec<&str> = line.split([' ', ',']).collect();
    open_page(&format!("{}?user_code={}", words[1], words.last().unwrap()));
    let done = talk.done(child);
    assert_eq!(done.code, Some(77), "{done:?}");
    assert!(done.stderr.contains("AADSTS53003") && done.stderr.contains("log in by browser"), "{done:?}");
}

#[test]
fn missing_consent_is_said_with_its_address() {
    let (sim, dir) = (Authority::start(|policy| policy.consent_missing = true), tempfile::tempdir().unwrap());
    let done = by_browser(&sim.root, dir.path(), &[]);
    assert_eq!(done.code, Some(77), "{done:?}");
    let url = done.stderr.split_whitespace().find(|word| word.contains("/adminconsent?client_id=")).unwrap();
    assert_eq!(open_page(url).status, 200);
    assert_eq!(by_browser(&sim.root, dir.path(), &[]).code, Some(0));
}

#[test]
fn an_application_logs_in_by_itself() {
    let (sim, dir) = (Authority::start(|_| ()), tempfile::tempdir().unwrap());
    let secret = dir.path().join("secret");
    fs::write(&secret, "application-secret\n").unwrap();
    let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/../auth/tests/it/certificate.pem");
    let proof = [
        vec!["--client-secret-file", secret.to_str().unwrap()],
        vec!["--client-certificate", pem],
        vec!["--client-certificate", pem, "--signing", "rs256"],
    ];
    for proof in proof {
        let accounts = tempfile::tempdir().unwrap();
        let args = [&["--client-credentials", "--tenant", "contoso.com"], proof.as_slice()].concat();
        let said = run(&mut login(&sim.root, accounts.path(), &args)).ok();
        assert!(said.contains(&format!("the application {CLIENT}, with Calendars.Read")), "{said}");
        let store = accounts.path().join("store");
        run(&mut sync_with(&sim.root, &store, accounts.path(), &["users/samanthab@contoso.com"])).ok();
        // What was given once need not be given again.
        run(command(["login", "--accounts"]).arg(accounts.path())).ok();
        sim.with(|authority| authority.revoke_access());
        run(&mut sync_with(&sim.root, &store, accounts.path(), &["users/samanthab@contoso.com"])).ok();
        assert!(!fs::read_to_string(accounts.path().join("default.json")).unwrap().contains("application-secret"));
    }
}

#[test]
fn tokens_are_renewed_without_anybody_and_the_new_one_is_kept() {
    let (sim, dir) = (Authority::start(|_| ()), tempfile::tempdir().unwrap());
    let store = dir.path().join("store");
    assert_eq!(by_browser(&sim.root, dir.path(), &[]).code, Some(0));
    for _ in 0..3 {
        // Refresh tokens are good for one use: with an old one this would end.
        sim.with(|authority| authority.revoke_access());
        run(&mut sync_with(&sim.root, &store, dir.path(), &[])).ok();
    }
    sim.with(|authority| authority.revoke_all());
    let done = run(&mut sync_with(&sim.root, &store, dir.path(), &[]));
    assert!(done.stderr.contains("caldelta login"), "{done:?}");
    done.failed(77, "AADSTS50173");
}

#[test]
fn claims_are_met_by_a_refresh_or_by_the_next_login() {
    let (sim, dir) = (Authority::start(|_| ()), tempfile::tempdir().unwrap());
    let store = dir.path().join("store");
    assert_eq!(by_browser(&sim.root, dir.path(), &[]).code, Some(0));
    let claims = r#"{"access_token":{"nbf":{"essential":true,"value":"1764000000"}}}"#;
    sim.with(|authority| authority.demand_claims(serde_json::from_str(claims).ok()));
    run(&mut sync_with(&sim.root, &store, dir.path(), &[])).ok();
    let claims = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    sim.with(|authority| {
        authority.policy_mut().claims_need_a_person = true;
        authority.demand_claims(serde_json::from_str(claims).ok());
    });
    run(&mut sync_with(&sim.root, &store, dir.path(), &[])).failed(77, "AADSTS50076");
    let listed = run(command(["accounts", "--json", "--accounts"]).arg(dir.path())).json().remove(0);
    assert_eq!(listed["state"], "needs_login");
    assert_eq!(by_browser(&sim.root, dir.path(), &[]).code, Some(0));
    run(&mut sync_with(&sim.root, &store, dir.path(), &[])).ok();
}

#[test]
fn two_syncs_at_once_do_not_spend_the_same_refresh_token() {
    let (sim, dir) = (Authority::start(|_| ()), tempfile::tempdir().unwrap());
    assert_eq!(by_browser(&sim.root, dir.path(), &[]).code, Some(0));
    sim.with(|authority| authority.revoke_access());
    let stores = [dir.path().join("one"), dir.path().join("two"), dir.path().join("three")];
    let start = |store: &std::path::PathBuf| {
        let mut command = sync_with(&sim.root, store, dir.path(), &[]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = stores.iter().map(start).collect();
    children.into_iter().for_each(|child| drop(finish(child).ok()));
    assert_eq!(sim.with(|authority| authority.live_refresh_tokens()), 1);
}

#[test]
fn a_token_goes_to_the_graph_that_it_is_for_and_nowhere_else() {
    let (sim, other) = (Authority::start(|_| ()), Sim::start());
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(by_browser(&sim.root, dir.path(), &["--account", "work"]).code, Some(0));
    let store = dir.path().join("store");
    run(&mut sync_with(&other.graph_root, &store, dir.path(), &["--account", "work"]))
        .failed(78, "the account work is for");
    // Where nobody named it, a simulator needs no account at all.
    run(&mut sync_with(&other.graph_root, &store, dir.path(), &[])).ok();
    let mut elsewhere = sync_with("https://graph.example.com", &store, dir.path(), &[]);
    run(&mut elsewhere).failed(78, "the account work is for");
}

#[test]
fn a_login_that_cannot_work_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().to_str().unwrap();
    let with = |args: &[&str]| caldelta([&["login", "--accounts", here], args].concat());
    with(&[]).failed(2, "docs/login.md");
    with(&["--client-id", "x", "--graph-root", "https://graph.example.com"]).failed(2, "--authority");
    let missing = dir.path().join("missing");
    let application = ["--client-id", "x", "--client-credentials", "--client-secret-file", missing.to_str().unwrap()];
    with(&application).failed(2, "--tenant");
    with(&[&application[..], &["--tenant", "contoso.com"]].concat()).failed(78, "can't be read");
    fs::write(&missing, "").unwrap();
    with(&[&application[..], &["--tenant", "contoso.com"]].concat()).failed(78, "is empty");
    let certificate = ["--client-id", "x", "--client-credentials", "--tenant", "contoso.com", "--client-certificate"];
    with(&[&certificate[..], &[missing.to_str().unwrap()]].concat()).failed(78, "no PEM certificate");
    let usage = |args: &[&str], words: &str| {
        let done = with(args);
        assert!(done.code == Some(2) && done.stderr.contains(words), "{done:?}");
    };
    usage(&["--client-credentials"], "--client-secret-file");
    usage(&["--device-code", "--client-credentials"], "cannot be used with");
    usage(&["--client-secret-file", "a", "--client-certificate", "b"], "cannot be used with");
    usage(&["--tenant", "a/b"], "contoso.onmicrosoft.com");
    usage(&["--authority", "http://login.example.com"], "loopback");
    usage(&["--account", "../x"], "small letters");
    with(&["--client-id", "x", "--device-code", "--graph-root", "http://127.0.0.1:9"]).failed(69, "check the network");
}

#[test]
fn what_is_no_login_server_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let server = common::server::Server::start(|_, _| common::server::Reply::new("200 OK", "", "<html>"));
    let done = run(&mut login(&server.root, dir.path(), &["--device-code"]));
    done.failed(65, "is this a login server?");
}

#[test]
fn without_accounts_there_is_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    let done = run(command(["accounts", "--accounts"]).arg(dir.path()));
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), ""));
    assert!(done.stderr.contains("nobody is logged in"), "{done:?}");
    fs::write(dir.path().join("work.json"), "{}").unwrap();
    run(command(["accounts", "--accounts"]).arg(dir.path())).failed(78, "caldelta logout");
    run(command(["logout", "--accounts"]).arg(dir.path())).ok();
}
