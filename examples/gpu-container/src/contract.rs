//! What a host asks of a challenge in a container: how it is, what it is, its weights; and its public routes.

use std::{
    env, fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    gpu,
    http::{Answer, Request, quoted},
    misbehave,
    work::Work,
};

/// The contract's version.
const API: &str = "1.0";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const CAPABILITIES: &str = r#"["get_weights","proxy_routes"]"#;

/// The challenge and what it was told.
pub struct Challenge {
    slug: String,
    token_file: Option<PathBuf>,
    misbehaviour: String,
    work: Work,
}

impl Challenge {
    pub fn from_env(misbehaviour: &str) -> Self {
        Self {
            slug: env::var("PLATFORM_CHALLENGE_SLUG").unwrap_or_else(|_| "gpu-container".to_owned()),
            token_file: env::var_os("CHALLENGE_SHARED_TOKEN_FILE").map(PathBuf::from),
            misbehaviour: misbehaviour.to_owned(),
            work: Work::new(PathBuf::from("/data")),
        }
    }

    pub fn answer(&self, request: &Request) -> Answer {
        if let Some(answer) = misbehave::instead(&self.misbehaviour, &request.path) {
            return answer;
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/health") => {
                let slug = quoted(&self.slug);
                Answer::new(
                    200,
                    format!(r#"{{"status":"ok","slug":{slug},"version":"{VERSION}"}}"#),
                )
            }
            ("GET", "/version") => Answer::new(
                200,
                format!(
                    r#"{{"api_version":"{API}","challenge_version":"{VERSION}","sdk_version":"{VERSION}","capabilities":{CAPABILITIES}}}"#
                ),
            ),
            ("GET", "/internal/v1/get_weights") => self.weights(request),
            ("GET", "/gpus") => Answer::new(200, gpu::seen()),
            ("POST", "/work") => self.work(request),
            (_, "/health" | "/version" | "/internal/v1/get_weights" | "/gpus" | "/work") => {
                Answer::new(405, r#"{"detail":"Method Not Allowed"}"#)
            }
            _ => Answer::new(404, r#"{"detail":"Not Found"}"#),
        }
    }

    /// The host shows the token that both know, and says whom it means.
    fn weights(&self, request: &Request) -> Answer {
        let refused = |status, detail| Answer::new(status, format!(r#"{{"detail":"{detail}"}}"#));
        let token = self
            .token_file
            .as_ref()
            .and_then(|file| fs::read_to_string(file).ok());
        let Some(token) = token
            .map(|token| token.trim().to_owned())
            .filter(|token| !token.is_empty())
        else {
            return refused(503, "Challenge token is not configured");
        };
        let shown = request
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        if !shown.is_some_and(|shown| is_same(shown.as_bytes(), token.as_bytes())) {
            return refused(401, "Invalid internal authorization");
        }
        if request.header("x-platform-challenge-slug") != Some(&self.slug) {
            return refused(400, "Invalid challenge slug header");
        }
        let weights: Vec<String> = self
            .work
            .done()
            .into_iter()
            .map(|(hotkey, count)| format!("{}:{count}.0", quoted(&hotkey)))
            .collect();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        Answer::new(
            200,
            format!(
                r#"{{"challenge_slug":{},"epoch":{now},"weights":{{{}}},"metadata":{{}},"computed_at":"{}"}}"#,
                quoted(&self.slug),
                weights.join(","),
                moment(now)
            ),
        )
    }

    /// A little arithmetic for whoever the host says has asked.
    fn work(&self, request: &Request) -> Answer {
        let hotkey = request.header("x-platform-verified-hotkey").unwrap_or_default();
        match self.work.more(hotkey) {
            Ok((result, count)) => Answer::new(200, format!(r#"{{"result":{result},"count":{count}}}"#)),
            Err(error) => {
                eprintln!("the count cannot be kept: {error}");
                Answer::new(500, r#"{"detail":"the count cannot be kept"}"#)
            }
        }
    }
}

/// In a time that does not tell how much of it was right.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differs = one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b));
    one.len() == other.len() && differs == 0
}

/// Seconds since 1970 as a date and a time, in UTC.
fn moment(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!(
        "{:04}-{month:02}-{of_month:02}T{hour:02}:{minute:02}:{second:02}Z",
        400 * era + year + next
    )
}
