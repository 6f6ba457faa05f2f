//! What the host sees of a challenge, in words.

use std::time::SystemTime;

use platform_admin_types::{CodeView, CompilerView, Observed, StartStep};
use platform_domain::UnixSeconds;

pub(crate) fn observed_text(observed: &Observed) -> String {
    match observed {
        Observed::Running { .. } => "running".to_owned(),
        Observed::Stopped => "stopped".to_owned(),
        Observed::Starting { step, since } => {
            let doing = match step {
                StartStep::Loading => "loading",
                StartStep::WaitingForCompiler => "waiting for the compiler",
                StartStep::Compiling => "compiling",
            };
            format!("starting: {doing} for {} s", seconds_since(*since))
        }
        Observed::Failed { reason, .. } => format!("failed: {reason}"),
    }
}

/// Where the code of a running challenge came from.
pub(crate) fn code_text(observed: &Observed) -> Option<String> {
    let Observed::Running { code, .. } = observed else {
        return None;
    };
    let CodeView {
        bytes,
        cached,
        compile_ms,
        load_ms,
    } = code;
    let kib = bytes.div_ceil(1024);
    Some(if *cached {
        format!("{kib} KiB, from the cache in {load_ms} ms; compiling took {compile_ms} ms")
    } else {
        format!("{kib} KiB, compiled in {compile_ms} ms, loaded in {load_ms} ms")
    })
}

/// What the compiler is doing, if anything.
pub(crate) fn compiler_text(compiler: &CompilerView) -> Option<String> {
    let CompilerView { compiling, waiting } = compiler;
    let compiling = compiling.as_ref()?;
    let seconds = seconds_since(compiling.since);
    let component = compiling.component;
    Some(format!(
        "compiling {component} for {seconds} s, {waiting} more are waiting"
    ))
}

/// The host's clock and this one are the same machine's, or nearly right.
fn seconds_since(then: UnixSeconds) -> u64 {
    UnixSeconds::from(SystemTime::now()).0.saturating_sub(then.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_says_what_it_is_doing_and_code_says_where_it_came_from() {
        let since = UnixSeconds(UnixSeconds::from(SystemTime::now()).0 - 70);
        let starting = |step| observed_text(&Observed::Starting { step, since });
        for (step, word) in [
            (StartStep::Loading, "loading"),
            (StartStep::WaitingForCompiler, "waiting for the compiler"),
            (StartStep::Compiling, "compiling"),
        ] {
            let text = starting(step);
            assert!(text.starts_with(&format!("starting: {word} for 7")), "{text}");
        }
        let running = |cached| Observed::Running {
            since,
            code: CodeView {
                bytes: 4097,
                cached,
                compile_ms: 400,
                load_ms: 2,
            },
            container: None,
        };
        let text = |cached| code_text(&running(cached)).unwrap();
        assert_eq!(text(true), "5 KiB, from the cache in 2 ms; compiling took 400 ms");
        assert_eq!(text(false), "5 KiB, compiled in 400 ms, loaded in 2 ms");
        assert_eq!(code_text(&Observed::Stopped), None);
    }
}
