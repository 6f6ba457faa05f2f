//! A challenge that runs as a container because it wants a GPU: the contract of such challenges in a few hundred lines without
//! dependencies. `serve`, which is also what happens without a word, answers at port 8000; `try NAME` tries something that a
//! container must not be able to do, and says how it went; `MISBEHAVE` in the environment makes the server a bad one. The last
//! two are for the tests of the host.

mod contract;
mod gpu;
mod http;
mod misbehave;
mod tries;
mod work;

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["serve"] => serve(),
        ["try", what, rest @ ..] => {
            let outcome = tries::attempt(what, rest);
            println!("{outcome}");
            ExitCode::SUCCESS
        }
        ["say", stdout, stderr, code] => {
            println!("{stdout}");
            eprintln!("{stderr}");
            ExitCode::from(code.parse::<u8>().unwrap_or_default())
        }
        ["show", file] => match std::fs::read_to_string(file) {
            Ok(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{file}: {error}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("serve, try NAME, say STDOUT STDERR CODE or show FILE");
            ExitCode::from(64)
        }
    }
}

fn serve() -> ExitCode {
    let misbehaviour = env::var("MISBEHAVE").unwrap_or_default();
    misbehave::before(&misbehaviour);
    let challenge = contract::Challenge::from_env(&misbehaviour);
    match http::serve(8000, move |request| challenge.answer(request)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot listen: {error}");
            ExitCode::FAILURE
        }
    }
}
