//! Devices without a browser: a code to enter elsewhere, and the page where it is entered.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::browser::scopes;
use super::client::{self, Place};
use super::form::Form;
use super::issued::{Device, Grant, Person, Subject};
use super::refusal::Refusal;
use super::{Authority, json as json_response, page, person};

/// What codes are spelled with: nothing that looks like something else.
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";
const LETTERS_IN_CODE: usize = 9;

impl Authority {
    pub(super) fn device_code(
        &mut self,
        form: &Form,
        place: Place<'_>,
        root: &str,
    ) -> Result<Response<Bytes>, Refusal> {
        let client = form.need("client_id")?.to_owned();
        client::find(&self.policy, &client, place.tenant)?;
        let scopes = scopes(form)?;
        let device_code = self.issued.opaque("D.sim");
        let letters =
            self.issued.random.bytes16().into_iter().map(|byte| LETTERS.get(usize::from(byte) % LETTERS.len()));
        let user_code: String = letters.flatten().take(LETTERS_IN_CODE).map(|letter| char::from(*letter)).collect();
        let until = place.now + self.policy.code_lifetime;
        let device = Device { grant: None, client, scopes, user_code, declined: false, until, asked: None };
        let verification_uri = format!("{root}/common/oauth2/v2.0/deviceauth");
        let answer = json!({
            "device_code": device_code,
            "user_code": device.user_code,
            "verification_uri": verification_uri,
            "expires_in": self.policy.code_lifetime.as_secs(),
            "interval": self.policy.device_interval.as_secs(),
            "message": format!("To sign in, open {verification_uri} and enter the code {}.", device.user_code),
        });
        self.issued.devices.insert(device_code, device);
        Ok(json_response(StatusCode::OK, &answer))
    }

    /// The page where people enter their codes, with the code as `user_code`.
    pub(super) fn device_page(&mut self, form: &Form, place: Place<'_>, people: &[Person]) -> Response<Bytes> {
        let Some(entered) = form.get("user_code") else {
            return page(
                StatusCode::OK,
                "Enter the code: open this page again with ?user_code=CODE behind its address.",
            );
        };
        let declines = self.policy.declines;
        let mut devices = self.issued.devices.values_mut();
        let device = devices.find(|device| device.user_code.eq_ignore_ascii_case(entered) && device.until > place.now);
        let (Some(device), Some(person)) = (device, person(people, form.get("login_hint"))) else {
            return page(StatusCode::BAD_REQUEST, "That code is not known, or too old.");
        };
        device.declined = declines;
        device.grant = Some(Grant {
            client: device.client.clone(),
            subject: Subject::User(person.clone()),
            scopes: device.scopes.clone(),
            claims: Value::Null,
        });
        page(StatusCode::OK, "You may go back to your device.")
    }

    /// What a device is told that asks whether somebody has entered its code.
    pub(super) fn device(&mut self, form: &Form, place: Place<'_>) -> Result<Grant, Refusal> {
        let code = form.need("device_code")?;
        let interval = self.policy.device_interval;
        let device = self.issued.devices.get_mut(code).ok_or_else(Refusal::bad_grant)?;
        if device.until <= place.now {
            return Err(Refusal::device_code_expired());
        }
        let earlier = device.asked.replace(place.now);
        if earlier.is_some_and(|earlier| place.now < earlier + interval) {
            return Err(Refusal::too_fast());
        }
        if device.declined {
            return Err(Refusal::device_declined());
        }
        let grant = device.grant.clone().ok_or_else(Refusal::pending)?;
        if self.policy.device_code_blocked {
            return Err(Refusal::device_code_blocked());
        }
        if self.policy.consent_missing {
            return Err(Refusal::consent());
        }
        self.issued.devices.remove(code);
        Ok(grant)
    }
}
