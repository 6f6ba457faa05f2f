//! One request from its first line to its answer. The order of the checks is part of the contract: what is
//! cheap and says nothing about the inside comes first, and no unsigned body is read for a signed route.

use std::{
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
    HeaderMap, HeaderValue, Method, Uri,
    header::{CACHE_CONTROL, HOST, TRANSFER_ENCODING},
    request::Parts,
};
use hyper::upgrade::OnUpgrade;
use platform_domain::{Caller, Capability, Digest, Slug, UnixSeconds};
use platform_keys::HOTKEY_HEADER;
use platform_runtime::{Bodies, Entrance, Route};

use crate::{
    Gateway,
    address::Address,
    answer::{log, to_response, with_length},
    body::{self, Held},
    claim::Claim,
    client::{Client, Peer},
    cors, headers,
    in_flight::Place,
    limits::{MAX_HEADER_BYTES, MAX_URI_BYTES},
    listing::Listing,
    rate::Rate,
    refusal::Refusal,
    request_id::RequestId,
    route,
    stream::{self, Arriving},
    told::{self, Asked},
    web_socket,
};

/// The process serves; it says nothing about any challenge.
const HEALTH: &str = "/health";

/// What is known of a request before it is looked at closely.
struct Found {
    address: Address,
    route: Arc<Route>,
    /// Of the client, for as long as it is answered.
    place: Option<Place>,
}

/// What is known of it before its body is.
struct Decided {
    claim: Option<Claim>,
    /// Its body goes to the challenge as it comes.
    streamed: bool,
    /// The most bytes that its body may have.
    limit: usize,
    /// How many it says that it has.
    declared: Option<usize>,
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

    /// Everything that is decided before a byte of a body is read.
    fn decide(&self, found: &Found, parts: &Parts) -> Result<Decided, Refusal> {
        let Self { parts: host, .. } = self;
        let Found {
            address: Address { slug, path, entrance },
            route,
            ..
        } = found;
        let (method, serving) = (parts.method.as_str(), &route.serving);
        // Before its start has ended nothing is known of its routes, and no nonce may be used up for nothing.
        route.target.started().map_err(Refusal::Call)?;
        let rule = route::find(&route.rules, method, path)?;
        let submits = *entrance == Entrance::Submissions && route::submits(method, path)?;
        // While nothing of it is served, no body is read and no nonce used up.
        route.target.may_ask().map_err(Refusal::Call)?;
        if let Some(per_second) = serving.requests_per_second {
            let burst = per_second;
            let taken = self
                .challenges
                .take(slug, Rate { per_second, burst }, Instant::now());
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
        // A signature covers the body, so what is signed is read before anyone acts on it.
        let streamed = bodies == Bodies::Streamed && claim.is_none();
        let most = match bodies {
            Bodies::Whole => host.limits.max_body,
            _ if streamed => host.limits.max_streamed_body,
            _ => host.limits.max_upload,
        };
        let limit = body::limit(&host.limits, rule, serving.max_body, most);
        Ok(Decided {
            claim,
            streamed,
            limit,
            declared: body::declared(&parts.headers, limit)?,
        })
    }

    async fn answer(
        &self,
        (id, client): (&RequestId, &Client),
        found: Found,
        parts: &Parts,
        (body, wish): (Body, Option<OnUpgrade>),
    ) -> Result<Response, Refusal> {
        if let Some(answer) = cors::preflight(&found.route.serving, parts) {
            return Ok(answer);
        }
        let Decided {
            claim,
            streamed,
            limit,
            declared,
        } = self.decide(&found, parts)?;
        let Found {
            address: Address { slug, path, entrance },
            route,
            place,
        } = found;
        let target = &route.target;
        let wish = wish.filter(|_| entrance == Entrance::Routes && target.opens_web_sockets());
        let request = |signed: Option<(Caller, Digest)>| {
            let mut headers = headers::to_challenge(&parts.headers, client, &slug, id);
            headers.extend(signed.as_ref().map(|(_, body)| headers::of_body(body)));
            platform_domain::Request {
                id: id.to_string(),
                method: parts.method.to_string(),
                path: path.to_string(),
                query: parts.uri.query().map(str::to_owned),
                headers,
                body: (),
                caller: signed.map(|(caller, _)| caller),
            }
        };
        if wish.is_some() {
            web_socket::check_key(&parts.headers)?;
        } else if streamed {
            let arriving = Arriving::new(body, limit, target, &self.parts.limits);
            return stream::ask((target, entrance), request(None), arriving, [place, None]).await;
        }
        let held = (&self.bodies, &self.spool, &self.parts.limits);
        let held = Held::read(held, declared, limit, body).await?;
        let (signed, reservation, own_place) = match claim {
            Some(claim) => {
                let digest = held.digest();
                let proven = self.verify(&claim, &slug, parts, digest, now()).await?;
                let signed = (proven.caller, digest);
                (Some(signed), Some(proven.reservation), Some(proven.place))
            }
            None => (None, None, None),
        };
        let (request, places) = (request(signed), [place, own_place]);
        let answer = match (held, wish) {
            // What it might have sent as a body is no part of it.
            (_, Some(wish)) => web_socket::open(target, request, wish, places).await,
            (Held::InMemory(body, _room), _) if target.bodies() == Bodies::Whole => {
                let answer = target.handle(request.with_body(body)).await;
                answer.map_err(Refusal::Call).and_then(to_response)
            }
            (held, _) => stream::ask((target, entrance), request, Arriving::whole(held), places).await,
        };
        if let (Some(reservation), Err(Refusal::Call(error))) = (reservation, &answer)
            && !error.reached_it()
        {
            reservation.release();
        }
        answer
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

/// The host's clock.
fn now() -> UnixSeconds {
    SystemTime::now().into()
}
