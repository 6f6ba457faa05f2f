//! Getting what a registry asks for: the credentials themselves, or a token for them.

use bytes::Bytes;
use reqwest::{
    Method, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderValue},
};

use super::{Call, Purpose, Remote};
use crate::{
    OciError, Part,
    auth::{Challenge, TokenAnswer, basic, bearer},
    credentials::{Credentials, text},
    document::parse,
    limits::MAX_TOKEN,
};

impl Remote {
    /// The header that answers a challenge.
    pub(super) async fn authorize(&mut self, challenge: &Challenge) -> Result<HeaderValue, OciError> {
        if self.found.is_none() {
            self.found = Some(self.registries.credentials(&self.registry).await);
        }
        let credentials = self.found.as_ref().and_then(|found| found.credentials.clone());
        let value = match (challenge, credentials) {
            (_, Some(Credentials::Bearer(token))) => text(&token).and_then(bearer),
            (Challenge::Basic, Some(Credentials::Password { username, password })) => {
                basic(&username, &password)
            }
            (Challenge::Basic, _) => None,
            (Challenge::Bearer { realm, service }, credentials) => {
                bearer(&self.token(realm, service.as_deref(), credentials).await?)
            }
        };
        value.ok_or_else(|| self.denied())
    }

    fn denied(&self) -> OciError {
        OciError::Denied {
            registry: self.registry.clone(),
            origin: self.found.clone().unwrap_or_default().origin,
        }
    }

    /// Asks for a token. The realm is an address chosen by the registry, so it is held to the rules for
    /// redirects; it sends nobody on who has credentials.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        credentials: Option<Credentials>,
    ) -> Result<String, OciError> {
        let mut realm = Url::parse(realm).map_err(|_| self.refused("a token service without address"))?;
        if !self.endpoint.may_follow(&realm) {
            let registry = self.registry.clone();
            return Err(OciError::Redirects { registry });
        }
        let actions = match self.purpose {
            Purpose::Pull => "pull",
            Purpose::Push => "pull,push",
        };
        let scope = format!("repository:{}:{actions}", self.repository);
        let mut fields = vec![("scope", scope.as_str())];
        fields.extend(service.map(|service| ("service", service)));
        let (call, shown) = match &credentials {
            Some(Credentials::Identity(token)) => {
                let token = text(token).ok_or_else(|| self.denied())?;
                fields.push(("grant_type", "refresh_token"));
                fields.push(("client_id", "platform"));
                fields.push(("refresh_token", token));
                // The query of an address is encoded as a form is.
                let mut form = realm.clone();
                form.query_pairs_mut().clear().extend_pairs(&fields);
                let mut call = Call::new(Method::POST, realm);
                call.body = Some(Bytes::from(form.query().unwrap_or_default().to_owned()));
                let form = HeaderValue::from_static("application/x-www-form-urlencoded");
                call.headers.insert(CONTENT_TYPE, form);
                (call, None)
            }
            other => {
                realm.query_pairs_mut().extend_pairs(&fields);
                let shown = match other {
                    Some(Credentials::Password { username, password }) => {
                        Some(basic(username, password).ok_or_else(|| self.denied())?)
                    }
                    _ => None,
                };
                (Call::new(Method::GET, realm), shown)
            }
        };
        let response = match shown {
            Some(shown) => self.send(&call, call.url.clone(), Some(&shown)).await?,
            None => self.follow(&call, None).await?,
        };
        match response.status() {
            StatusCode::OK => {}
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                return Err(self.denied());
            }
            _ => return Err(self.failure(&response)),
        }
        let mut bytes = Vec::new();
        self.body_into(&mut bytes, response, Part::Token, MAX_TOKEN)
            .await?;
        let answer: TokenAnswer = parse(Part::Token, &bytes)?;
        answer.into_token().ok_or_else(|| self.refused("no token"))
    }
}
