//! The login server beside Graph, asked by hand. (How whole flows go is tested where the client is.)
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use common::{Answer, Client};
use graph_sim::{LoginPolicy, SimulatorOptions};
use http::Request;
use serde_json::json;

const LOGIN: &str = "https://login.microsoftonline.com/contoso.com";
const APPLICATION: &str = "client_id=app&client_secret=s&grant_type=client_credentials\
                           &scope=https%3A%2F%2Fgraph.microsoft.com%2F.default";

fn required() -> Client {
    let mut policy = LoginPolicy::default();
    policy.required = true;
    Client::with(SimulatorOptions::new().login(policy))
}

fn post(client: &mut Client, endpoint: &str, form: &str) -> Answer {
    client.send("POST", &format!("{LOGIN}/{endpoint}"), &[], form)
}

fn ask(client: &mut Client, url: &str, token: &str) -> Answer {
    let request = Request::get(format!("{}{url}", common::ROOT)).header("authorization", format!("Bearer {token}"));
    client.send_request(request.body(bytes::Bytes::new()).unwrap())
}

#[test]
fn any_token_is_good_unless_logins_are_required() {
    assert_eq!(ask(&mut Client::new(), "/me", "anybody").status, 200);
    let answer = ask(&mut required(), "/me", "anybody");
    assert_eq!(answer.error().1, "InvalidAuthenticationToken");
    assert_eq!(answer.status, 401);
}

#[test]
fn the_configuration_names_the_endpoints_that_there_are() {
    let mut client = Client::new();
    let found = client.get(&format!("{LOGIN}/v2.0/.well-known/openid-configuration")).ok();
    assert_eq!(found.body["token_endpoint"], format!("{LOGIN}/oauth2/v2.0/token"));
    assert!(!found.header("date").is_empty(), "clocks are compared by it");
    let answer = post(&mut client, "oauth2/v2.0/token", "");
    assert_eq!((answer.status.as_u16(), &answer.body["error"]), (400, &json!("invalid_request")));
    assert_eq!(answer.body["error_codes"], json!([900_144]));
}

#[test]
fn an_application_is_nobody_and_sees_no_groups() {
    let mut client = required();
    let token =
        post(&mut client, "oauth2/v2.0/token", APPLICATION).ok().body["access_token"].as_str().unwrap().to_owned();
    let answer = ask(&mut client, "/me/events", &token);
    assert_eq!((answer.status.as_u16(), answer.error().1), (400, "BadRequest"));
    assert_eq!(ask(&mut client, "/users/samanthab@contoso.com/events", &token).status, 200);
    let planning = client.simulator.handle_honestly(
        client.now(),
        Request::get("https://graph.microsoft.com/v1.0/groups/x")
            .header("authorization", format!("Bearer {token}"))
            .body(bytes::Bytes::new())
            .unwrap(),
    );
    assert_eq!(planning.status(), 403);
}

#[test]
fn a_token_ends_on_the_callers_clock() {
    let mut client = required();
    let token =
        post(&mut client, "oauth2/v2.0/token", APPLICATION).ok().body["access_token"].as_str().unwrap().to_owned();
    client.seconds += 3_590;
    assert_eq!(ask(&mut client, "/users/samanthab@contoso.com", &token).status, 200);
    client.seconds += 10;
    assert_eq!(ask(&mut client, "/users/samanthab@contoso.com", &token).status, 401);
}

#[test]
fn a_token_without_the_permission_is_denied() {
    let mut policy = LoginPolicy::default();
    policy.required = true;
    policy.consent_missing = true;
    let mut client = Client::with(SimulatorOptions::new().login(policy));
    let token =
        post(&mut client, "oauth2/v2.0/token", APPLICATION).ok().body["access_token"].as_str().unwrap().to_owned();
    let denied = ask(&mut client, "/users/samanthab@contoso.com/events", &token);
    assert_eq!((denied.status.as_u16(), denied.error().1), (403, "ErrorAccessDenied"));
}

#[test]
fn logins_change_nothing_about_graphs_answers() {
    let (mut asked, mut silent) = (Client::new(), Client::new());
    post(&mut asked, "oauth2/v2.0/token", APPLICATION).ok();
    silent.seconds = asked.seconds;
    assert_eq!(ask(&mut asked, "/me", "x"), ask(&mut silent, "/me", "x"), "ids follow from the seed alone");
}

#[test]
fn nobody_is_sent_elsewhere_than_to_this_machine() {
    let mut client = Client::new();
    for redirect in ["https://evil.example", "http://localhost.evil.example", "http://localhost:80@evil.example", "x"] {
        let url =
            format!("{LOGIN}/oauth2/v2.0/authorize?client_id=app&response_type=code&scope=x&redirect_uri={redirect}");
        let answer = client.get(&url);
        assert_eq!((answer.status.as_u16(), &answer.body["error_codes"]), (400, &json!([50_011])), "{redirect}");
    }
}
