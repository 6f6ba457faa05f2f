//! One request from its first line to its answer. The order of the checks is part of the contract: what is
//! cheap and says nothing about the inside comes first, and no unsigned body is read for a signed route.

use std::{
    error::Error,
    net::IpAddr,
    time::{Instant, SystemTime},
};

use axum::{
    Json,
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderValue, Method, StatusCode, Uri,
    header::{CACHE_CONTROL, CONTENT_LENGTH},
    request::Parts,
};
use http_body::Body as _;
use platform_domain::{
    Caller, Capability, GuestError, ProxyPath, RouteMatch, RouteRule, Slug, UnixSeconds, with_causes,
};
use platform_keys::{HOTKEY_HEADER, SignedRequest};
use platform_runtime::{Bodies, CallError};

use crate::{
    Gateway, address,
    body::{self, Room},
    claim::{self, Claim},
    client::Client,
    headers,
    limits::{MAX_HEADER_BYTES, MAX_URI_BYTES},
    refusal::Refusal,
    replay::Use,
    request_id::RequestId,
    stream::{self, Arriving},
    told::{self, Asked},
};

/// The methods that reach a challenge.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];

/// The process serves; it says nothing about any challenge.
const HEALTH: &str = "/health";

impl Gateway {
    /// Answers whatever comes in: `/health`, the host's weights, what is under `/challenges/`, and everything else with 404.
    ///
    /// Not a router with parameters: it would decode them, and a challenge gets the path as the client wrote it. Not
    /// any router: this is all there is to decide, and every request of every miner passes here.
    pub async fn respond(&self, peer: IpAddr, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let client = self.parts.trusted.client(peer, &parts);
        let response = if parts.uri.path() == HEALTH {
            health(&parts.method)
        } else if let Some(asked) = Asked::parse(parts.uri.path()) {
            match self.admit(&client) {
                Ok(()) => told::answer(&self.parts.weights.current(), &asked, &parts, now()),
                Err(refusal) => refusal.into_response(),
            }
        } else {
            self.forward(&client, &parts, body).await
        };
        with_length(&parts.method, response)
    }

    /// Whether this address may ask now. First of all, and before anything of a body is read.
    fn admit(&self, client: &Client) -> Result<(), Refusal> {
        if client.trusted {
            return Ok(());
        }
        let network = match client.address {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX),
        };
        let taken = self
            .addresses
            .take((client.address.is_ipv4(), network), Instant::now());
        taken.map_err(|retry_after| Refusal::AddressTooFast { retry_after })
    }

    async fn forward(&self, client: &Client, parts: &Parts, body: Body) -> Response {
        let id = RequestId::generate();
        let address = self.admit(client);
        let address = address.and_then(|()| check_uri(&parts.uri));
        let address = address.and_then(|()| address::parse(parts.uri.path()));
        let slug = address.as_ref().ok().map(|(slug, _)| slug.clone());
        let answer = match address {
            Ok((slug, path)) => self.answer((&id, client), (&slug, &path), parts, body).await,
            Err(refusal) => Err(refusal),
        };
        let mut response = answer.unwrap_or_else(|refusal| {
            log(&id, slug.as_ref(), &refusal);
            refusal.into_response()
        });
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().insert(headers::REQUEST_ID, id);
        }
        response
    }

    async fn answer(
        &self,
        (id, client): (&RequestId, &Client),
        (slug, path): (&Slug, &ProxyPath),
        parts: &Parts,
        body: Body,
    ) -> Result<Response, Refusal> {
        let Self { parts: host, .. } = self;
        let table = host.routes.current();
        if !table.is_known() {
            return Err(Refusal::HostStarting);
        }
        let route = table.get(slug).cloned();
        let route = route.filter(|route| route.offers(Capability::ProxyRoutes));
        let route = route.ok_or(Refusal::ChallengeNotFound)?;
        // Before its start has ended nothing is known of its routes, and no nonce may be used up for nothing.
        route.target.started().map_err(Refusal::Call)?;
        let rule = find_rule(&route.rules, parts.method.as_str(), path)?;
        // While nothing of it is served, no body is read and no nonce used up.
        route.target.may_ask().map_err(Refusal::Call)?;

        if headers::size(&parts.headers) > MAX_HEADER_BYTES {
            return Err(Refusal::HeadersTooLarge);
        }
        let bodies = route.target.bodies();
        // A signature covers the body, so what is signed is read before anyone acts on it.
        let streamed = bodies == Bodies::Streamed && !claim::is_made(&parts.headers);
        let most = match streamed {
            true => host.limits.max_streamed_body,
            false => host.limits.max_body,
        };
        let limit = body::limit(&host.limits, rule, most);
        let room = match streamed {
            true => body::declared(&parts.headers, limit).map(|_| None)?,
            false => Some(Room::take(&self.bodies, &parts.headers, limit, &body)?),
        };
        let claim = Claim::read(&parts.headers, now(), host.started)?;
        if claim.is_none() && rule.is_some_and(|rule| rule.signed) {
            return Err(Refusal::HeaderMissing(HOTKEY_HEADER));
        }
        let request = |caller| platform_domain::Request {
            id: id.to_string(),
            method: parts.method.to_string(),
            path: path.to_string(),
            query: parts.uri.query().map(str::to_owned),
            headers: headers::to_challenge(&parts.headers, client, slug, id),
            body: (),
            caller,
        };
        let Some(room) = room else {
            return stream::ask(&route.target, request(None), Arriving::new(body, limit)).await;
        };
        let body = room.fill(body, &host.limits).await?;
        let caller = claim
            .map(|claim| self.verify(&claim, slug, parts, &body))
            .transpose()?;
        if bodies != Bodies::Whole {
            return stream::ask(&route.target, request(caller), Arriving::whole(body, room)).await;
        }
        let request = request(caller).with_body(body);
        let answer = route.target.handle(request).await.map_err(Refusal::Call)?;
        to_response(answer)
    }

    /// Proves a claim and uses its nonce up.
    fn verify(&self, claim: &Claim, slug: &Slug, parts: &Parts, body: &[u8]) -> Result<Caller, Refusal> {
        let signed = SignedRequest {
            netuid: self.parts.netuid,
            slug,
            method: parts.method.as_str(),
            path: parts.uri.path(),
            hotkey: claim.hotkey,
            nonce: &claim.nonce,
            timestamp: claim.timestamp,
            body,
        };
        if !signed.verify(&claim.signature) {
            return Err(Refusal::SignatureInvalid);
        }
        let uid = self
            .parts
            .metagraph
            .current()
            .and_then(|metagraph| metagraph.uid_of(&claim.hotkey));
        let used = Use {
            slug,
            hotkey: claim.hotkey,
            nonce: &claim.nonce,
            expires: claim.expires(),
            registered: uid.is_some(),
        };
        self.nonces.reserve(now(), &used)?;
        Ok(Caller {
            hotkey: claim.hotkey,
            uid,
        })
    }
}

