//! Tries to reach what is not its own and says what it could do: each attempt with `ok` or the error.

use std::{fs, io, path::Path};

use platform_guest_sdk::prelude::*;
use serde_json::{Map, Value, json};

struct Files;

/// A hundred of them in one another are deeper than any path.
const DEEP: &str = "/data/deep-in-directories-of-long-names";
const DEEPER: &str = "/data/around/deep-in-directories-of-long-names";

const OUTSIDE: [&str; 9] = [
    "/",
    ".",
    "/etc/passwd",
    "../../etc/passwd",
    "/data/../etc/passwd",
    "/data/..",
    "/data/./../../proc/self/environ",
    "/data/ladder/ladder/../../../etc/passwd",
    "/dev/null",
];

#[challenge(name = "files", data = exclusive)]
impl Files {
    #[get("/escape")]
    fn escape(_: &Request) -> Result<Json<Value>> {
        let mut report = Map::new();
        let mut tell = |what: String, result: io::Result<String>| {
            let text = result.map_or_else(|error| error.to_string(), |found| format!("ok {found}"));
            report.insert(what, Value::from(text));
        };
        fs::create_dir_all("/data/ladder/ladder")?;
        for path in OUTSIDE {
            tell(
                format!("read {path}"),
                fs::read(path).map(|bytes| bytes.len().to_string()),
            );
            tell(
                format!("list {path}"),
                fs::read_dir(path).map(|entries| entries.count().to_string()),
            );
            let target = Path::new(path).join("planted");
            tell(
                format!("write {}", target.display()),
                fs::write(&target, "x").map(|()| String::new()),
            );
        }
        // A link is made inside and followed outside.
        for (name, target) in [
            ("absolute", "/etc/passwd"),
            ("relative", "../../../../../etc/passwd"),
            ("up", ".."),
        ] {
            let link = format!("/data/{name}");
            #[expect(
                deprecated,
                reason = "the one way to make a symbolic link in stable std on WASI"
            )]
            tell(
                format!("link {name}"),
                fs::soft_link(target, &link).map(|()| String::new()),
            );
            tell(
                format!("read through {name}"),
                fs::read(&link).map(|bytes| bytes.len().to_string()),
            );
            tell(
                format!("list through {name}"),
                fs::read_dir(&link).map(|entries| entries.count().to_string()),
            );
            let planted = format!("{link}/planted");
            tell(
                format!("write through {name}"),
                fs::write(planted, "x").map(|()| String::new()),
            );
        }
        tell(
            "hard link in".into(),
            fs::hard_link("/etc/passwd", "/data/hard").map(|()| String::new()),
        );
        tell(
            "write inside".into(),
            fs::write("/data/inside", "x").map(|()| String::new()),
        );
        tell(
            "rename out".into(),
            fs::rename("/data/inside", "/data/../outside").map(|()| String::new()),
        );
        for target in ["/data", "/data/.", "/etc/passwd", "/data/ladder/../../data"] {
            tell(
                format!("rename over {target}"),
                fs::rename("/data/inside", target).map(|()| String::new()),
            );
        }
        tell(
            "rename the root".into(),
            fs::rename("/data", "/data/ladder/data").map(|()| String::new()),
        );
        tell(
            "remove the root".into(),
            fs::remove_dir("/data").map(|()| String::new()),
        );
        tell("read inside".into(), fs::read_to_string("/data/inside"));
        Ok(Json(Value::Object(report)))
    }

    /// What the host told it without being asked.
    #[get("/surroundings")]
    fn surroundings(_: &Request) -> Result<Json<Value>> {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        let variables: Map<_, _> = std::env::vars_os()
            .map(|(n, v)| (text(n), Value::from(text(v))))
            .collect();
        let arguments: Vec<_> = std::env::args_os().map(text).collect();
        let input = io::read_to_string(io::stdin()).unwrap_or_else(|error| error.to_string());
        Ok(Json(
            json!({ "variables": variables, "arguments": arguments, "stdin": input }),
        ))
    }

    /// Directories in directories, deeper than any path can name; says how deep, at most 1500. Once is enough.
    #[post("/deep")]
    fn deep(_: &Request) -> Result<Json<Value>> {
        let mut depth = 0;
        if let Err(there) = fs::create_dir(DEEP) {
            return Ok(Json(json!({ "depth": depth, "refused": there.to_string() })));
        }
        let refused = loop {
            let around = fs::create_dir("/data/around")
                .and_then(|()| fs::rename(DEEP, DEEPER))
                .and_then(|()| fs::rename("/data/around", DEEP));
            match around {
                Ok(()) if depth < 1500 => depth += 1,
                Ok(()) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        Ok(Json(json!({ "depth": depth, "refused": refused })))
    }
}
