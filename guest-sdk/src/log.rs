//! Lines for the operator: `log::info!("{count} tours")`.
//!
//! Each has a level: `debug!`, `info!`, `warn!` or `error!`. A line of one of these is the level, a space and the text on
//! the challenge's stderr, which the host takes as that challenge's log, one record a line. A line break inside the text is
//! written `\n`, so that nobody can forge a record.
//!
//! What a line is about can be said apart from its text. Such lines, and those of the levels `trace!` and `critical!`, go
//! through `wasi:logging`, which a component imports only if it has one of them:
//!
//! ```
//! # use platform_guest_sdk::prelude::*;
//! # let (tour, queue) = (7, 120);
//! log::warn!("the tour {tour} has no length");
//! log::warn!(context: "judging", "the tour {tour} has no length");
//! log::critical!(context: "queue", "{queue} tours wait");
//! log::trace!("begins");
//! ```
//!
//! Natively all of them are lines on stderr.

use std::{fmt, io::Write as _};

#[cfg(target_family = "wasm")]
mod component;

#[doc(inline)]
pub use crate::{
    __critical as critical, __debug as debug, __error as error, __info as info, __trace as trace,
    __warn as warn,
};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// How the program flows.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// What happened.
    Info,
    /// What should not have happened, and did no harm.
    Warn,
    /// What did harm.
    Error,
    /// Nothing goes on.
    Critical,
}

/// Writes one line. The macros call it.
#[doc(hidden)]
pub fn line(level: &str, text: fmt::Arguments<'_>) {
    let text = text.to_string().replace('\n', "\\n").replace('\r', "\\r");
    // A log that cannot be written is no reason to fail the call.
    let _ = writeln!(std::io::stderr(), "{level} {text}");
}

/// Logs a message about something. The macros call it where a line cannot say as much; use it when the level or the context
/// is a value.
///
/// The host makes one line of it: line ends become spaces. It keeps 128 bytes of the context and 8 KiB of the text, unless
/// its operator says otherwise.
pub fn message(level: Level, context: &str, text: fmt::Arguments<'_>) {
    #[cfg(target_family = "wasm")]
    component::log(level, context, &text.to_string());
    #[cfg(not(target_family = "wasm"))]
    match context {
        "" => line(level.name(), text),
        _ => line(level.name(), format_args!("{context}: {text}")),
    }
}

#[cfg(not(target_family = "wasm"))]
impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }
}

/// How the program flows.
#[doc(hidden)]
#[macro_export]
macro_rules! __trace {
    (context: $context:expr, $($text:tt)*) => { $crate::__message!(Trace, $context, $($text)*) };
    ($($text:tt)*) => { $crate::__message!(Trace, "", $($text)*) };
}

/// For whoever looks for a fault.
#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    (context: $context:expr, $($text:tt)*) => { $crate::__message!(Debug, $context, $($text)*) };
    ($($text:tt)*) => { $crate::log::line("DEBUG", ::core::format_args!($($text)*)) };
}

/// What happened.
#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    (context: $context:expr, $($text:tt)*) => { $crate::__message!(Info, $context, $($text)*) };
    ($($text:tt)*) => { $crate::log::line("INFO", ::core::format_args!($($text)*)) };
}

/// What should not have happened, and did no harm.
#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    (context: $context:expr, $($text:tt)*) => { $crate::__message!(Warn, $context, $($text)*) };
    ($($text:tt)*) => { $crate::log::line("WARN", ::core::format_args!($($text)*)) };
}

/// What did harm.
#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    (context: $context:expr, $($text:tt)*) => { $crate::__message!(Error, $context, $($text)*) };
    ($($text:tt)*) => { $crate::log::line("ERROR", ::core::format_args!($($text)*)) };
}

/// Nothing goes on.
#[doc(hidden)]
#[macro_export]
macro_rules! __critical {
    (context: $context:expr, $($text:tt)*) => { $crate::__message!(Critical, $context, $($text)*) };
    ($($text:tt)*) => { $crate::__message!(Critical, "", $($text)*) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __message {
    ($level:ident, $context:expr, $($text:tt)*) => {
        $crate::log::message($crate::log::Level::$level, $context, ::core::format_args!($($text)*))
    };
}
