//! What a challenge said, over HTTP: a list, or lines of JSON for as long as somebody listens.
//!
//! Who follows takes a piece of the log when the piece before is sent, and no sooner. A client that does not read keeps
//! its connection and nothing else, until the listener has enough of it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use platform_admin_types::{LOG_HEARTBEAT, LogLineView, LogList, LogRecord};
use platform_domain::LogLevel;
use platform_registry::{FollowFrom, Follower, LogLine, LogPage};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::{AdminState, ApiError, Json, slug::SlugPath};

/// More lines than anyone reads at once; who wants more asks for those after the last one.
const MAX_LINES: usize = 1_000;
const DEFAULT_LINES: usize = 100;

/// The query as it is written, so that a refusal can name what is wrong.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Written {
    limit: Option<String>,
    after: Option<String>,
    level: Option<String>,
    follow: Option<String>,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    most: usize,
    after: Option<u64>,
    level: LogLevel,
    follow: bool,
}

pub(crate) async fn read(
    State(state): State<AdminState>,
    SlugPath(slug): SlugPath,
    query: Result<Query<Written>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(written) = query.map_err(|_| {
        ApiError::invalid_field(
            "query",
            "known are limit, after, level and follow, each of them once",
        )
    })?;
    let Asked {
        most,
        after,
        level,
        follow,
    } = asked(written)?;
    let slug = state.registry.challenge_get(&slug).await?.slug;
    if follow {
        let from = after.map_or(FollowFrom::Newest(most), FollowFrom::After);
        let follower = state.registry.follow_log(&slug, level, from);
        let follower = follower.ok_or_else(too_many)?;
        let body = following(follower, state.stop, LOG_HEARTBEAT);
        return Ok(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response());
    }
    let log = state.registry.log(&slug);
    let LogPage { lines, missed, last } = match after {
        Some(seq) => log.after(seq, level, most),
        None => log.newest(level, most),
    };
    let lines = lines.iter().map(line_view).collect();
    let list = LogList {
        slug,
        lines,
        missed,
        last,
    };
    Ok(Json(list).into_response())
}

fn asked(written: Written) -> Result<Asked, ApiError> {
    let Written {
        limit,
        after,
        level,
        follow,
    } = written;
    let follow = match follow.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(ApiError::invalid_field("follow", "it is true or false")),
    };
    if follow && after.is_some() && limit.is_some() {
        let reason = "who follows gets all lines after a number";
        return Err(ApiError::invalid_field("limit", reason));
    }
    let most = match limit {
        None => DEFAULT_LINES,
        Some(text) => match text.parse() {
            Ok(most) if most <= MAX_LINES => most,
            _ => {
                let reason = format!("a number from 0 to {MAX_LINES}");
                return Err(ApiError::invalid_field("limit", reason));
            }
        },
    };
    let after = after.map(|text| text.parse()).transpose();
    let after = after.map_err(|_| ApiError::invalid_field("after", "the number of a line"))?;
    let level = level.map_or(Ok(LogLevel::Trace), |text| text.parse());
    let level = level.map_err(|error| ApiError::invalid_field("level", error.to_string()))?;
    Ok(Asked {
        most,
        after,
        level,
        follow,
    })
}

fn too_many() -> ApiError {
    let message = "too many follow logs already";
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_followers", message)
        .hint("end one that nobody reads, or ask for lines again and again with after=SEQ")
}

/// A line of JSON for each record, until the challenge is gone or the host stops. An empty one now and then finds out
/// who is gone, and tells the others that the host is not.
fn following(follower: Follower, stop: CancellationToken, heartbeat: Duration) -> Body {
    let pieces = stream::unfold((follower, stop), move |(mut follower, stop)| async move {
        let piece = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            page = follower.next() => records(page?),
            () = tokio::time::sleep(heartbeat) => Bytes::from_static(b"\n"),
        };
        Some((Ok::<_, Infallible>(piece), (follower, stop)))
    });
    Body::from_stream(pieces)
}

fn records(page: LogPage) -> Bytes {
    let LogPage {
        lines,
        missed,
        last: _,
    } = page;
    let gap = (missed > 0).then_some(LogRecord::Gap { gap: missed });
    let lines = lines.iter().map(|line| LogRecord::Line(line_view(line)));
    let mut bytes = Vec::new();
    for record in gap.into_iter().chain(lines) {
        // Numbers and texts have a form in JSON, and memory takes what is written to it.
        if serde_json::to_writer(&mut bytes, &record).is_ok() {
            bytes.push(b'\n');
        }
    }
    bytes.into()
}

fn line_view(line: &Arc<LogLine>) -> LogLineView {
    let LogLine {
        seq,
        at,
        level,
        source,
        request_id,
        context,
        text,
        dropped,
    } = &**line;
    LogLineView {
        seq: *seq,
        time: *at,
        level: *level,
        source: *source,
        request_id: request_id.to_string(),
        context: context.to_string(),
        text: text.to_string(),
        dropped: *dropped,
    }
}

#[cfg(test)]
mod tests;
