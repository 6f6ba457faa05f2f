//! Lines for the operator: `log::info!("{count} tours")`.
//!
//! The host captures a challenge's stderr as that challenge's log, one record a line: the level, a space, the
//! text. A line break inside the text is written `\n`, so that nobody can forge a record.

use std::{fmt, io::Write as _};

#[doc(inline)]
pub use crate::{__debug as debug, __error as error, __info as info, __warn as warn};

/// Writes one line. The macros call it.
#[doc(hidden)]
pub fn line(level: &str, text: fmt::Arguments<'_>) {
    let text = text.to_string().replace('\n', "\\n").replace('\r', "\\r");
    // A log that cannot be written is no reason to fail the call.
    let _ = writeln!(std::io::stderr(), "{level} {text}");
}

/// For whoever looks for a fault.
#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    ($($text:tt)*) => { $crate::log::line("DEBUG", ::core::format_args!($($text)*)) };
}

/// What happened.
#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($($text:tt)*) => { $crate::log::line("INFO", ::core::format_args!($($text)*)) };
}

/// What should not have happened, and did no harm.
#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    ($($text:tt)*) => { $crate::log::line("WARN", ::core::format_args!($($text)*)) };
}

/// What did harm.
#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($($text:tt)*) => { $crate::log::line("ERROR", ::core::format_args!($($text)*)) };
}
