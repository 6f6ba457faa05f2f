//! One request from its first line to its answer. The order of the checks is part of the contract: what is
//! cheap and says nothing about the inside comes first, and no unsigned body is read for a signed route.

use std::{
    error::Error,
    net::IpAddr,
    sync::Arc,
    time::{Instant, SystemTime},
};

use axum::{
    Json,
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{CACHE_CONTROL, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
    request::Parts,
};
use http_body::Body as _;
use hyper::upgrade::OnUpgrade;
use platform_domain::{
    Caller, Capability, Digest, GuestError, ProxyPath, RouteMatch, RouteRule, Slug, UnixSeconds, with_causes,
};
use platform_keys::HOTKEY_HEADER;
use platform_nonces::NonceError;
use platform_runtime::{Bodies, CallError, Entrance, Route};

use crate::{
    Gateway,
    address::Address,
    body::{self, Held},
    callers::Proven,
    claim::Claim,
    client::{Client, Peer},
    cors, headers,
    in_flight::Place,
    limits::{MAX_HEADER_BYTES, MAX_URI_BYTES},
    listing::Listing,
    rate::Rate,
    refusal::Refusal,
    request_id::RequestId,
    stream::{self, Arriving},
    told::{self, Asked},
    web_socket,
};

/// The methods that reach a challenge.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];

/// The process serves; it says nothing about any challenge.
const HEALTH: &str = "/health";

/// What is known of a request before it is looked at closely.
struct Found {
    address: Address,
    route: Arc<Route>,
    /// Of the client, for as long as it is answered.
    place: Option<Place>,
}

impl Gateway {
    /// Answers whatever comes in: `/health`, the host's weights, which challenges there are, what is under theirs, and everything
    /// else with 404.
    ///
    /// Not a router with parameters: it would decode them, and a challenge gets the path as the client wrote it. Not
    /// any router: this is all there is to decide, and every request of every miner passes here.
    pub async fn respond(&self, peer: impl Into<Peer>, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        let wish = web_socket::wished(&mut parts);
        let client = self.parts.trusted.client(peer.into(), &parts);
        let response = if parts.uri.path() == HEALTH {
            health(&parts.method)
        } else if let Some(asked) = Asked::parse(parts.uri.path()) {
            match self.admit(&client) {
                Ok(_place) => told::answer(&self.parts.weights.current(), &asked, &parts, now()),
                Err(refusal) => refusal.into_response(),
            }
        } else if let Some(listing) = Listing::parse(parts.uri.path()) {
            match self.admit(&client) {
                Ok(_place) => listing.answer(&self.parts.routes.current(), &parts),
                Err(refusal) => refusal.into_response(),
            }
        } else {
            self.forward(&client, &parts, body, wish).await
        };
        with_length(&parts.method, response)
    }

    /// Whether this address may ask now. First of all, and before anything of a body is read.
    fn admit(&self, client: &Client) -> Result<Option<Place>, Refusal> {
        if client.trusted {
            return Ok(None);
        }
        let network = match client.address {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX),
        };
        let (key, rate) = (
            (client.address.is_ipv4(), network),
            self.parts.limits.address_rate,
        );
        let taken = self.addresses.rates.take(key, rate, Instant::now());
        taken.map_err(|retry_after| Refusal::AddressTooFast { retry_after })?;
        let place = self.addresses.at_once.enter(key);
        place.ok_or(Refusal::TooManyAtOnce).map(Some)
    }

    async fn forward(&self, client: &Client, parts: &Parts, body: Body, wish: Option<OnUpgrade>) -> Response {
        let id = RequestId::generate();
        let (slug, found) = match self.find(client, parts) {
            Ok((slug, found)) => (Some(slug), found),
            Err(refusal) => (None, Err(refusal)),
        };
        let route = found.as_ref().ok().map(|found| found.route.clone());
        let answer = match found {
            Ok(found) => self.answer((&id, client), found, parts, (body, wish)).await,
            Err(refusal) => Err(refusal),
        };
        let mut response = answer.unwrap_or_else(|refusal| {
            log(&id, slug.as_ref(), &refusal);
            refusal.into_response()
        });
        if let Some(route) = route {
            cors::tell(&route.serving, &parts.headers, response.headers_mut());
        }
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().insert(headers::REQUEST_ID, id);
        }
        response
    }

    /// Which challenge is asked, for the log also where there is none, and whether there is one.
    fn find(&self, client: &Client, parts: &Parts) -> Result<(Slug, Result<Found, Refusal>), Refusal> {
        let place = self.admit(client)?;
        check_uri(&parts.uri)?;
        check_message(&parts.headers)?;
        let address = Address::parse(parts.uri.path())?;
        let slug = address.slug.clone();
        let table = self.parts.routes.current();
        if !table.is_known() {
            return Ok((slug, Err(Refusal::HostStarting)));
        }
        let route = table.get(&slug).cloned();
        let route = route.filter(|route| route.offers(Capability::ProxyRoutes));
        let found = route.ok_or(Refusal::ChallengeNotFound).map(|route| Found {
            address,
            route,
            place,
        });
        Ok((slug, found))
    }

    async fn answer(
        &self,
        (id, client): (&RequestId, &Client),
        found: Found,
        parts: &Parts,
        (body, wish): (Body, Option<OnUpgrade>),
    ) -> Result<Response, Refusal> {
        let Self { parts: host, .. } = self;
        let Found {
            address: Address { slug, path, entrance },
            route,
            place,
        } = found;
        let serving = &route.serving;
        if let Some(answer) = cors::preflight(serving, parts, &METHODS.join(", ")) {
            return Ok(answer);
        }
        // Before its start has ended nothing is known of its routes, and no nonce may be used up for nothing.
        route.target.started().map_err(Refusal::Call)?;
        let method = parts.method.as_str();
        let rule = find_rule(&route.rules, method, &path)?;
        let submits = entrance == Entrance::Submissions && submission(method, &path)?;
        // While nothing of it is served, no body is read and no nonce used up.
        route.target.may_ask().map_err(Refusal::Call)?;
        if let Some(per_second) = serving.requests_per_second {
            let burst = per_second;
            let rate = Rate { per_second, burst };
            let taken = self.challenges.take(&slug, rate, Instant::now());
            taken.map_err(|retry_after| Refusal::ChallengeTooFast { retry_after })?;
        }
        if headers::size(&parts.headers) > MAX_HEADER_BYTES {
            return Err(Refusal::HeadersTooLarge);
        }
        let claim = Claim::read(&parts.headers, now())?;
        if claim.is_none() && (submits || rule.is_some_and(|rule| rule.signed)) {
            return Err(Refusal::HeaderMissing(HOTKEY_HEADER));
        }
        let bodies = route.target.bodies();
        if wish.is_some() && route.target.opens_web_sockets() && entrance == Entrance::Routes {
            web_socket::check_key(&parts.headers)?;
        }
        // A signature covers the body, so what is signed is read before anyone acts on it.
        let streamed = bodies == Bodies::Streamed && claim.is_none();
        let most = match bodies {
            Bodies::Whole => host.limits.max_body,
            _ if streamed => host.limits.max_streamed_body,
            _ => host.limits.max_upload,
        };
        let limit = body::limit(&host.limits, rule, serving.max_body, most);
        let request = |signed: Option<(Caller, Digest)>| {
            let mut headers = headers::to_challenge(&parts.headers, client, &slug, id);
            headers.extend(signed.as_ref().map(|(_, body)| headers::of_body(body)));
            platform_domain::Request {
                id: id.to_string(),
                method: method.to_owned(),
                path: path.to_string(),
                query: parts.uri.query().map(str::to_owned),
                headers,
                body: (),
                caller: signed.map(|(caller, _)| caller),
            }
        };
        if streamed && wish.is_none() {
            body::declared(&parts.headers, limit)?;
            let arriving = Arriving::new(body, limit);
            return stream::ask((&route.target, entrance), request(None), arriving, [place, None]).await;
        }
        let held = (&self.bodies, &self.spool, &host.limits);
        let held = Held::read(held, &parts.headers, limit, body).await?;
        let (signed, reservation, own_place) = match claim {
            Some(claim) => {
                let digest = held.digest();
                let proven = self.verify(&claim, &slug, parts, digest, now()).await?;
                let Proven {
                    caller,
                    reservation,
                    place,
                } = proven;
                (Some((caller, digest)), Some(reservation), Some(place))
            }
            None => (None, None, None),
        };
        let answer = match (held, wish) {
            // What it might have sent as a body is no part of it.
            (_, Some(wish)) if route.target.opens_web_sockets() && entrance == Entrance::Routes => {
                web_socket::open(&route.target, request(signed), wish, [place, own_place]).await
            }
            (Held::InMemory(body, _room), _) if bodies == Bodies::Whole => {
                let answer = route.target.handle(request(signed).with_body(body)).await;
                answer.map_err(Refusal::Call).and_then(to_response)
            }
            (held, _) => {
                let (target, arriving) = ((&route.target, entrance), Arriving::whole(held));
                stream::ask(target, request(signed), arriving, [place, own_place]).await
            }
        };
        if let (Some(reservation), Err(Refusal::Call(error))) = (reservation, &answer)
            && !error.reached_it()
        {
            reservation.release();
        }
        answer
    }
}

