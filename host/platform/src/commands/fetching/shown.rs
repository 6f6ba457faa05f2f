//! How far a fetch is, for people.

use std::{
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use platform_admin_types::PullProgressView;

use crate::output::{Output, mebibytes};

/// Between two lines where nobody can be shown a bar.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows how far it is, as a bar or as lines.
pub(super) struct Shown {
    bar: ProgressBar,
    lines: bool,
    output: Output,
    /// When the last line was written.
    last: Option<Instant>,
}

impl Shown {
    pub(super) fn new(output: Output) -> Self {
        Self {
            bar: output.bar(),
            lines: !stderr().is_terminal(),
            output,
            last: None,
        }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    pub(super) fn show(&mut self, progress: PullProgressView) {
        let PullProgressView {
            layers,
            layers_done,
            bytes,
            total_bytes,
        } = progress;
        self.bar.set_length(total_bytes);
        self.bar.set_position(bytes);
        self.bar.set_message(format!("{layers_done} of {layers} layers"));
        if self.lines && self.last.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            self.last = Some(Instant::now());
            let of = format!("{} of {}", mebibytes(bytes), mebibytes(total_bytes));
            self.output.progress(&format!(
                "fetched {of}, {layers_done} of {layers} layers unpacked"
            ));
        }
    }
}
