//! Which handler serves a request. The rules are those of the host, so that a route means the same on both
//! sides: see `RouteRule::find` in the host's `domain` crate.

use crate::{Challenge, Error, Request, Response, Result, encoding};

/// A function that serves requests.
pub type Handler = fn(&Request) -> Result<Response>;

/// A declared route, written by `#[challenge]`.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The HTTP method in upper case.
    pub method: &'static str,
    /// Literal segments, and `{name}` for one segment that is not empty.
    pub pattern: &'static str,
    /// Whether only a caller with a verified signature may use it.
    pub signed: bool,
    /// The largest body in bytes.
    pub max_body: Option<u64>,
    /// What serves it.
    pub handler: Handler,
}

/// What the routes say of a request.
pub(crate) enum Found {
    Route(&'static Route, Vec<(&'static str, String)>),
    /// The path exists, with these methods.
    OtherMethod(Vec<&'static str>),
    Nothing,
}

/// Serves a request. The host has already applied `signed` and `max_body`; applying them again costs nothing
/// and makes a test without a host see the same.
pub(crate) fn serve<C: Challenge>(mut request: Request) -> Result<Response> {
    if let Some(handler) = C::ANY {
        return handler(&request)?.checked();
    }
    match find(C::ROUTES, &request.method, &request.path) {
        Found::Route(route, parameters) => {
            if route.signed {
                request.signed_caller()?;
            }
            let length = u64::try_from(request.body.len()).unwrap_or(u64::MAX);
            if let Some(limit) = route.max_body.filter(|limit| length > *limit) {
                return Err(Error::new(
                    413,
                    format!("the body has {length} bytes, {limit} are allowed"),
                ));
            }
            request.parameters = parameters;
            (route.handler)(&request)?.checked()
        }
        Found::OtherMethod(methods) => {
            let error = Error::new(405, format!("{} is not served here", request.method));
            Ok(error.to_response().with_header("allow", methods.join(", ")))
        }
        Found::Nothing => Err(Error::not_found(format!("there is nothing at {}", request.path))),
    }
}

/// The first route in the order of declaration that fits. `HEAD` is served by a `GET` route; its answer keeps
/// the body, which the host does not send but measures.
pub(crate) fn find(routes: &'static [Route], method: &str, path: &str) -> Found {
    let path = path.strip_prefix('/').unwrap_or(path);
    let segments: Vec<String> = path.split('/').map(encoding::percent_decoded).collect();
    let mut others = Vec::new();
    for route in routes {
        let Some(parameters) = parameters(route.pattern, &segments) else {
            continue;
        };
        if route.method == method || (method == "HEAD" && route.method == "GET") {
            return Found::Route(route, parameters);
        }
        others.push(route.method);
        if route.method == "GET" {
            others.push("HEAD");
        }
    }
    if others.is_empty() {
        return Found::Nothing;
    }
    others.sort_unstable();
    others.dedup();
    Found::OtherMethod(others)
}

fn parameters(pattern: &'static str, segments: &[String]) -> Option<Vec<(&'static str, String)>> {
    let mut found = Vec::new();
    let mut expected = pattern.strip_prefix('/').unwrap_or(pattern).split('/');
    for segment in segments {
        let part = expected.next()?;
        match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(_) if segment.is_empty() => return None,
            Some(name) => found.push((name, segment.clone())),
            None if part != segment => return None,
            None => {}
        }
    }
    expected.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use platform_domain::{ProxyPath, RouteMatch, RouteRule};
    use proptest::prelude::*;

    use super::*;

    const fn route(method: &'static str, pattern: &'static str) -> Route {
        Route {
            method,
            pattern,
            signed: false,
            max_body: None,
            handler: |_| Ok(Response::text("")),
        }
    }

    static ROUTES: [Route; 6] = [
        route("GET", "/"),
        route("GET", "/a/b"),
        route("GET", "/a/{id}"),
        route("POST", "/a/{id}"),
        route("PUT", "/{x}/{y}/"),
        route("POST", "/a"),
    ];

    proptest! {
        #[test]
        fn host_and_guest_find_the_same_route(
            method in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "DELETE"]),
            segments in prop::collection::vec("(a|b|%61|%2F|%|%4|x|%zz|)", 1..4),
        ) {
            let path = format!("/{}", segments.join("/"));
            let rules: Vec<RouteRule> = ROUTES.iter().map(|route| RouteRule {
                method: route.method.into(), pattern: route.pattern.into(), signed: false, max_body: None,
            }).collect();
            let parsed: ProxyPath = path.parse().unwrap();
            let host = match RouteRule::find(&rules, method, &parsed) {
                RouteMatch::Rule(rule) => format!("{} {}", rule.method, rule.pattern),
                other => format!("{other:?}"),
            };
            let guest = match find(&ROUTES, method, &path) {
                Found::Route(route, _) => format!("{} {}", route.method, route.pattern),
                Found::OtherMethod(_) => "OtherMethod".to_owned(),
                Found::Nothing => "NotDeclared".to_owned(),
            };
            prop_assert_eq!(host, guest, "{} {}", method, path);
        }
    }

    #[test]
    fn a_parameter_is_decoded_once() {
        let Found::Route(_, parameters) = find(&ROUTES, "GET", "/a/x%2Fy%2520z") else {
            panic!("the route exists");
        };
        assert_eq!(parameters, [("id", "x/y%20z".to_owned())]);
    }
}
