//! The newest lines of a challenge's log. What is older is forgotten, and counted for those who had not read it.

use std::{collections::VecDeque, sync::Arc};

use platform_domain::{LogLevel, LogSource, Timestamp};

use crate::limits::{LOG_LINE_COST, LOG_PAGE_BYTES, Limits, count};

/// A line of a challenge's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its number; each line has the next one, from 1 on.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// How much it matters.
    pub level: LogLevel,
    /// Where it came from.
    pub source: LogSource,
    /// The request in which it was written; `epoch-N` for weights.
    pub request_id: Arc<str>,
    /// What the challenge says it is about; empty without.
    pub context: Box<str>,
    /// What it says, without control characters.
    pub text: Box<str>,
    /// Lines before it that were dropped because the challenge logged too much.
    pub dropped: u64,
}

/// Lines that follow one another, but for those that matter too little.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The lines.
    pub lines: Vec<Arc<LogLine>>,
    /// Lines before these, of any level, that are no longer kept.
    pub missed: u64,
    /// Up to where the log was looked at; what comes after this is new.
    pub last: u64,
}

/// Lines in the order of their numbers, bounded in number and in bytes.
pub(crate) struct Ring {
    lines: VecDeque<Arc<LogLine>>,
    /// The number of the next line.
    next: u64,
    bytes: usize,
    most_lines: usize,
    most_bytes: usize,
}

/// Lines that are cloned at once for whoever follows.
const PAGE_LINES: usize = 64;

impl LogLine {
    /// What it takes in memory, with what allocating it costs.
    fn bytes(&self) -> usize {
        let besides = size_of::<Self>() + count(LOG_LINE_COST);
        besides + self.request_id.len() + self.context.len() + self.text.len()
    }
}

impl Ring {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            lines: VecDeque::new(),
            next: 1,
            bytes: 0,
            most_lines: count(limits.log_lines),
            most_bytes: count(limits.log_kept.0),
        }
    }

    /// Takes a line and gives it its number. The newest one is kept in any case.
    pub(crate) fn push(&mut self, mut line: LogLine) {
        line.seq = self.next;
        self.next += 1;
        self.bytes += line.bytes();
        self.lines.push_back(Arc::new(line));
        while self.lines.len() > 1 && (self.lines.len() > self.most_lines || self.bytes > self.most_bytes) {
            if let Some(oldest) = self.lines.pop_front() {
                self.bytes -= oldest.bytes();
            }
        }
    }

    /// After which number one has to begin to get the newest lines that matter so much.
    pub(crate) fn before_newest(&self, level: LogLevel, most: usize) -> u64 {
        if most == 0 {
            return self.last();
        }
        let matter = self.lines.iter().rev().filter(|line| line.level >= level);
        matter.take(most).last().map_or(self.last(), |line| line.seq - 1)
    }

    /// The lines after this number that matter so much, the oldest first. A number that no line has had yet is of
    /// another log, from before the host was started: everything is new then.
    pub(crate) fn after(&self, seq: u64, level: LogLevel, most: usize) -> LogPage {
        let gone = self.next - 1 - self.lines.len() as u64;
        let seq = if seq > self.last() { gone } else { seq };
        let mut page = LogPage {
            lines: Vec::new(),
            missed: gone.saturating_sub(seq),
            last: seq.max(gone),
        };
        let read = usize::try_from(page.last - gone).unwrap_or(usize::MAX);
        for line in self.lines.iter().skip(read) {
            if line.level >= level {
                if page.lines.len() >= most {
                    return page;
                }
                page.lines.push(line.clone());
            }
            page.last = line.seq;
        }
        page
    }

    /// The same, in pieces of moderate size.
    pub(crate) fn piece_after(&self, seq: u64, level: LogLevel) -> LogPage {
        let mut page = self.after(seq, level, PAGE_LINES);
        let mut bytes = 0;
        let large = page.lines.iter().position(|line| {
            bytes += line.bytes();
            bytes > LOG_PAGE_BYTES
        });
        // One line in any case.
        if let Some(rest) = large.map(|at| at.max(1)).filter(|at| *at < page.lines.len()) {
            page.lines.truncate(rest);
            page.last = page.lines.last().map_or(page.last, |line| line.seq);
        }
        page
    }

    fn last(&self) -> u64 {
        self.next - 1
    }
}

#[cfg(test)]
mod tests {
    use platform_domain::ByteSize;
    use proptest::prelude::*;

    use super::*;

    fn line(level: LogLevel, text: &str) -> LogLine {
        LogLine {
            seq: 0,
            at: Timestamp::default(),
            level,
            source: LogSource::Stdout,
            request_id: "r1".into(),
            context: "".into(),
            text: text.into(),
            dropped: 0,
        }
    }

    fn ring(lines: u64, bytes: u64) -> Ring {
        Ring::new(&Limits {
            log_lines: lines,
            log_kept: ByteSize(bytes),
            ..Limits::default()
        })
    }

    fn numbers(page: &LogPage) -> Vec<u64> {
        page.lines.iter().map(|line| line.seq).collect()
    }