/// Whether this hands something in; the other thing that is done at this entrance is to look at what was.
fn submission(method: &str, path: &ProxyPath) -> Result<bool, Refusal> {
    let one = path.as_str().matches('/').count() > 1;
    match (one, method) {
        (false, "POST") => Ok(true),
        (true, "GET" | "HEAD") => Ok(false),
        _ => Err(Refusal::MethodNotAllowed {
            allow: if one { "GET, HEAD" } else { "POST" }.to_owned(),
        }),
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

/// What the HTTP library reads one way and somebody before the host may have read in another: whom the request is for (RFC 9112,
/// 3.2), and how its body is coded (6.1). A coding below the chunks would be lost on the way to the challenge.
fn check_message(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.get_all(HOST).iter().nth(1).is_some() {
        return Err(Refusal::HostRepeated);
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Refusal::TransferCoding),
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
    !status.is_informational()
        && !matches!(
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
        Refusal::Spool(error) => tracing::error!(
            request.id = %id, challenge.slug = slug, http.status = status, error = %error,
            "an upload cannot be kept"
        ),
        Refusal::Overloaded | Refusal::Nonce(NonceError::Full { .. } | NonceError::Overloaded) => {
            tracing::warn!(
                request.id = %id, challenge.slug = slug, http.status = status, reason = %refusal,
                "the host could not take a request"
            )
        }
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
