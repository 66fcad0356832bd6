//! Applications log in by themselves.

use auth::{
    Authority, Certificate, CertificateError, Client, Credential, Error, Grant, Redemption, Refusal, Scopes, Signing,
    Tokens,
};
use delta_core::Cloud;
use graph_sim::{Application, LoginPolicy};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::world::{CLIENT_ID, World, client, refusal, refused};

const PEM: &[u8] = include_bytes!("certificate.pem");
const STRANGER: &[u8] = include_bytes!("stranger.pem");

/// An authority that knows one application, with a secret, a certificate and a trusted token.
fn registered(policy: &mut LoginPolicy) {
    let mut application = Application::new(CLIENT_ID);
    application.secrets.push("application-secret".to_owned());
    application.certificates.push(CertificateDer::from_pem_slice(PEM).unwrap().to_vec());
    application.federated_tokens.push("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwb2QifQ.c2ln".to_owned());
    policy.applications.push(application);
}

fn certificate(pem: &[u8], signing: Signing) -> Credential {
    Credential::Certificate(Box::new(Certificate::from_pem(pem, signing).unwrap()))
}

fn log_in(world: &mut World, client: &Client) -> Result<Tokens, Error> {
    let scopes = Scopes::application(&Cloud::Global.into());
    let mut flow = Redemption::new(client, Grant::ClientCredentials, &scopes, None, world.now(), [9; 16])?;
    world.drive(&mut flow)
}

#[test]
fn an_application_proves_who_it_is_in_three_ways() {
    for credential in [
        Credential::Secret("application-secret\n".into()),
        certificate(PEM, Signing::Ps256),
        certificate(PEM, Signing::Rs256),
        Credential::Assertion("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwb2QifQ.c2ln".into()),
    ] {
        let mut world = World::new(registered);
        let tokens = log_in(&mut world, &client(credential.clone())).unwrap();
        assert_eq!((tokens.refresh_token.is_none(), tokens.identity.is_none()), (true, true), "{credential:?}");
        let granted = auth::Granted::of(&tokens.access_token).unwrap();
        assert_eq!(granted.application, ["Calendars.Read"]);
        assert_eq!(world.graph("users/samanthab@contoso.com/calendar", &tokens).status(), 200);
        assert_eq!(world.graph("me", &tokens).status(), 400, "an application is nobody");
    }
}

#[test]
fn a_wrong_proof_is_refused() {
    for credential in [
        Credential::Secret("guess".into()),
        certificate(STRANGER, Signing::Ps256),
        Credential::Assertion("eyJhbGciOiJSUzI1NiJ9.e30.c2ln".into()),
        Credential::Assertion("nonsense".into()),
        Credential::None,
    ] {
        let mut world = World::new(registered);
        let refused = refused(log_in(&mut world, &client(credential.clone())));
        let expected = if matches!(credential, Credential::None) { Refusal::Registration } else { Refusal::Credential };
        assert_eq!(refused.refusal, expected, "{credential:?}: {refused}");
    }
}

#[test]
fn a_wrong_clock_is_told_from_a_wrong_certificate() {
    let mut world = World::new(registered);
    let scopes = Scopes::application(&Cloud::Global.into());
    let signer = client(certificate(PEM, Signing::Ps256));
    for skew in [-3_600, 3_600] {
        let here = world.now().plus_seconds(skew);
        let mut flow = Redemption::new(&signer, Grant::ClientCredentials, &scopes, None, here, [9; 16]).unwrap();
        assert_eq!(refusal(world.drive(&mut flow)), Refusal::ClockSkew, "{skew}");
    }
}

#[test]
fn what_is_not_registered_is_named() {
    let mut world = World::new(registered);
    let authority = Authority::cloud(Cloud::Global, "contoso.onmicrosoft.com".parse().unwrap());
    let unknown = Client::new(authority, "another-id", Credential::Secret("application-secret".into()));
    let refused = refused(log_in(&mut world, &unknown));
    assert_eq!((refused.refusal, refused.code), (Refusal::Registration, Some(700_016)));
    let shared = Authority::cloud(Cloud::Global, Default::default());
    let shared = Client::new(shared, CLIENT_ID, Credential::Secret("application-secret".into()));
    assert_eq!(refusal(log_in(&mut world, &shared)), Refusal::Tenant, "an application is in no shared tenant");
}

#[test]
fn a_certificate_without_its_key_is_refused_before_anybody_is_asked() {
    let text = String::from_utf8(PEM.to_vec()).unwrap();
    let (certificate, key) = text.split_at(text.find("-----BEGIN PRIVATE KEY-----").unwrap());
    let encrypted =
        format!("{certificate}-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let elliptic = format!("{certificate}-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n");
    for (pem, error) in [
        ("", CertificateError::NoCertificate),
        (key, CertificateError::NoCertificate),
        (certificate, CertificateError::NoKey),
        (encrypted.as_str(), CertificateError::Encrypted),
        (elliptic.as_str(), CertificateError::NotRsa),
    ] {
        assert_eq!(Certificate::from_pem(pem.as_bytes(), Signing::Ps256).err(), Some(error));
    }
}