    #[test]
    fn the_newest_lines_are_kept_in_number_and_in_bytes() {
        let mut few = ring(3, 1 << 20);
        for _ in 0..10 {
            few.push(line(LogLevel::Info, ""));
        }
        let page = few.after(0, LogLevel::Trace, 100);
        assert_eq!((numbers(&page), page.missed, page.last), (vec![8, 9, 10], 7, 10));
        let mut small = ring(1_000, 10_000);
        for _ in 0..100 {
            small.push(line(LogLevel::Info, &"x".repeat(3_000)));
        }
        let page = small.after(0, LogLevel::Trace, 100);
        assert_eq!((numbers(&page), page.missed), (vec![98, 99, 100], 97));
        // Empty lines take memory too.
        for _ in 0..1_000 {
            small.push(line(LogLevel::Info, ""));
        }
        assert!(
            small.lines.len() < 100 && small.bytes <= 10_000,
            "{}",
            small.lines.len()
        );
        // One that is larger than all of it is there, and nothing else.
        small.push(line(LogLevel::Info, &"x".repeat(100_000)));
        assert_eq!(small.lines.len(), 1);
    }

    #[test]
    fn what_follows_a_number_is_told_whatever_the_number_is() {
        let mut ring = ring(5, 1 << 20);
        assert_eq!(ring.after(7, LogLevel::Trace, 9), LogPage::default());
        for n in 1..=10 {
            ring.push(line(
                if n % 2 == 0 {
                    LogLevel::Warn
                } else {
                    LogLevel::Debug
                },
                "",
            ));
        }
        for (seq, level, most, lines, missed, last) in [
            (0, LogLevel::Trace, 9, vec![6, 7, 8, 9, 10], 5, 10),
            (3, LogLevel::Trace, 2, vec![6, 7], 2, 7),
            (5, LogLevel::Trace, 9, vec![6, 7, 8, 9, 10], 0, 10),
            (6, LogLevel::Warn, 9, vec![8, 10], 0, 10),
            // What matters too little in between is passed over, but what would be the next is not.
            (6, LogLevel::Warn, 1, vec![8], 0, 9),
            (6, LogLevel::Critical, 9, vec![], 0, 10),
            (9, LogLevel::Trace, 9, vec![10], 0, 10),
            (10, LogLevel::Trace, 9, vec![], 0, 10),
            (9, LogLevel::Trace, 0, vec![], 0, 9),
            // From another life of the host.
            (11, LogLevel::Trace, 9, vec![6, 7, 8, 9, 10], 0, 10),
            (u64::MAX, LogLevel::Trace, 9, vec![6, 7, 8, 9, 10], 0, 10),
        ] {
            let page = ring.after(seq, level, most);
            let found = (numbers(&page), page.missed, page.last);
            assert_eq!(found, (lines, missed, last), "after {seq}, {level}, {most}");
        }
        for (level, most, before) in [
            (LogLevel::Trace, 0, 10),
            (LogLevel::Trace, 1, 9),
            (LogLevel::Trace, 99, 5),
            (LogLevel::Warn, 2, 7),
            (LogLevel::Error, 2, 10),
        ] {
            assert_eq!(ring.before_newest(level, most), before, "{level} {most}");
        }
    }

    #[test]
    fn a_piece_has_a_moderate_size_and_a_line_at_least() {
        let mut ring = ring(1_000, 1 << 24);
        for text in ["", &"x".repeat(LOG_PAGE_BYTES), "", ""] {
            ring.push(line(LogLevel::Info, text));
        }
        for _ in 0..2 * PAGE_LINES {
            ring.push(line(LogLevel::Info, ""));
        }
        let (mut last, mut pieces) = (0, Vec::new());
        while last < ring.last() {
            let page = ring.piece_after(last, LogLevel::Trace);
            pieces.push(page.lines.len());
            last = page.last;
        }
        assert_eq!(pieces, [1, 1, PAGE_LINES, PAGE_LINES, 2]);
    }

    proptest! {
        #[test]
        fn whoever_reads_on_gets_each_line_once_or_is_told_how_many_are_gone(
            steps in proptest::collection::vec((0_usize..4, 0_usize..12), 1..40),
        ) {
            let mut ring = ring(6, 1 << 20);
            let (mut last, mut read, mut missed, mut written) = (0, 0, 0, 0);
            for (most, writes) in steps {
                for _ in 0..writes {
                    ring.push(line(LogLevel::Info, ""));
                    written += 1;
                }
                let page = ring.after(last, LogLevel::Trace, most);
                let expected = last + page.missed + 1;
                prop_assert!(numbers(&page).iter().copied().eq(expected..expected + page.lines.len() as u64));
                prop_assert_eq!(page.last, last + page.missed + page.lines.len() as u64);
                last = page.last;
                missed += page.missed;
                read += page.lines.len() as u64;
            }
            let rest = ring.after(last, LogLevel::Trace, 99);
            prop_assert_eq!(read + missed + rest.missed + rest.lines.len() as u64, written);
        }
    }
}
