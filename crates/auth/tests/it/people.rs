//! People log in: by browser, by device code, and later on without being there.

use std::time::Duration;

use auth::{Authorization, Claims, DeviceLogin, Entropy, Error, Refusal, Tokens};
use http::StatusCode;
use serde_json::json;

use crate::world::{World, delegated, public, refusal, refused};

const REDIRECT: &str = "http://localhost:8123";

fn authorization(number: u8) -> Authorization {
    let entropy = Entropy { verifier: [number; 32], state: [number; 16], ids: [number; 16] };
    Authorization::new(&public(), &delegated(), REDIRECT, &entropy)
}

fn log_in(world: &mut World) -> Result<Tokens, Error> {
    let login = authorization(1);
    let query = world.browse(&login.url());
    let mut redemption = login.callback(&query, world.now())?;
    world.drive(&mut redemption)
}

#[test]
fn a_browser_login_gives_tokens_that_graph_takes() {
    let mut world = World::new(|_| ());
    let tokens = log_in(&mut world).unwrap();
    assert_eq!(tokens.permissions, ["Calendars.Read", "openid", "profile"]);
    assert_eq!(tokens.identity.as_ref().unwrap().username.as_deref(), Some("samanthab@contoso.com"));
    assert_eq!(tokens.expires_at, world.now().plus_seconds(3600));
    assert_eq!(world.graph("me/calendarView?startDateTime=2026-01-01&endDateTime=2026-02-01", &tokens).status(), 200);
}

#[test]
fn a_code_is_of_no_use_to_who_did_not_begin_the_login() {
    let mut world = World::new(|_| ());
    // The state is known to the thief, the verifier is not.
    let entropy = |verifier| Entropy { verifier: [verifier; 32], state: [1; 16], ids: [1; 16] };
    let login = |verifier| Authorization::new(&public(), &delegated(), REDIRECT, &entropy(verifier));
    let query = world.browse(&login(1).url());
    let now = world.now();
    assert_eq!(refusal(world.drive(&mut login(2).callback(&query, now).unwrap())), Refusal::Interaction);
    // And it is spent: no second guess.
    assert_eq!(refusal(world.drive(&mut login(1).callback(&query, now).unwrap())), Refusal::Interaction);
}

#[test]
fn an_answer_that_belongs_to_another_login_is_foreign() {
    let mut world = World::new(|_| ());
    let query = world.browse(&authorization(1).url());
    let now = world.now();
    let without_state: String = query.split('&').filter(|part| !part.starts_with("state=")).collect();
    for foreign in [query.as_str(), &without_state, "", "state=", "error=access_denied", "code=x"] {
        assert!(matches!(authorization(2).callback(foreign, now), Err(Error::Foreign)), "{foreign}");
    }
    let state = query.split('&').find(|part| part.starts_with("state=")).unwrap();
    assert!(matches!(authorization(1).callback(state, now), Err(Error::Foreign)), "a code there is not");
}

#[test]
fn who_declines_is_not_logged_in() {
    let mut world = World::new(|policy| policy.declines = true);
    assert_eq!(refusal(log_in(&mut world)), Refusal::Declined);
}

#[test]
fn missing_consent_comes_with_the_address_where_it_is_given() {
    let mut world = World::new(|policy| policy.consent_missing = true);
    let refused = refused(log_in(&mut world));
    assert_eq!((refused.refusal, refused.code), (Refusal::Consent, Some(90094)));
    let url = refused.consent_url.clone().unwrap();
    assert!(refused.to_string().contains(&url), "{refused}");
    assert_eq!(world.get(&url).status(), StatusCode::OK);
    log_in(&mut world).unwrap();
}

fn device() -> DeviceLogin {
    DeviceLogin::new(&public(), &delegated(), [5; 16])
}

/// What a person opens who enters a code.
fn page(prompt: &auth::Prompt) -> String {
    format!("{}?user_code={}", prompt.verification_uri, prompt.user_code)
}

#[test]
fn a_device_waits_until_somebody_entered_its_code() {
    let mut world = World::new(|_| ());
    let mut login = device();
    let tokens = world.drive_with(&mut login, |world, prompt| world.open_later(3, page(prompt))).unwrap();
    assert_eq!(world.graph("me", &tokens).status(), 200);
    assert_eq!(world.slowed, 0, "it never asked too often");
}

#[test]
fn a_device_that_is_told_to_slow_down_asks_more_seldom() {
    let mut world = World::new(|policy| policy.device_interval = Duration::from_secs(5));
    let mut login = device();
    let tokens = world.drive_with(&mut login, |world, prompt| {
        world.simulator.authority().policy_mut().device_interval = Duration::from_secs(12);
        world.open_later(4, page(prompt));
    });
    tokens.unwrap();
    assert_eq!(world.slowed, 2, "5 s and 10 s were too soon, 15 s were not");
}

