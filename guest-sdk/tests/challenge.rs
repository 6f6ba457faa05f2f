//! A challenge as an author writes it, seen as a client and as the host would see it.

use platform_domain::{DataMode, Manifest, RouteRule};
use platform_guest_sdk::{
    Challenge,
    prelude::*,
    testing::{Harness, get, post, request},
};
use serde::{Deserialize, Serialize};

struct Notes;

#[derive(Debug, Deserialize, Serialize, PartialEq)]
struct Note {
    text: String,
    stars: u8,
}

#[challenge(
    name = "notes",
    description = "Keeps \"notes\".",
    version = "2.0.0-rc.1",
    data = exclusive,
    instances = "warm(1, 50)",
    limits(memory = "64MiB", route_ms = 500, weights_ms = 1_000),
)]
impl Notes {
    #[get("/notes/latest")]
    fn latest(_: &Request) -> Result<Response> {
        Ok(Response::json(&"latest")?
            .with_header("X-Kind", "fixed")
            .with_status(203))
    }

    #[get("/notes/{owner}/{number}")]
    #[delete("/notes/{owner}/{number}")]
    fn one(request: &Request) -> Result<String> {
        let number: u32 = request.param("number")?;
        Ok(format!(
            "{} {} {number}",
            request.method(),
            request.param::<String>("owner")?
        ))
    }

    #[post("/notes", signed, max_body = 64)]
    fn add(request: &Request) -> Result<(u16, Json<Note>)> {
        let note: Note = request.json()?;
        match note.stars {
            0..=5 => {}
            6 => return Err(Error::new(418, "six stars")),
            _ => return Err(Error::conflict("too many stars")),
        }
        std::fs::write(Self::file(request.environment())?, &note.text)?;
        Ok((201, Json(note)))
    }

    #[get("/broken/{how}")]
    fn broken(request: &Request) -> Result<Response> {
        let answer = Response::text("x");
        Ok(match request.param::<String>("how")?.as_str() {
            "status" => answer.with_status(99),
            "value" => answer.with_header("x-split", "a\r\nb"),
            "name" => answer.with_header("x y", "a"),
            _ => Err(std::io::Error::other("the password is 1234"))?,
        })
    }

    #[put("/nothing")]
    fn nothing(_: &Request) -> Result<()> {
        Ok(())
    }

    #[weights]
    fn weights(context: &WeightsContext) -> Result<Weights> {
        let text = std::fs::read_to_string(Self::file(context.environment())?)?;
        Weights::from_scores([(text, context.epoch as f64)])
    }

    fn file(environment: &Environment) -> Result<std::path::PathBuf> {
        Ok(environment.data_dir()?.join("note"))
    }
}

struct Silent;

#[challenge(name = "silent")]
impl Silent {
    #[any]
    fn any(request: &Request) -> Result<String> {
        Ok(format!(
            "{} {:?}",
            request.path(),
            request.environment().data_dir().is_err()
        ))
    }
}

#[test]
fn the_router_answers_what_no_handler_does() {
    let notes = Harness::<Notes>::new();
    for (method, target, status, body) in [
        ("GET", "/notes/latest", 203, "\"latest\""),
        ("HEAD", "/notes/latest", 203, "\"latest\""),
        ("GET", "/notes/a%2Fb/7", 200, "GET a/b 7"),
        ("DELETE", "/notes/a/7?x=y", 200, "DELETE a 7"),
        (
            "GET",
            "/notes/a/seven",
            400,
            r#"{"error":{"code":"bad_request","message":"\"seven\" is not a valid number"}}"#,
        ),
        ("PUT", "/nothing", 204, ""),
        (
            "GET",
            "/",
            404,
            r#"{"error":{"code":"not_found","message":"there is nothing at /"}}"#,
        ),
        (
            "GET",
            "/notes/latest/",
            404,
            r#"{"error":{"code":"not_found","message":"there is nothing at /notes/latest/"}}"#,
        ),
        (
            "PATCH",
            "/notes",
            405,
            r#"{"error":{"code":"method_not_allowed","message":"PATCH is not served here"}}"#,
        ),
        (
            "POST",
            "/notes",
            401,
            r#"{"error":{"code":"unauthorized","message":"this needs a signed request"}}"#,
        ),
    ] {
        let answer = notes.send(request(method, target));
        assert_eq!(
            (answer.status(), answer.text()),
            (status, body),
            "{method} {target}"
        );
    }
    let error = notes.send(get("/broken/x")).error().map(ToString::to_string);
    assert_eq!(error.as_deref(), Some("500 the password is 1234"));
    let refused = notes.send(request("PATCH", "/notes/a/7"));
    assert_eq!(refused.response().header("allow"), Some("DELETE, GET, HEAD"));
    assert_eq!(
        notes.send(get("/notes/latest")).response().header("x-kind"),
        Some("fixed")
    );
}

