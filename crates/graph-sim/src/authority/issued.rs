//! What was issued: codes, refresh tokens and access tokens, each until it ends or is taken back.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::base64;
use crate::random::Random;

/// Who a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A person.
    User(Person),
    /// An application by itself.
    Application,
}

/// A person, as tokens name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) address: String,
    pub(crate) name: String,
}

/// What somebody agreed to: the content of a code, of a refresh token, of an access token.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) client: String,
    pub(super) subject: Subject,
    /// As they were asked for.
    pub(super) scopes: Vec<String>,
    /// The parameter `claims`.
    pub(super) claims: Value,
}

impl Grant {
    /// The permissions of Graph among the scopes, by their own names.
    pub(super) fn permissions(&self) -> Vec<&str> {
        let names = self.scopes.iter().map(|scope| scope.rsplit_once('/').map_or(scope.as_str(), |(_, name)| name));
        names.filter(|name| !OF_OPENID.contains(name)).collect()
    }

    pub(super) fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|asked| asked == scope)
    }
}

const OF_OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// What the browser took along.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) grant: Grant,
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<String>,
    pub(super) until: SystemTime,
    pub(super) used: bool,
}

/// What a device waits for.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) grant: Option<Grant>,
    pub(super) client: String,
    pub(super) scopes: Vec<String>,
    pub(super) user_code: String,
    pub(super) declined: bool,
    pub(super) until: SystemTime,
    pub(super) asked: Option<SystemTime>,
}

/// A token with its end.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) grant: Grant,
    pub(super) until: SystemTime,
    pub(super) revoked: bool,
}

/// All that is out.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) codes: BTreeMap<String, Code>,
    pub(super) devices: BTreeMap<String, Device>,
    pub(super) refresh: BTreeMap<String, Lease>,
    pub(super) access: BTreeMap<String, Lease>,
    pub(super) random: Random,
}

impl Issued {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            codes: BTreeMap::new(),
            devices: BTreeMap::new(),
            refresh: BTreeMap::new(),
            access: BTreeMap::new(),
            random: Random::new(seed ^ 0x6c6f_6769_6e21_5eed),
        }
    }

    /// A text that nobody guesses who does not know the seed.
    pub(super) fn opaque(&mut self, kind: &str) -> String {
        let bytes = [self.random.bytes16(), self.random.bytes16()].concat();
        format!("{kind}.{}", base64::url_safe(&bytes))
    }

    /// A refresh token.
    pub(super) fn refresh_token(&mut self, grant: &Grant, until: SystemTime) -> String {
        let token = self.opaque("0.sim");
        self.refresh.insert(token.clone(), Lease { grant: grant.clone(), until, revoked: false });
        token
    }

    /// An access token: a JWT in form, whose signature nobody can check, as with Graph's own.
    pub(super) fn access_token(&mut self, grant: &Grant, tenant: &str, now: SystemTime, lifetime: Duration) -> String {
        let mut claims = json!({
            "aud": "00000003-0000-0000-c000-000000000000",
            "appid": grant.client,
            "tid": tenant,
            "iat": seconds(now),
            "exp": seconds(now + lifetime),
        });
        let permissions = grant.permissions();
        match &grant.subject {
            Subject::User(person) => {
                put(&mut claims, "scp", json!(permissions.join(" ")));
                put(&mut claims, "oid", json!(person.id));
            }
            Subject::Application => put(&mut claims, "roles", json!(permissions)),
        }
        let token = self.jwt(&claims);
        self.access.insert(token.clone(), Lease { grant: grant.clone(), until: now + lifetime, revoked: false });
        token
    }

    pub(super) fn id_token(&mut self, grant: &Grant, person: &Person, tenant: &str, now: SystemTime) -> String {
        let claims = json!({
            "aud": grant.client,
            "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"),
            "iat": seconds(now),
            "exp": seconds(now) + 3_600,
            "tid": tenant,
            "oid": person.id,
            "name": person.name,
            "preferred_username": person.address,
        });
        self.jwt(&claims)
    }

    fn jwt(&mut self, claims: &Value) -> String {
        let header = base64::url_safe(json!({"typ": "JWT", "alg": "RS256", "kid": "graph-sim"}).to_string().as_bytes());
        let signature = base64::url_safe(&[self.random.bytes16(), self.random.bytes16()].concat());
        format!("{header}.{}.{signature}", base64::url_safe(claims.to_string().as_bytes()))
    }
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}

/// Seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