#[test]
fn a_device_gives_up_when_nobody_comes() {
    let mut world = World::new(|_| ());
    let begun = world.now();
    assert_eq!(refusal(world.drive(&mut device())), Refusal::TooLate);
    let minutes = (world.now().seconds() - begun.seconds()) / 60;
    assert!((14..=16).contains(&minutes), "{minutes}");
}

#[test]
fn a_device_learns_that_the_person_declined() {
    let mut world = World::new(|policy| policy.declines = true);
    let declined = world.drive_with(&mut device(), |world, prompt| world.open_later(1, page(prompt)));
    assert_eq!(refusal(declined), Refusal::Declined);
}

#[test]
fn a_tenant_that_blocks_device_codes_is_told_apart() {
    let mut world = World::new(|policy| policy.device_code_blocked = true);
    let blocked = world.drive_with(&mut device(), |world, prompt| world.open_later(1, page(prompt)));
    let refused = refused(blocked);
    assert_eq!(refused.refusal, Refusal::DeviceCodeBlocked);
    let said = refused.to_string();
    assert!(said.contains("AADSTS53003") && said.contains("without --device-code"), "{said}");
    log_in(&mut world).unwrap();
}

#[test]
fn each_refresh_token_is_used_once() {
    let mut world = World::new(|_| ());
    let mut tokens = log_in(&mut world).unwrap();
    let first = tokens.clone();
    for _ in 0..3 {
        world.wait(Duration::from_secs(3600));
        assert_eq!(world.graph("me", &tokens).status(), 401, "it has ended");
        let renewed = world.refresh(&tokens, None).unwrap();
        assert_ne!(renewed.refresh_token, tokens.refresh_token);
        assert_eq!(world.graph("me", &renewed).status(), 200);
        tokens = renewed;
    }
    assert_eq!(refusal(world.refresh(&first, None)), Refusal::Interaction, "an old one is dead");
}

#[test]
fn what_was_revoked_or_has_expired_needs_a_person() {
    let mut world = World::new(|_| ());
    let tokens = log_in(&mut world).unwrap();
    world.wait(Duration::from_secs(91 * 86_400));
    let expired = refused(world.refresh(&tokens, None));
    assert_eq!((expired.refusal, expired.code), (Refusal::Interaction, Some(700_082)));
    let tokens = log_in(&mut world).unwrap();
    world.simulator.authority().revoke_all();
    assert_eq!(world.graph("me", &tokens).status(), 401);
    let revoked = refused(world.refresh(&tokens, None));
    assert_eq!((revoked.refusal, revoked.code), (Refusal::Interaction, Some(50_173)));
    assert!(revoked.to_string().contains("caldelta login"), "{revoked}");
    assert!(revoked.correlation_id.is_some());
}

#[test]
fn claims_of_a_challenge_are_met_by_a_refresh() {
    let mut world = World::new(|_| ());
    let tokens = log_in(&mut world).unwrap();
    let demanded = json!({"access_token": {"nbf": {"essential": true, "value": "1764000000"}}});
    world.simulator.authority().demand_claims(Some(demanded));
    let response = world.graph("me", &tokens);
    assert_eq!(response.status(), 401);
    let header = response.headers()["www-authenticate"].to_str().unwrap();
    let (_, claims) = header.split_once("claims=\"").unwrap();
    let claims = Claims::of_challenge(claims.trim_end_matches('"')).unwrap();
    let without = world.refresh(&tokens, None).unwrap();
    assert_eq!(world.graph("me", &without).status(), 401, "without them nothing is won");
    let renewed = world.refresh(&without, Some(&claims)).unwrap();
    assert_eq!(world.graph("me", &renewed).status(), 200);
}

#[test]
fn claims_that_need_a_person_are_asked_for_at_the_next_login() {
    let mut world = World::new(|policy| policy.claims_need_a_person = true);
    let tokens = log_in(&mut world).unwrap();
    let json = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    world.simulator.authority().demand_claims(serde_json::from_str(json).ok());
    let claims = Claims::of_challenge(json).unwrap();
    assert_eq!(refusal(world.refresh(&tokens, Some(&claims))), Refusal::Interaction);
    let login = authorization(1).with_claims(Some(claims));
    let query = world.browse(&login.url());
    let mut redemption = login.callback(&query, world.now()).unwrap();
    let tokens = world.drive(&mut redemption).unwrap();
    assert_eq!(world.graph("me", &tokens).status(), 200);
}

#[test]
fn a_login_hint_chooses_the_account() {
    let mut world = World::new(|_| ());
    let login = authorization(1).with_login_hint(Some("samanthab@contoso.com".to_owned()));
    assert!(login.url().contains("login_hint=samanthab%40contoso.com") && !login.url().contains("prompt="));
    assert!(authorization(1).url().contains("prompt=select_account"));
    world.browse(&login.url());
}
