//! Keys and values: `set NAME VALUE`, `get NAME`, one after the other.

use crate::{
    Answer,
    platform::challenge::kv::{Bucket, Change, Error},
};

pub(crate) fn answer(bucket: &str, commands: &str) -> Answer {
    let bucket = Bucket::open(bucket).map_err(text)?;
    let mut answers = Vec::new();
    for command in commands.lines() {
        let words: Vec<_> = command.split(' ').collect();
        answers.push(match words[..] {
            ["set", key, value] => {
                bucket.set(key, value.as_bytes()).map_err(text)?;
                "set".to_owned()
            }
            ["get", key] => match bucket.get(key).map_err(text)? {
                Some(value) => String::from_utf8_lossy(&value).into_owned(),
                None => "none".to_owned(),
            },
            ["delete", key] => bucket.delete(key).map_err(text)?.to_string(),
            ["list", prefix] => bucket.list(prefix, None, 100).map_err(text)?.join(","),
            ["swap", key, before, after] => {
                let changes = [
                    Change::Check((key.to_owned(), Some(before.as_bytes().to_vec()))),
                    Change::Set((key.to_owned(), after.as_bytes().to_vec())),
                ];
                bucket.apply(&changes).map_err(text)?.to_string()
            }
            ["open", many] => {
                let many = many.parse().map_err(|_| "how many?")?;
                let all: Result<Vec<_>, _> = (1..many).map(|_| Bucket::open("more")).collect();
                all.map_err(text)?.len().to_string()
            }
            _ => return Err(format!("what is {command}?")),
        });
    }
    Ok(answers.join("\n"))
}

fn text(error: Error) -> String {
    format!("{}: {}", error.code, error.message)
}
