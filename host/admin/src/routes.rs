//! Every route of the private side, on one page.

use axum::{
    Router,
    http::{HeaderValue, Method, header::CACHE_CONTROL},
    middleware::{from_fn_with_state, map_response},
    response::Response,
    routing::{MethodRouter, delete, get, patch, post, put},
};

use crate::{
    AdminState, ApiError, auth, chain, challenges, content, gpu_servers, health, images, jobs, logs, secrets,
    state, stats, status, versions, weights,
};

type Listed = (Method, &'static str, MethodRouter<AdminState>);

/// What needs the operator's token.
fn listed() -> Vec<Listed> {
    vec![
        (Method::GET, "/v1/admin/challenges", get(challenges::list)),
        (Method::POST, "/v1/admin/challenges", post(challenges::create)),
        (Method::GET, "/v1/admin/challenges/{slug}", get(challenges::show)),
        (
            Method::PATCH,
            "/v1/admin/challenges/{slug}",
            patch(challenges::change),
        ),
        (
            Method::DELETE,
            "/v1/admin/challenges/{slug}",
            delete(challenges::remove),
        ),
        (
            Method::POST,
            "/v1/admin/challenges/{slug}/activate",
            post(challenges::activate),
        ),
        (
            Method::POST,
            "/v1/admin/challenges/{slug}/deactivate",
            post(challenges::deactivate),
        ),
        (
            Method::POST,
            "/v1/admin/challenges/{slug}/disable",
            post(challenges::disable),
        ),
        (
            Method::POST,
            "/v1/admin/challenges/{slug}/update",
            post(versions::update),
        ),
        (
            Method::POST,
            "/v1/admin/challenges/{slug}/rollback",
            post(versions::roll_back),
        ),
        (
            Method::POST,
            "/v1/admin/challenges/{slug}/look",
            post(challenges::look),
        ),
        (
            Method::GET,
            "/v1/admin/challenges/{slug}/versions",
            get(versions::list),
        ),
        (
            Method::GET,
            "/v1/admin/challenges/{slug}/incidents",
            get(health::incidents),
        ),
        (Method::GET, "/v1/admin/challenges/{slug}/logs", get(logs::read)),
        (Method::GET, "/v1/admin/challenges/{slug}/stats", get(stats::show)),
        (
            Method::POST,
            "/v1/admin/challenges/{slug}/breaker/close",
            post(health::close),
        ),
        (
            Method::POST,
            "/v1/admin/challenges/{slug}/token/rotate",
            post(challenges::token::rotate),
        ),
        (
            Method::GET,
            "/v1/admin/challenges/{slug}/secrets",
            get(secrets::list),
        ),
        (
            Method::PUT,
            "/v1/admin/challenges/{slug}/secrets/{name}",
            put(secrets::set),
        ),
        (
            Method::DELETE,
            "/v1/admin/challenges/{slug}/secrets/{name}",
            delete(secrets::remove),
        ),
        (Method::GET, "/v1/admin/gpu-servers", get(gpu_servers::list)),
        (Method::POST, "/v1/admin/gpu-servers", post(gpu_servers::create)),
        (Method::GET, "/v1/admin/gpu-servers/{id}", get(gpu_servers::show)),
        (
            Method::PATCH,
            "/v1/admin/gpu-servers/{id}",
            patch(gpu_servers::change),
        ),
        (
            Method::DELETE,
            "/v1/admin/gpu-servers/{id}",
            delete(gpu_servers::remove),
        ),
        (
            Method::POST,
            "/v1/admin/gpu-servers/{id}/enable",
            post(gpu_servers::enable),
        ),
        (
            Method::POST,
            "/v1/admin/gpu-servers/{id}/disable",
            post(gpu_servers::disable),
        ),
        (
            Method::POST,
            "/v1/admin/gpu-servers/{id}/health",
            post(gpu_servers::health),
        ),
        (Method::POST, "/v1/admin/images/pull", post(images::pull)),
        (Method::GET, "/v1/admin/jobs", get(jobs::list)),
        (Method::GET, "/v1/admin/jobs/{id}", get(jobs::show)),
        (Method::POST, "/v1/admin/jobs/{id}/cancel", post(jobs::cancel)),
        (Method::GET, "/v1/admin/state", get(state::list)),
        (Method::POST, "/v1/admin/state/backup", post(state::backup)),
        (Method::POST, "/v1/admin/state/restore", post(state::restore)),
        (Method::DELETE, "/v1/admin/state/{slug}", delete(state::purge)),
        (Method::GET, "/v1/admin/store", get(content::list)),
        (Method::POST, "/v1/admin/store/gc", post(content::collect)),
        (Method::GET, "/v1/admin/status", get(status::show)),
        (Method::POST, "/v1/admin/weights/preview", post(weights::preview)),
        (Method::POST, "/v1/admin/weights/submit", post(weights::submit)),
        (Method::GET, "/v1/admin/weights/history", get(weights::history)),
        (
            Method::GET,
            "/v1/admin/weights/epochs/{epoch}",
            get(weights::show),
        ),
        (
            Method::GET,
            "/v1/admin/weights/epochs/{epoch}/answers",
            get(weights::answers),
        ),
        (
            Method::GET,
            "/v1/admin/weights/epochs/{epoch}/inputs",
            get(weights::inputs),
        ),
        (
            Method::POST,
            "/v1/admin/weights/rehearse",
            post(weights::rehearse),
        ),
        (Method::GET, "/v1/admin/weights/status", get(weights::status)),
        (Method::GET, "/v1/admin/chain/status", get(chain::status)),
        (Method::GET, "/v1/admin/chain/metagraph", get(chain::metagraph)),
        (Method::GET, "/v1/admin/chain/preflight", get(chain::preflight)),
    ]
}

/// The whole private side. All that is not `/health` asks for the token first, even a path that does not exist.
pub fn router(state: AdminState) -> Router {
    let listed = listed()
        .into_iter()
        .fold(Router::new(), |router, (_, path, route)| {
            router.route(path, route)
        });
    let private = listed
        .with_state(state.clone())
        .fallback(async || ApiError::no_such_path())
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(from_fn_with_state(state.admin_token, auth::require));
    // Alive, and nothing else: it is open.
    let open = Router::new().route(
        "/health",
        get(async || axum::Json(serde_json::json!({ "status": "ok" }))),
    );
    open.merge(private).layer(map_response(keep_out_of_caches))
}

/// Answers hold configuration, and once a token.
async fn keep_out_of_caches(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::{Request, StatusCode},
    };
    use tower::ServiceExt as _;

    use super::*;
    use crate::challenges::tests::{Host, TOKEN};

    async fn status(
        router: &Router,
        method: &Method,
        path: &str,
        header: Option<(&str, &str)>,
    ) -> StatusCode {
        let mut request = Request::builder().method(method).uri(path);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request.body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn every_admin_route_refuses_a_stranger() {
        let host = Host::start().await;
        let mut routes: Vec<_> = listed()
            .into_iter()
            .map(|(method, path, _)| {
                let path = path.replace("{slug}", "echo").replace("{name}", "KEY");
                (method, path.replace("{epoch}", "1").replace("{id}", "gpu-1"))
            })
            .collect();
        assert_eq!(routes.len(), 50);
        for path in [
            "/v1/admin/nothing",
            "/v1/admin",
            "/v1/admin/",
            "/v1/admin//challenges",
            "/",
            "/x",
        ] {
            routes.push((Method::GET, path.into()));
        }
        routes.push((Method::PUT, "/v1/admin/challenges".into()));
        let wrong = [
            "Bearer wrong",
            "Bearer",
            "Bearer ",
            "",
            "Basic YTpi",
            TOKEN,
            &format!("bearer{TOKEN}"),
        ]
        .map(|value| ("authorization", value.to_owned()));
        let wrong = wrong
            .into_iter()
            .chain(["wrong", "", "Bearer"].map(|value| ("x-admin-token", value.to_owned())));
        let wrong: Vec<_> = wrong.collect();
        for (method, path) in &routes {
            assert_eq!(
                status(&host.router, method, path, None).await,
                StatusCode::UNAUTHORIZED,
                "{method} {path}"
            );
            for (name, value) in &wrong {
                let got = status(&host.router, method, path, Some((name, value))).await;
                assert_eq!(got, StatusCode::UNAUTHORIZED, "{method} {path} {name}: {value}");
            }
            for header in [
                ("authorization", format!("Bearer {TOKEN}")),
                ("x-admin-token", TOKEN.to_owned()),
            ] {
                let got = status(&host.router, method, path, Some((header.0, &header.1))).await;
                assert_ne!(got, StatusCode::UNAUTHORIZED, "{method} {path} {header:?}");
            }
        }
    }

    #[tokio::test]
    async fn health_is_open_and_says_nothing_else() {
        let host = Host::start().await;
        let request = Request::get("/health").body(Body::empty()).unwrap();
        let response = host.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["cache-control"], "no-store");
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(body, r#"{"status":"ok"}"#);
    }

    #[tokio::test]
    async fn a_path_or_method_that_does_not_exist_is_told_to_the_operator() {
        let host = Host::start().await;
        let bearer = format!("Bearer {TOKEN}");
        let header = Some(("authorization", bearer.as_str()));
        for (method, path, expected) in [
            (Method::GET, "/v1/admin/nothing", StatusCode::NOT_FOUND),
            (Method::GET, "/v1/registry", StatusCode::NOT_FOUND),
            (
                Method::PUT,
                "/v1/admin/challenges",
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            (
                Method::GET,
                "/v1/admin/challenges/echo/activate",
                StatusCode::METHOD_NOT_ALLOWED,
            ),
        ] {
            assert_eq!(
                status(&host.router, &method, path, header).await,
                expected,
                "{method} {path}"
            );
        }
    }
}
