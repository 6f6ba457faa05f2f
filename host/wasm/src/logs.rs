//! What a guest writes to stdout and stderr becomes lines of its challenge's log. A line that begins with `DEBUG `,
//! `INFO `, `WARN ` or `ERROR `, as the SDK writes it, has that level.

mod book;
mod challenge;
mod ring;

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use platform_domain::LogSource;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

pub use self::{
    book::{FollowFrom, Follower, LogBook},
    challenge::ChallengeLog,
    ring::{LogLine, LogPage},
};

/// Bytes that a guest may hand over at once.
const PIECE: usize = 8 << 10;

/// A guest's stdout or stderr during one call. Clones write to the same lines.
#[derive(Clone)]
pub(crate) struct GuestOutput(Arc<Mutex<Lines>>);

/// Collects bytes until a line is whole.
struct Lines {
    source: LogSource,
    request_id: Arc<str>,
    log: Arc<ChallengeLog>,
    line: Vec<u8>,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = part
                .strip_suffix(b"\n")
                .map_or((part, false), |text| (text, true));
            let room = self.log.longest_line.saturating_sub(self.line.len());
            self.line.extend(text.iter().take(room));
            if ends {
                self.flush_line();
            }
        }
    }

    fn flush_line(&mut self) {
        self.log.line(self.source, &self.request_id, &self.line);
        self.line.clear();
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.flush_line();
        }
    }
}

impl GuestOutput {
    pub(crate) fn new(source: LogSource, request_id: Arc<str>, log: Arc<ChallengeLog>) -> Self {
        let line = Vec::new();
        Self(Arc::new(Mutex::new(Lines {
            source,
            request_id,
            log,
            line,
        })))
    }

    /// What comes from now on belongs to this request.
    pub(crate) fn attribute(&self, request_id: &Arc<str>) {
        self.lines().request_id = request_id.clone();
    }

    /// Ends a line that was begun.
    pub(crate) fn finish_line(&self) {
        let mut lines = self.lines();
        if !lines.line.is_empty() {
            lines.flush_line();
        }
    }

    fn push(&self, bytes: &[u8]) {
        self.lines().push(bytes);
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PIECE)
    }
}

impl AsyncWrite for GuestOutput {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::limits::{LOG_LINE_COST, Limits, size};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Sink {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// The log lines that arise from these writes to one stream.
    fn logged(writes: &[&[u8]]) -> Vec<String> {
        logged_by(|_, stream| {
            for bytes in writes {
                stream.write(Bytes::copy_from_slice(bytes)).unwrap();
            }
        })
    }

    fn logged_by(write: impl FnOnce(&GuestOutput, &mut dyn OutputStream)) -> Vec<String> {
        let sink = Sink::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(sink.clone())
            .with_ansi(false)
            .with_max_level(Level::DEBUG)
            .with_target(false)
            .without_time()
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let log = ChallengeLog::new("tsp".parse().unwrap(), &Limits::default());
            let output = GuestOutput::new(LogSource::Stdout, "r1".into(), log);
            write(&output, &mut *output.p2_stream());
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        text.lines().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn lines_are_joined_cleaned_and_attributed() {
        let lines = logged(&[
            b"one\ntw",
            b"o \x1b[31mred\x07\r\n",
            "un\u{202e}finished".as_bytes(),
        ]);
        assert_eq!(lines.len(), 3, "{lines:?}");
        for line in &lines {
            assert!(
                line.contains(r#"challenge.slug="tsp""#) && line.contains(r#"request.id="r1""#),
                "{line}"
            );
        }
        for (line, text) in lines.iter().zip(["one", "two [31mred", "unfinished"]) {
            assert!(line.contains(text), "{line}");
        }
    }

    #[test]
    fn a_line_belongs_to_the_request_in_which_it_was_begun() {
        let lines = logged_by(|output, stream| {
            stream.write(Bytes::from_static(b"one\nhalf")).unwrap();
            output.finish_line();
            output.attribute(&"r2".into());
            output.finish_line();
            stream.write(Bytes::from_static(b"two\n")).unwrap();
        });
        let of = |request: &str| lines.iter().filter(|line| line.contains(request)).count();
        assert_eq!(
            (lines.len(), of("=\"r1\""), of("=\"r2\"")),
            (3, 2, 1),
            "{lines:?}"
        );
    }

    #[test]
    fn a_line_has_the_level_that_it_begins_with() {
        for (written, level, text) in [
            ("DEBUG one", "DEBUG", "one"),
            ("INFO two words", "INFO", "two words"),
            ("WARN three", "WARN", "three"),
            ("ERROR  four", "ERROR", " four"),
            ("ERROR", "INFO", "ERROR"),
            ("WARNING five", "INFO", "WARNING five"),
            ("error six", "INFO", "error six"),
            (" ERROR seven", "INFO", " ERROR seven"),
            ("plain", "INFO", "plain"),
            ("INFO ERROR eight", "INFO", "ERROR eight"),
        ] {
            let lines = logged(&[written.as_bytes(), b"\n"]);
            let begin = format!("{level:>5} {text} ");
            assert!(
                lines.len() == 1 && lines[0].starts_with(&begin),
                "{written}: {lines:?}"
            );
        }
    }

    #[test]
    fn a_long_line_is_cut() {
        let longest = size(Limits::default().log_line);
        let lines = logged(&[&vec![b'x'; 3 * longest], b"y\nshort\n"]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].matches('x').count(), longest);
        assert!(!lines[0].contains('y') && lines[1].contains("short"));
    }

    #[test]
    fn a_flood_is_dropped_and_reported_once() {
        let line = [&[b'x'; 1000][..], b"\n"].concat();
        let lines = logged(&vec![&line[..]; 2000]);
        let allowed = size(Limits::default().log_burst) / (1000 + LOG_LINE_COST as usize);
        // A slow machine may let it recover once or twice.
        assert!(
            (allowed + 1..3 * allowed).contains(&lines.len()),
            "{}",
            lines.len()
        );
        assert!(lines.iter().filter(|line| line.contains("dropped")).count() < 6);
    }
}
