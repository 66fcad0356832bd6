//! Nothing secret prints, whatever the other side says.

use auth::{Authorization, DeviceLogin, Entropy, Flow, Grant, Redemption, Secret};
use http::Response;

use crate::world::{World, client, delegated, public};

/// Everything that a request sends as the value of a parameter that is not known to be public.
fn sent(request: &http::Request<Vec<u8>>) -> Vec<String> {
    let public = ["client_id", "grant_type", "scope", "redirect_uri", "client_assertion_type"];
    let pairs = form_urlencoded::parse(request.body());
    pairs.filter(|(name, _)| !public.contains(&name.as_ref())).map(|(_, value)| value.into_owned()).collect()
}

#[test]
fn an_authority_that_repeats_what_was_sent_is_not_repeated() {
    let now = World::new(|_| ()).now();
    let code = || Grant::AuthorizationCode {
        code: "the-code".into(),
        redirect_uri: "http://localhost:1".to_owned(),
        verifier: "the-verifier".into(),
    };
    let grants = [code(), Grant::RefreshToken("the-refresh-token".into()), Grant::DeviceCode("the-device-code".into())];
    for grant in grants {
        let client = client(auth::Credential::Secret("the-client-secret".into()));
        let mut flow = Redemption::new(&client, grant.clone(), &delegated(), None, now, [1; 16]).unwrap();
        let request = flow.request().unwrap();
        let secrets = sent(&request);
        assert!(secrets.len() >= 3, "{secrets:?}");
        let all = secrets.join(" ");
        let body = serde_json::json!({"error": all, "error_description": all, "correlation_id": all}).to_string();
        let printed = format!("{flow:?} {grant:?} {client:?}");
        let error = flow.receive(&Response::builder().status(400).body(body).unwrap(), now).unwrap_err();
        let printed = format!("{printed} {error} {error:?}");
        for secret in &secrets {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
    }
}

#[test]
fn no_debug_shows_a_secret() {
    let mut world = World::new(|_| ());
    let entropy = Entropy { verifier: [7; 32], state: [8; 16], ids: [9; 16] };
    let login = Authorization::new(&public(), &delegated(), "http://localhost:1", &entropy);
    let query = world.browse(&login.url());
    let mut redemption = login.callback(&query, world.now()).unwrap();
    let mut printed = format!("{login:?} {redemption:?}");
    let mut secrets = sent(&redemption.request().unwrap());
    let tokens = world.drive(&mut redemption).unwrap();
    let mut device = DeviceLogin::new(&public(), &delegated(), [5; 16]);
    let _ = world.drive_with(&mut device, |world, prompt| {
        world.open_later(1, format!("{}?user_code={}", prompt.verification_uri, prompt.user_code));
    });
    printed.push_str(&format!("{tokens:?} {device:?} {:?}", Secret::new("a secret")));
    secrets.push(tokens.access_token.expose().to_owned());
    secrets.extend(tokens.refresh_token.iter().map(|token| token.expose().to_owned()));
    secrets.push("a secret".to_owned());
    for secret in &secrets {
        assert!(!printed.contains(secret.as_str()), "{secret} in {printed}");
    }
}
