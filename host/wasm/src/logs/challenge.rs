//! The log of one challenge: what its programs say, attributed, cleaned, limited, told to the host's log, and the newest
//! of it kept for whoever asks. It belongs to the challenge: a new version goes on writing where the old one ended, and
//! has no new budget.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use platform_domain::{LogLevel, LogSource, Slug};
use tokio::sync::Notify;
use tracing::Level;

use super::ring::{LogLine, LogPage, Ring};
use crate::{
    limits::{LOG_CONTEXT_BYTES, Limits, size},
    log_budget::{LogBudget, Verdict},
};

/// The target of a guest's lines, so that a filter can treat them apart from the host's own.
const TARGET: &str = "challenge";
const TOO_MUCH: &str = "the challenge logs too much, its lines are dropped for now";
const DROPPED: &str = "lines of the challenge were dropped";

/// What a challenge says and has said. One lock for each line, and it is the challenge's own.
pub struct ChallengeLog {
    slug: Slug,
    /// Bytes of a line that are kept.
    pub(super) longest_line: usize,
    kept: Mutex<Kept>,
    /// Wakes those who follow.
    changed: Notify,
}

struct Kept {
    budget: LogBudget,
    ring: Ring,
    /// Whether the challenge is gone.
    closed: bool,
}

/// A line, before anybody has judged it.
struct Said<'a> {
    level: LogLevel,
    source: LogSource,
    request_id: &'a Arc<str>,
    context: &'a str,
    text: &'a str,
}

