//! The border to the host's log. Only in Wasm, and only in a component that logs in this way.

use super::Level;

mod wit {
    wit_bindgen::generate!({
        inline: "
            package platform:logging;

            world logging {
                import wasi:logging/logging@0.1.0-draft;
            }

            package wasi:logging@0.1.0-draft {
                interface logging {
                    enum level { trace, debug, info, warn, error, critical }
                    log: func(level: level, context: string, message: string);
                }
            }
        ",
        generate_all,
    });
}

use wit::wasi::logging::logging;

pub(super) fn log(level: Level, context: &str, message: &str) {
    let level = match level {
        Level::Trace => logging::Level::Trace,
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
        Level::Critical => logging::Level::Critical,
    };
    logging::log(level, context, message);
}
