//! What a challenge said: read, or followed while it speaks.

use std::{fmt::Write as _, time::Duration};

use http::Method;
use platform_domain::{LogLevel, LogSource, Slug, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Client, ClientError, client::challenge, records::RecordStream};

/// A line of a challenge's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLineView {
    /// Its number. Each line has the next one; they begin with 1 when the host starts.
    pub seq: u64,
    /// When it was written, `2026-01-01T00:00:00.123Z`.
    pub time: Timestamp,
    /// How much it matters.
    pub level: LogLevel,
    /// Where it came from.
    pub source: LogSource,
    /// The request in which it was written; `epoch-N` for weights.
    pub request_id: String,
    /// What the challenge says it is about; absent when it does not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub context: String,
    /// What it says.
    pub text: String,
    /// Lines before it that were dropped because the challenge logged too much; absent when there were none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
}

/// `GET /v1/admin/challenges/{slug}/logs`: the newest lines since the host started, or those after a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogList {
    /// The challenge.
    pub slug: Slug,
    /// The oldest first.
    pub lines: Vec<LogLineView>,
    /// Lines after the number that was asked for that are no longer kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed: u64,
    /// What to ask for next: the log was looked at up to this number.
    pub last: u64,
}

/// A line of the answer to `GET /v1/admin/challenges/{slug}/logs?follow=true`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LogRecord {
    /// So many lines are no longer kept: whoever follows was too slow.
    Gap {
        /// How many.
        gap: u64,
    },
    /// A line of the log.
    Line(LogLineView),
}

/// Which lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// How many at most; the host's usual number when absent.
    pub limit: Option<u32>,
    /// Those after this number; the newest when absent.
    pub after: Option<u64>,
    /// Those that matter so much; all when absent.
    pub level: Option<LogLevel>,
}

/// What a challenge says, as it says it; it ends when the challenge is gone or the host stops.
pub type LogStream = RecordStream<LogRecord>;

/// How often a host that has nothing to tell says so to whoever follows a log, with an empty line.
pub const LOG_HEARTBEAT: Duration = Duration::from_secs(15);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl LogQuery {
    fn path(self, slug: &Slug, follow: bool) -> String {
        let Self { limit, after, level } = self;
        let mut path = format!("{}/logs?follow={follow}", challenge(slug));
        // A text takes everything that is written to it.
        if let Some(limit) = limit {
            let _ = write!(path, "&limit={limit}");
        }
        if let Some(after) = after {
            let _ = write!(path, "&after={after}");
        }
        if let Some(level) = level {
            let _ = write!(path, "&level={level}");
        }
        path
    }
}

impl Client {
    /// What a challenge said since the host started.
    pub async fn challenge_logs(&self, slug: &Slug, query: LogQuery) -> Result<LogList, ClientError> {
        self.get(&query.path(slug, false)).await
    }

    /// What a challenge says from now on, after what it said.
    pub async fn challenge_logs_follow(
        &self,
        slug: &Slug,
        query: LogQuery,
    ) -> Result<LogStream, ClientError> {
        let path = query.path(slug, true);
        Ok(LogStream::new(self.open(Method::GET, &path, None).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_line_or_a_gap_and_leaves_out_what_there_is_not() {
        let json = r#"{"seq":7,"time":"2026-01-01T00:00:00.123Z","level":"warn","source":"stderr","request_id":"r1","text":"hot"}"#;
        let LogRecord::Line(line) = serde_json::from_str(json).unwrap() else {
            panic!("it is a line")
        };
        assert_eq!(
            (line.seq, &*line.text, &*line.context, line.dropped),
            (7, "hot", "", 0)
        );
        assert_eq!(serde_json::to_string(&LogRecord::Line(line)).unwrap(), json);
        let gap: LogRecord = serde_json::from_str(r#"{"gap":3}"#).unwrap();
        assert_eq!(gap, LogRecord::Gap { gap: 3 });
        for bad in ["{}", "[]", r#"{"gap":-1}"#, r#"{"seq":7}"#] {
            assert!(serde_json::from_str::<LogRecord>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_query_asks_for_what_it_names() {
        let slug = "tsp".parse().unwrap();
        let path = LogQuery::default().path(&slug, false);
        assert_eq!(path, "/v1/admin/challenges/tsp/logs?follow=false");
        let query = LogQuery {
            limit: Some(3),
            after: Some(7),
            level: Some(LogLevel::Warn),
        };
        let path = query.path(&slug, true);
        assert!(
            path.ends_with("?follow=true&limit=3&after=7&level=warn"),
            "{path}"
        );
    }
}