impl ChallengeLog {
    pub(crate) fn new(slug: Slug, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            slug,
            longest_line: size(limits.log_line),
            kept: Mutex::new(Kept {
                budget: LogBudget::full(limits, Instant::now()),
                ring: Ring::new(limits),
                closed: false,
            }),
            changed: Notify::new(),
        })
    }

    /// Takes a line that was written to a stream. One that begins with the name of a level has that level.
    pub(super) fn line(&self, source: LogSource, request_id: &Arc<str>, line: &[u8]) {
        let line = clean(&String::from_utf8_lossy(line));
        let (level, text) = split_level(&line);
        self.take(Said {
            level,
            source,
            request_id,
            context: "",
            text,
        });
    }

    /// Takes a line that its container wrote, of no request in particular.
    pub fn written(&self, source: LogSource, line: &str) {
        let nobody: Arc<str> = Arc::from("");
        for line in line.as_bytes().chunks(self.longest_line.max(1)) {
            self.line(source, &nobody, line);
        }
    }

    /// Takes a message of `wasi:logging`. It is one line, whatever it says: its line ends become spaces.
    pub(crate) fn message(&self, level: LogLevel, request_id: &Arc<str>, context: &str, text: &str) {
        let one_line = |text: &str, most: usize| {
            let cut = text.get(..text.floor_char_boundary(most)).unwrap_or_default();
            clean(&cut.replace('\n', " "))
        };
        self.take(Said {
            level,
            source: LogSource::Logging,
            request_id,
            context: &one_line(context, LOG_CONTEXT_BYTES),
            text: &one_line(text, self.longest_line),
        });
    }

    fn take(&self, said: Said<'_>) {
        match self.keep(&said) {
            Verdict::Pass => {}
            Verdict::PassAfter(dropped) => {
                tracing::warn!(
                    target: TARGET, { challenge.slug = self.slug.as_str(), log.dropped = dropped }, "{DROPPED}"
                );
            }
            Verdict::DropFirst => {
                tracing::warn!(target: TARGET, { challenge.slug = self.slug.as_str() }, "{TOO_MUCH}");
                return;
            }
            Verdict::Drop => return,
        }
        self.tell(&said);
    }

    /// Keeps a line if there is budget for it.
    fn keep(&self, said: &Said<'_>) -> Verdict {
        let at = SystemTime::now().into();
        let line = |dropped| LogLine {
            seq: 0,
            at,
            level: said.level,
            source: said.source,
            request_id: said.request_id.clone(),
            context: said.context.into(),
            text: said.text.into(),
            dropped,
        };
        let mut kept = self.kept();
        let bytes = said.text.len() + said.context.len();
        let verdict = kept.budget.judge(bytes as u64, Instant::now());
        match verdict {
            Verdict::Pass => kept.ring.push(line(0)),
            Verdict::PassAfter(dropped) => kept.ring.push(line(dropped)),
            Verdict::DropFirst => kept.ring.push(LogLine {
                level: LogLevel::Warn,
                source: LogSource::Host,
                context: Box::default(),
                text: TOO_MUCH.into(),
                ..line(0)
            }),
            Verdict::Drop => return verdict,
        }
        drop(kept);
        self.changed.notify_waiters();
        verdict
    }

    /// Writes it to the host's log.
    fn tell(&self, said: &Said<'_>) {
        let Said {
            level,
            source,
            request_id,
            context,
            text,
        } = said;
        let request_id: &str = request_id;
        let structured = *source == LogSource::Logging;
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: TARGET, $level,
                    {
                        challenge.slug = self.slug.as_str(), request.id = request_id,
                        log.stream = source.as_str(), log.level = structured.then_some(level.as_str()),
                        log.context = Some(*context).filter(|context| !context.is_empty())
                    },
                    "{text}"
                )
            };
        }
        // A level is part of a call site, and there is none above an error.
        match level {
            LogLevel::Trace => line!(Level::TRACE),
            LogLevel::Debug => line!(Level::DEBUG),
            LogLevel::Info => line!(Level::INFO),
            LogLevel::Warn => line!(Level::WARN),
            LogLevel::Error | LogLevel::Critical => line!(Level::ERROR),
        }
    }

    /// The newest lines that matter so much, the oldest first.
    pub fn newest(&self, level: LogLevel, most: usize) -> LogPage {
        let kept = self.kept();
        let before = kept.ring.before_newest(level, most);
        kept.ring.after(before, level, most)
    }

    /// The lines after this number that matter so much, the oldest first. The number that a page ends with gets the next
    /// one; a number that no line has had yet gets everything, because it is from before the host was started.
    pub fn after(&self, seq: u64, level: LogLevel, most: usize) -> LogPage {
        self.kept().ring.after(seq, level, most)
    }

    /// Where to begin for the newest lines.
    pub(super) fn before_newest(&self, level: LogLevel, most: usize) -> u64 {
        self.kept().ring.before_newest(level, most)
    }

    /// The next lines, as soon as there are any; `None` when the challenge is gone.
    pub(super) async fn next(&self, seq: &mut u64, level: LogLevel) -> Option<LogPage> {
        loop {
            // From here on nothing is missed, also what is written before anybody waits.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (page, closed) = {
                let kept = self.kept();
                (kept.ring.piece_after(*seq, level), kept.closed)
            };
            *seq = page.last;
            if !page.lines.is_empty() || page.missed > 0 {
                return Some(page);
            }
            if closed {
                return None;
            }
            changed.await;
        }
    }

    /// The challenge is gone: who follows gets what is left, and no more.
    pub(super) fn close(&self) {
        self.kept().closed = true;
        self.changed.notify_waiters();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The level that a line names and what it says; a line that names none is information.
fn split_level(line: &str) -> (LogLevel, &str) {
    let named = match line.split_once(' ') {
        Some(("DEBUG", text)) => Some((LogLevel::Debug, text)),
        Some(("INFO", text)) => Some((LogLevel::Info, text)),
        Some(("WARN", text)) => Some((LogLevel::Warn, text)),
        Some(("ERROR", text)) => Some((LogLevel::Error, text)),
        _ => None,
    };
    named.unwrap_or((LogLevel::Info, line))
}

/// Text without control characters: an operator's terminal must not obey a guest.
fn clean(line: &str) -> String {
    let shown = |c: char| c == '\t' || !(c.is_control() || is_direction_mark(c));
    line.trim_end().chars().filter(|c| shown(*c)).collect()
}

/// Characters that reorder or hide text around them.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
