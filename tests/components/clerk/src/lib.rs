//! Reads its configuration, and keeps a log as well as one can, or as badly: the path says what, the body what is said.

wit_bindgen::generate!({
    path: "../../../wit/0.1.0",
    inline: "
        package platform:clerk;

        world clerk {
            import wasi:config/store@0.2.0-rc.1;
            import wasi:logging/logging@0.1.0-draft;
            export platform:challenge/routes@0.1.0;
            export platform:challenge/weights@0.1.0;
        }

        package wasi:config@0.2.0-rc.1 {
            interface store {
                variant error { upstream(string), io(string) }
                get: func(key: string) -> result<option<string>, error>;
                get-all: func() -> result<list<tuple<string, string>>, error>;
            }
        }

        package wasi:logging@0.1.0-draft {
            interface logging {
                enum level { trace, debug, info, warn, error, critical }
                log: func(level: level, context: string, message: string);
            }
        }
    ",
    generate_all,
});

use exports::platform::challenge::{
    routes::{Error, Guest as Routes, Request, Response},
    weights::{EpochContext, Error as WeightsError, Guest as Weights, Weight},
};
use wasi::{
    config::store,
    logging::logging::{Level, log},
};

struct Clerk;

#[unsafe(link_section = "platform:manifest")]
#[used]
static MANIFEST: [u8; include_bytes!("../manifest.json").len()] = *include_bytes!("../manifest.json");

const LEVELS: [(&str, Level); 6] = [
    ("trace", Level::Trace),
    ("debug", Level::Debug),
    ("info", Level::Info),
    ("warn", Level::Warn),
    ("error", Level::Error),
    ("critical", Level::Critical),
];

impl Routes for Clerk {
    fn handle_route(request: Request) -> Result<Response, Error> {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let mut path = request.path.trim_start_matches('/').split('/');
        let (what, argument) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
        let answer = match what {
            "config" if argument.is_empty() => shown(store::get_all().unwrap()),
            "config" => store::get(argument).unwrap().unwrap_or("none".into()),
            "environment" => shown(std::env::vars().collect()),
            "log" => said(argument, path.next().unwrap_or_default(), &body),
            "levels" => {
                for (name, level) in LEVELS {
                    log(level, "levels", name);
                }
                "fine".into()
            }
            "stdout" => {
                println!("{body}");
                "fine".into()
            }
            "stderr" => {
                eprintln!("{body}");
                "fine".into()
            }
            // So many lines of a kilobyte, each with its number.
            "lines" => {
                for n in 0..argument.parse().unwrap() {
                    log(Level::Info, "lines", &format!("{n} {}", "x".repeat(1_000)));
                }
                "fine".into()
            }
            "flood" => loop {
                log(Level::Critical, "flood", "");
            },
            // A message of 8 MiB, again and again: most of it is line ends.
            "long" => {
                let long = "\n".repeat(8 << 20);
                for _ in 0..4 {
                    log(Level::Info, &long, &long);
                }
                "fine".into()
            }
            "huge" => {
                log(Level::Info, "huge", &"x".repeat(32 << 20));
                "fine".into()
            }
            "control" => {
                let text = "\u{1b}[31mred\u{7}\r\nforged\u{202e}\u{0}\u{2028}line\n";
                log(Level::Info, text, text);
                "fine".into()
            }
            "ask" => loop {
                drop(store::get_all());
                drop(store::get(&body));
            },
            _ => return Err(Error::NotFound(format!("what is {what}?"))),
        };
        Ok(Response {
            status: 200,
            headers: Vec::new(),
            body: answer.into_bytes(),
        })
    }
}

impl Weights for Clerk {
    fn get_weights(_: EpochContext) -> Result<Vec<Weight>, WeightsError> {
        log(Level::Info, "weights", "nobody has earned anything");
        Ok(Vec::new())
    }
}

/// `NAME=VALUE`, a line for each.
fn shown(pairs: Vec<(String, String)>) -> String {
    let lines: Vec<_> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    lines.join("\n")
}

fn said(level: &str, context: &str, message: &str) -> String {
    match LEVELS.iter().find(|(name, _)| *name == level) {
        Some((_, level)) => {
            log(*level, context, message);
            "fine".into()
        }
        None => format!("what is {level}?"),
    }
}

export!(Clerk);
