//! Which route of a challenge is meant, and whether it may be called in this way.

use platform_domain::{ProxyPath, RouteMatch, RouteRule};

use crate::refusal::Refusal;

/// The methods that reach a challenge.
pub(crate) const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];

/// The declared route; `None` when the challenge declares none.
pub(crate) fn find<'a>(
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

/// Whether this hands something in; the other thing that is done at this entrance is to look at what was.
pub(crate) fn submits(method: &str, path: &ProxyPath) -> Result<bool, Refusal> {
    let one = path.as_str().matches('/').count() > 1;
    match (one, method) {
        (false, "POST") => Ok(true),
        (true, "GET" | "HEAD") => Ok(false),
        _ => Err(Refusal::MethodNotAllowed {
            allow: if one { "GET, HEAD" } else { "POST" }.to_owned(),
        }),
    }
}
