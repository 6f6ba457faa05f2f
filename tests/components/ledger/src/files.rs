//! Blobs: `put NAME SIZE`, `get NAME`, one after the other.

use std::mem;

use crate::{
    Answer,
    platform::challenge::blobs::{self, Download, Error, Upload},
};

pub(crate) fn answer(commands: &str) -> Answer {
    let mut answers = Vec::new();
    for command in commands.lines() {
        let words: Vec<_> = command.split(' ').collect();
        let answer = match words[..] {
            ["put", name, size] => put(name, size.parse().map_err(|_| "what size?")?),
            ["get", name] => get(name),
            ["delete", name] => blobs::delete(name).map(|gone| gone.to_string()),
            ["list", prefix] => blobs::list(prefix, None, 100).map(|all| {
                let names: Vec<_> = all.into_iter().map(|info| info.name).collect();
                names.join(",")
            }),
            ["forget", size] => forget(size.parse().map_err(|_| "what size?")?),
            ["open", many] => open(many.parse().map_err(|_| "how many?")?),
            _ => return Err(format!("what is {command}?")),
        };
        answers.push(answer.unwrap_or_else(said));
    }
    Ok(answers.join("\n"))
}

fn said(error: Error) -> String {
    match error {
        Error::NotFound => "not found".into(),
        Error::Full => "full".into(),
        Error::Misuse(text) | Error::Failed(text) => text,
    }
}

/// So many bytes, in pieces.
fn put(name: &str, size: usize) -> Result<String, Error> {
    let upload = Upload::start()?;
    let piece = [7; 64 << 10];
    let mut left = size;
    while left > 0 {
        let step = left.min(piece.len());
        upload.write(&piece[..step])?;
        left -= step;
    }
    let info = Upload::finish(upload, name)?;
    Ok(format!(
        "{} {:02x}{:02x}",
        info.size, info.sha256[0], info.sha256[1]
    ))
}

fn get(name: &str) -> Result<String, Error> {
    let download = Download::open(name)?;
    let mut size = 0;
    loop {
        match download.read(100_000)?.len() {
            0 => return Ok(size.to_string()),
            some => size += some,
        }
    }
}

/// Leaves an upload as it is.
fn forget(size: usize) -> Result<String, Error> {
    let upload = Upload::start()?;
    upload.write(&vec![1; size])?;
    mem::forget(upload);
    Ok("forgotten".into())
}

fn open(many: usize) -> Result<String, Error> {
    let all: Result<Vec<_>, _> = (0..many).map(|_| Upload::start()).collect();
    Ok(all?.len().to_string())
}
