//! How a challenge can be a bad one as a whole. For the tests of the host.

use std::{
    io::{self, Write as _},
    process, thread,
    time::Duration,
};

use crate::http::Answer;

/// Before it serves.
pub fn before(how: &str) {
    match how {
        "exit" => {
            eprintln!("I do not want to");
            process::exit(3);
        }
        "flood" => {
            // As fast as the engine takes it, in lines that are longer than any log has.
            drop(thread::spawn(|| {
                let line = vec![b'x'; 1 << 20];
                let mut stdout = io::stdout().lock();
                while stdout
                    .write_all(&line)
                    .and_then(|()| stdout.write_all(b"\n"))
                    .is_ok()
                {}
            }));
        }
        "deaf" => loop {
            thread::park();
        },
        _ => {}
    }
}

/// Instead of an honest answer.
pub fn instead(how: &str, path: &str) -> Option<Answer> {
    match (how, path) {
        ("unhealthy", "/health") => Some(Answer::new(503, r#"{"status":"starting"}"#)),
        ("other-slug", "/health") => Some(Answer::new(
            200,
            r#"{"status":"ok","slug":"somebody-else","version":"1.0.0"}"#,
        )),
        ("huge", _) | ("huge-later", "/gpus" | "/internal/v1/get_weights") => {
            let mut answer = Answer::new(200, "");
            answer.padding = 1 << 30;
            Some(answer)
        }
        ("hang", _) | ("hang-later", "/gpus") => loop {
            thread::sleep(Duration::from_secs(3600));
        },
        _ => None,
    }
}