fn health(method: &Method) -> Response {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let allow = "GET, HEAD".to_owned();
        return Refusal::MethodNotAllowed { allow }.into_response();
    }
    let not_kept = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (not_kept, Json(serde_json::json!({"status": "ok"}))).into_response()
}

/// First of all: whatever reads a path reads a bounded one.
fn check_uri(uri: &Uri) -> Result<(), Refusal> {
    match uri.path_and_query() {
        Some(text) if text.as_str().len() > MAX_URI_BYTES => Err(Refusal::UriTooLong),
        _ => Ok(()),
    }
}

/// The declared route; `None` when the challenge declares none.
fn find_rule<'a>(
    rules: &'a [RouteRule],
    method: &str,
    path: &ProxyPath,
) -> Result<Option<&'a RouteRule>, Refusal> {
    if !METHODS.contains(&method) {
        return Err(Refusal::MethodNotAllowed {
            allow: METHODS.join(", "),
        });
    }
    match RouteRule::find(rules, method, path) {
        RouteMatch::Undeclared => Ok(None),
        RouteMatch::Rule(rule) => Ok(Some(rule)),
        RouteMatch::NotDeclared => Err(Refusal::RouteNotFound),
        RouteMatch::OtherMethod => {
            let declared =
                |method: &&str| matches!(RouteRule::find(rules, method, path), RouteMatch::Rule(_));
            let allow: Vec<&str> = METHODS.into_iter().filter(declared).collect();
            Err(Refusal::MethodNotAllowed {
                allow: allow.join(", "),
            })
        }
    }
}

fn to_response(answer: platform_domain::Response) -> Result<Response, Refusal> {
    let (answer, body) = answer.take_body();
    let mut response = head(answer)?;
    if has_body(response.status()) {
        *response.body_mut() = Body::from(body);
    }
    Ok(response)
}

/// The answer without its body.
pub(crate) fn head(answer: platform_domain::Response<()>) -> Result<Response, Refusal> {
    let broken = |error: &dyn Error| Refusal::Call(CallError::Failed(with_causes(error)));
    let status = StatusCode::from_u16(answer.status).map_err(|error| broken(&error))?;
    let headers = headers::to_client(answer.headers).map_err(|error| broken(&error))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// The length is told here, because an answer to `HEAD` has the length of the body that it does not have.
fn with_length(method: &Method, mut response: Response) -> Response {
    let length = response.body().size_hint().exact();
    if let Some(length) = length.filter(|_| has_body(response.status())) {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

/// Whether HTTP lets this status have a body.
pub(crate) fn has_body(status: StatusCode) -> bool {
    !matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    )
}

/// Once for each refusal. What a client did wrong is its own affair; what a challenge did is the operator's.
fn log(id: &RequestId, slug: Option<&Slug>, refusal: &Refusal) {
    let slug = slug.map(Slug::as_str);
    let status = refusal.status().as_u16();
    match refusal {
        // The challenge did answer: what the client asked for was wrong, or it said that it is busy.
        Refusal::Call(CallError::Guest(error)) if !matches!(error, GuestError::Internal(_)) => {
            tracing::debug!(
                request.id = %id, challenge.slug = slug, http.status = status, error = %error,
                "a challenge refused a request"
            )
        }
        Refusal::Call(error @ CallError::Starting { .. }) => tracing::debug!(
            request.id = %id, challenge.slug = slug, http.status = status, error = %error,
            "a request came too early"
        ),
        Refusal::Call(error @ CallError::SlowClient(_)) => tracing::debug!(
            request.id = %id, challenge.slug = slug, http.status = status, error = %error,
            "a client was too slow"
        ),
        Refusal::Call(CallError::Suspended { .. }) => tracing::debug!(
            request.id = %id, challenge.slug = slug, http.status = status, "a suspended challenge was asked"
        ),
        Refusal::Call(error) => tracing::warn!(
            request.id = %id, challenge.slug = slug, http.status = status, error = with_causes(error),
            "a challenge did not answer a request"
        ),
        Refusal::Overloaded | Refusal::NoncesFull { .. } => tracing::warn!(
            request.id = %id, challenge.slug = slug, http.status = status, reason = %refusal,
            "the host could not take a request"
        ),
        _ => tracing::debug!(
            request.id = %id, challenge.slug = slug, http.status = status, reason = %refusal,
            "a request was refused"
        ),
    }
}

/// The host's clock.
fn now() -> UnixSeconds {
    SystemTime::now().into()
}
