//! What commands print: one JSON document, or text and tables for people.

use std::io::{self, Write as _};

use indicatif::{ProgressBar, ProgressStyle};
use platform_oci::{Progress, Transferred};
use serde::Serialize;

/// Where a command's answer goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// JSON or text.
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints `value` as JSON, or what `text` makes of it.
    pub(crate) fn show<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
        let mut answer = if self.json {
            serde_json::to_string(value)?
        } else {
            text(value)
        };
        answer.push('\n');
        io::stdout().write_all(answer.as_bytes())?;
        Ok(io::stdout().flush()?)
    }

    /// A line about work in progress, on standard error and only for people.
    pub(crate) fn progress(self, line: &str) {
        if !self.json {
            drop(writeln!(io::stderr(), "{line}"));
        }
    }

    /// A bar for bytes of which not all are known yet.
    pub(crate) fn bar(self) -> ProgressBar {
        let bar = match self.json {
            true => ProgressBar::hidden(),
            false => ProgressBar::no_length(),
        };
        let style = ProgressStyle::with_template("{bar:40} {decimal_bytes} of {decimal_total_bytes}, {msg}");
        match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// A bar of a transfer, where somebody looks at standard error.
    pub(crate) fn transfer(self) -> Progress {
        let bar = match self.json {
            true => ProgressBar::hidden(),
            false => ProgressBar::no_length(),
        };
        let style = ProgressStyle::with_template("{bar:40} {decimal_bytes} of {decimal_total_bytes}, {eta}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Progress::new(move |Transferred { done, size }| {
            bar.set_length(size);
            bar.set_position(done);
            if done == size {
                bar.finish();
            }
        })
    }
}

/// Bytes for people.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Columns as wide as their widest cell, with a head.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = head.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |cells: [&str; N]| {
        let padded = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(head)];
    lines.extend(rows.iter().map(|row| line(row.each_ref().map(String::as_str))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_up_by_characters() {
        let rows = [
            ["a".to_owned(), "…1234".to_owned()],
            ["longer".to_owned(), "x".to_owned()],
        ];
        assert_eq!(table(["SLUG", "T"], &rows), "SLUG    T\na       …1234\nlonger  x");
    }
}
