//! The log of a container, line by line. What writes it is hostile: a line is cut where it is too long, and nothing is held back.

use std::time::Duration;

use tokio::time::timeout;

use crate::{
    Engine, EngineError, Output,
    frames::Frames,
    limits::{LINE_BYTES, QUESTION, TAIL_LINES},
    refusal::Subject,
    spec::check_name,
};

/// What of a log is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// What is there.
    No,
    /// What is there, and what comes until the container ends.
    Yes,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Where it was written.
    pub output: Output,
    /// When, as the engine has it: `2026-11-27T12:23:37.637877719Z`.
    pub time: String,
    /// The line without its end. What is no UTF-8 is replaced; control characters are as they were written.
    pub text: String,
    /// Whether the line was longer.
    pub cut: bool,
}

/// The lines of one container. Dropping it hangs up.
pub struct LogLines {
    engine: Engine,
    frames: Frames,
    follow: Follow,
    /// Of the frame that is under way.
    line: Vec<u8>,
    cut: bool,
}

/// A moment and a space before the line.
const TIME: usize = 64;

impl Engine {
    /// The last lines of a container's log, of ten thousand at most.
    pub async fn logs(&self, container: &str, tail: u32, follow: Follow) -> Result<LogLines, EngineError> {
        let frames = self.frames(container, &query(tail), follow).await?;
        Ok(LogLines {
            engine: self.clone(),
            frames,
            follow,
            line: Vec::new(),
            cut: false,
        })
    }

    /// The same of a service, from whichever machine it runs on.
    pub async fn service_logs(
        &self,
        service: &str,
        tail: u32,
        follow: Follow,
    ) -> Result<LogLines, EngineError> {
        check_name(service, "the name of a service")?;
        let subject = Subject::Swarm(service);
        let (of, query) = (format!("/services/{service}"), query(tail));
        let frames = self.frames_at(&of, subject, &query, follow).await?;
        Ok(LogLines {
            engine: self.clone(),
            frames,
            follow,
            line: Vec::new(),
            cut: false,
        })
    }

    pub(crate) async fn frames(
        &self,
        container: &str,
        query: &str,
        follow: Follow,
    ) -> Result<Frames, EngineError> {
        check_name(container, "the name of a container")?;
        let subject = Subject::Container(container);
        self.frames_at(&format!("/containers/{container}"), subject, query, follow)
            .await
    }

    async fn frames_at(
        &self,
        of: &str,
        subject: Subject<'_>,
        query: &str,
        follow: Follow,
    ) -> Result<Frames, EngineError> {
        let follow = u8::from(follow == Follow::Yes);
        let path = format!("{of}/logs?stdout=1&stderr=1&follow={follow}&{query}");
        let body = self.open(http::Method::GET, &path, subject).await?;
        Ok(Frames::new(body))
    }
}

impl LogLines {
    /// The next line; `None` at the end, which comes only when the container has ended if the log is followed. Can be dropped while
    /// it waits, and asked again.
    pub async fn next(&mut self) -> Result<Option<LogLine>, EngineError> {
        let idle = match self.follow {
            Follow::No => QUESTION,
            Follow::Yes => Duration::MAX,
        };
        loop {
            let piece = timeout(idle, self.frames.next());
            let piece = piece.await.map_err(|_| EngineError::Timeout(idle))?;
            let Some(piece) = piece.map_err(|error| self.engine.failed(error))? else {
                return Ok(None);
            };
            let room = (TIME + LINE_BYTES).saturating_sub(self.line.len());
            let (kept, rest) = piece.bytes.split_at(room.min(piece.bytes.len()));
            self.line.extend_from_slice(kept);
            self.cut |= !rest.is_empty() && rest != b"\n";
            if piece.last {
                let line = std::mem::take(&mut self.line);
                let cut = std::mem::take(&mut self.cut);
                return Ok(Some(read(piece.output, &line, cut)));
            }
        }
    }
}

fn query(tail: u32) -> String {
    format!("timestamps=1&tail={}", tail.min(TAIL_LINES))
}

fn read(output: Output, line: &[u8], cut: bool) -> LogLine {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let space = line.iter().take(TIME).position(|c| *c == b' ');
    let (time, text) = match space.and_then(|at| line.split_at_checked(at)) {
        Some((time, text)) => (time, text.get(1..).unwrap_or_default()),
        None => (&b""[..], line),
    };
    let (text, over) = text.split_at(LINE_BYTES.min(text.len()));
    LogLine {
        output,
        time: String::from_utf8_lossy(time).into_owned(),
        text: String::from_utf8_lossy(text).into_owned(),
        cut: cut || !over.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_length_and_says_when_it_was_longer() {
        for (length, kept, cut) in [
            (0, 0, false),
            (LINE_BYTES, LINE_BYTES, false),
            (LINE_BYTES + 1, LINE_BYTES, true),
        ] {
            let written = format!("2026-11-27T12:23:37.637877719Z {}\n", "x".repeat(length));
            let line = read(Output::Stdout, written.as_bytes(), false);
            assert_eq!((line.text.len(), line.cut), (kept, cut), "{length}");
            assert_eq!(line.time, "2026-11-27T12:23:37.637877719Z");
        }
    }

    #[test]
    fn nobody_asks_for_more_than_ten_thousand_lines() {
        for (wanted, asked) in [(0, 0), (10_000, 10_000), (10_001, 10_000), (u32::MAX, 10_000)] {
            assert_eq!(query(wanted), format!("timestamps=1&tail={asked}"));
        }
    }
}
