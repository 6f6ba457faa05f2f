//! `platform challenge logs`: what a challenge said, and what it says.

use std::{
    fmt::Write as _,
    io::{self, ErrorKind},
};

use platform_admin_types::{Client, LogLineView, LogList, LogQuery, LogRecord};

use crate::{cli::challenge::LogsArgs, output::Output};

pub(crate) async fn run(args: LogsArgs, client: &Client, output: Output) -> anyhow::Result<()> {
    let LogsArgs {
        slug,
        follow,
        limit,
        level,
    } = args;
    let query = LogQuery {
        limit: Some(limit),
        after: None,
        level,
    };
    if !follow {
        return output.show(&client.challenge_logs(&slug, query).await?, list_text);
    }
    let mut records = client.challenge_logs_follow(&slug, query).await?;
    while let Some(record) = records.next().await? {
        match output.show(&record, record_text) {
            Err(error) if is_closed(&error) => return Ok(()),
            shown => shown?,
        }
    }
    output.progress("the host ended the log: it stops, or the challenge is gone");
    Ok(())
}

/// Whether whoever reads has gone away, as `head` does.
fn is_closed(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn list_text(list: &LogList) -> String {
    let lines: Vec<_> = list.lines.iter().map(line_text).collect();
    match lines.as_slice() {
        [] => "no lines since the host started".to_owned(),
        lines => lines.join("\n"),
    }
}

fn record_text(record: &LogRecord) -> String {
    match record {
        LogRecord::Gap { gap } => {
            format!("--- {gap} lines are missing here: they came faster than they were read")
        }
        LogRecord::Line(line) => line_text(line),
    }
}

/// One line, and one before it when something is missing there.
fn line_text(line: &LogLineView) -> String {
    let LogLineView {
        seq: _,
        time,
        level,
        source,
        request_id,
        context,
        text,
        dropped,
    } = line;
    let mut shown = String::new();
    if *dropped > 0 {
        // A text takes everything that is written to it.
        let _ = writeln!(
            shown,
            "--- {dropped} lines were dropped here: the challenge logged too much"
        );
    }
    let request_id = if request_id.is_empty() { "-" } else { request_id };
    let context = match context.as_str() {
        "" => String::new(),
        context => format!("[{context}] "),
    };
    let _ = write!(shown, "{time} {level} {source} {request_id} {context}{text}");
    shown
}

#[cfg(test)]
mod tests {
    use platform_domain::{LogLevel, LogSource, Timestamp};

    use super::*;

    #[test]
    fn a_line_shows_when_how_where_and_what_and_what_is_missing_before() {
        let mut line = LogLineView {
            seq: 7,
            time: Timestamp::from_millis(1_767_225_600_123),
            level: LogLevel::Warn,
            source: LogSource::Stderr,
            request_id: "req-id".into(),
            context: String::new(),
            text: "text".into(),
            dropped: 0,
        };
        assert_eq!(
            line_text(&line),
            "2026-01-01T00:00:00.123Z warn stderr req-id text"
        );
        (line.source, line.context, line.dropped) = (LogSource::Logging, "queue".into(), 3);
        line.request_id.clear();
        let shown = line_text(&line);
        let (first, second) = shown.split_once('\n').unwrap();
        assert!(first.starts_with("--- 3 lines were dropped"), "{first}");
        assert_eq!(second, "2026-01-01T00:00:00.123Z warn logging - [queue] text");
    }
}
