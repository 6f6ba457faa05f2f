//! Which GPUs the container was given. A real challenge would load CUDA here.

use std::{env, fs};

use crate::http::quoted;

/// What the engine put there, as JSON.
pub fn seen() -> String {
    let mut devices: Vec<String> = fs::read_dir("/dev")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            name.strip_prefix("nvidia")
                .is_some_and(|n| n.bytes().all(|c| c.is_ascii_digit()))
        })
        .collect();
    devices.sort_unstable();
    let devices: Vec<String> = devices.iter().map(|name| quoted(name)).collect();
    let visible = env::var("NVIDIA_VISIBLE_DEVICES").map_or("null".to_owned(), |visible| quoted(&visible));
    format!(r#"{{"devices":[{}],"visible":{visible}}}"#, devices.join(","))
}