#[test]
fn a_handlers_error_has_the_status_it_chose() {
    let notes = Harness::<Notes>::new();
    let send = |body: &str| notes.send(post("/notes").body(body).caller("5Alice", Some(1)));
    for (body, status) in [
        (r#"{"text":"a","stars":5}"#, 201),
        (r#"{"text":"a","stars":6}"#, 418),
        (r#"{"text":"a","stars":7}"#, 409),
        (r#"{"text":"a","stars":256}"#, 422),
        (r#"{"text":"a"}"#, 422),
        ("stars", 400),
        (&" ".repeat(65), 413),
    ] {
        assert_eq!(send(body).status(), status, "{body}");
    }
    for how in ["status", "value", "name", "other"] {
        let answer = notes.send(get(&format!("/broken/{how}")));
        assert_eq!(answer.status(), 500, "{how}");
        assert_eq!(
            answer.text(),
            r#"{"error":{"code":"challenge_error","message":"Challenge error"}}"#
        );
    }
}

#[test]
fn what_a_route_wrote_the_weights_read() {
    let notes = Harness::<Notes>::new();
    assert_eq!(notes.weights(&notes.moment()).unwrap_err().status(), 500);
    let note = Note {
        text: "5Alice".into(),
        stars: 3,
    };
    let answer = notes.send(post("/notes").json(&note).caller("5Bob", None));
    assert_eq!(answer.json::<Note>(), note);
    let moment = WeightsContext {
        epoch: 9,
        ..notes.moment()
    };
    assert_eq!(
        notes.weights(&moment).unwrap().entries(),
        [("5Alice".to_owned(), 9.0)]
    );
    let other = Harness::<Notes>::new();
    assert!(
        other.weights(&other.moment()).is_err(),
        "every harness has a directory of its own"
    );
}

#[test]
fn the_host_reads_in_the_manifest_what_the_author_wrote() {
    let manifest = Manifest::parse(Notes::MANIFEST.as_bytes()).unwrap();
    let rule = |method: &str, pattern: &str, signed, max_body| RouteRule {
        method: method.into(),
        pattern: pattern.into(),
        signed,
        max_body,
    };
    assert_eq!(
        manifest.routes,
        [
            rule("GET", "/notes/latest", false, None),
            rule("GET", "/notes/{owner}/{number}", false, None),
            rule("DELETE", "/notes/{owner}/{number}", false, None),
            rule("POST", "/notes", true, Some(64)),
            rule("GET", "/broken/{how}", false, None),
            rule("PUT", "/nothing", false, None),
        ]
    );
    assert_eq!(
        (manifest.name.as_str(), manifest.version.as_str()),
        ("notes", "2.0.0-rc.1")
    );
    assert_eq!(manifest.description.as_deref(), Some("Keeps \"notes\"."));
    assert_eq!(manifest.data, DataMode::Exclusive);
    assert_eq!(manifest.instances.unwrap().to_string(), "warm(1, 50, 60s)");
    assert_eq!(manifest.limits.memory.unwrap().0, 64 << 20);
    assert_eq!(
        (manifest.limits.route_ms, manifest.limits.weights_ms),
        (Some(500), Some(1000))
    );

    let silent = Manifest::parse(Silent::MANIFEST.as_bytes()).unwrap();
    assert_eq!(
        (silent.version.as_str(), silent.data),
        (env!("CARGO_PKG_VERSION"), DataMode::None)
    );
    assert!(silent.routes.is_empty() && silent.instances.is_none());
    assert_eq!(Harness::<Silent>::new().send(get("/a/b")).text(), "/a/b true");
}
