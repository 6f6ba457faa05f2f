//! The challenge `echo` as a container: the code of the component, compiled for the machine, behind a server that keeps the contract
//! of containers. It is what a component is compared to, and shows what a container has to bring that a component need not.

use std::{collections::BTreeMap, env, fs, io, path::PathBuf, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, StatusCode, Uri, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::get,
};
use echo::Echo;
use platform_guest_sdk::testing::{Harness, request};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const BODY_BYTES: usize = 1024 * 1024;

/// A refusal as the host knows it.
type Refused = (StatusCode, Json<Value>);

/// What the host tells it.
struct Told {
    slug: String,
    token_file: Option<PathBuf>,
    weights: String,
}

impl Told {
    fn from_env() -> Self {
        Self {
            slug: env::var("PLATFORM_CHALLENGE_SLUG").unwrap_or_else(|_| "echo".to_owned()),
            token_file: env::var_os("CHALLENGE_SHARED_TOKEN_FILE").map(PathBuf::from),
            weights: env::var("WEIGHTS").unwrap_or_else(|_| "{}".to_owned()),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", 8000)).await?;
    axum::serve(listener, router(Told::from_env())).await
}

fn router(told: Told) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/version", get(version))
        .route("/internal/v1/get_weights", get(weights))
        .fallback(echo)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(Arc::new(told))
}

async fn health(State(told): State<Arc<Told>>) -> Json<Value> {
    Json(json!({ "status": "ok", "slug": told.slug, "version": VERSION }))
}

async fn version() -> Json<Value> {
    let capabilities = ["get_weights", "proxy_routes"];
    Json(
        json!({ "api_version": "1.0", "challenge_version": VERSION, "sdk_version": VERSION, "capabilities": capabilities }),
    )
}

/// The host shows the token that both know.
async fn weights(State(told): State<Arc<Told>>, headers: HeaderMap) -> Result<Json<Value>, Refused> {
    let refused = |status, detail: &str| (status, Json(json!({ "detail": detail })));
    let token = told
        .token_file
        .as_ref()
        .and_then(|file| fs::read_to_string(file).ok());
    let token = token.unwrap_or_default();
    let expected = format!("Bearer {}", token.trim());
    let shown = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    if token.trim().is_empty() || !shown.is_some_and(|shown| is_same(shown, expected.as_bytes())) {
        return Err(refused(
            StatusCode::UNAUTHORIZED,
            "Invalid internal authorization",
        ));
    }
    let harness = Harness::<Echo>::new().config("WEIGHTS", told.weights.as_str());
    let weights = harness
        .weights(&harness.moment())
        .map_err(|error| refused(StatusCode::INTERNAL_SERVER_ERROR, error.message()))?;
    let weights: BTreeMap<_, _> = weights.entries().iter().cloned().collect();
    Ok(Json(json!({ "challenge_slug": told.slug, "weights": weights })))
}

/// In a time that does not tell how much of it was right.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differs = one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b));
    one.len() == other.len() && differs == 0
}

async fn echo(method: Method, target: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let target = target.path_and_query().map_or("/", |target| target.as_str());
    let mut asked = request(method.as_str(), target).body(body);
    for (name, value) in &headers {
        asked = asked.header(name.as_str(), value.as_bytes());
    }
    let verified = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(hotkey) = verified("x-platform-verified-hotkey") {
        let uid = verified("x-platform-verified-uid").and_then(|uid| uid.parse().ok());
        asked = asked.caller(hotkey, uid);
    }
    let answer = Harness::<Echo>::new().send(asked);
    let response = answer.response();
    let status = StatusCode::from_u16(response.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = response.body().to_vec();
    (status, [("content-type", "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpStream,
    };

    use super::*;

    /// The status and the JSON of the answer to a request without its version and end.
    fn ask(at: &str, request: &str, body: &str) -> (u16, Value) {
        let (line, headers) = request.split_once('\n').unwrap_or((request, ""));
        let mut stream = TcpStream::connect(at).unwrap();
        let length = body.len();
        write!(
            stream,
            "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (
            head.split(' ').nth(1).unwrap().parse().unwrap(),
            serde_json::from_str(body).unwrap(),
        )
    }

    #[test]
    fn the_challenge_keeps_the_contract_of_containers() {
        let token_file = env::temp_dir().join(format!("echo-container-{}", std::process::id()));
        fs::write(&token_file, "secret\n").unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let told = Told {
            slug: "mirror".to_owned(),
            token_file: Some(token_file.clone()),
            weights: r#"{"5Bob": 2}"#.to_owned(),
        };
        runtime.spawn(async { axum::serve(listener, router(told)).await });
        assert_eq!(
            ask(&at, "GET /health", ""),
            (200, json!({"status": "ok", "slug": "mirror", "version": VERSION}))
        );
        assert_eq!(ask(&at, "GET /version", "").1["api_version"], "1.0");
        let (status, answer) = ask(
            &at,
            "POST /a%2Fb?x=1\nx-platform-verified-hotkey: 5Alice\r\nx-platform-verified-uid: 7\r\n",
            "hi",
        );
        assert_eq!(
            (status, &answer["path"], &answer["query"]),
            (200, &json!("/a%2Fb"), &json!("x=1"))
        );
        assert_eq!(
            (&answer["body_base64"], &answer["caller"]["uid"]),
            (&json!("aGk="), &json!(7))
        );
        for (shown, expected) in [
            (
                "secret",
                (200, json!({"challenge_slug": "mirror", "weights": {"5Bob": 2.0}})),
            ),
            (
                "other",
                (401, json!({"detail": "Invalid internal authorization"})),
            ),
        ] {
            let request = format!("GET /internal/v1/get_weights\nauthorization: Bearer {shown}\r\n");
            assert_eq!(ask(&at, &request, ""), expected);
        }
        fs::remove_file(token_file).unwrap();
    }
}
