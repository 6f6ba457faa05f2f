//! `wrk`, the load generator, and what it prints.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// As many connections as the measures speak of.
const CONNECTIONS: u32 = 32;
/// What the handler reads.
const HEADER: &str = "x-name: miner";

/// What a server did under load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    pub(crate) requests_per_second: f64,
}

/// Loads a URL for some seconds, from one thread.
pub(crate) fn load(url: &str, seconds: u64) -> Result<Load> {
    let mut command = Command::new("wrk");
    command.args([
        "-t1".to_owned(),
        format!("-c{CONNECTIONS}"),
        format!("-d{seconds}"),
        format!("-H{HEADER}"),
        url.to_owned(),
    ]);
    let output = command.output().context("starting wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {text}");
    parse(&text).with_context(|| format!("{url} under load: {text}"))
}

fn parse(text: &str) -> Result<Load> {
    let after = |label: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.trim().strip_prefix(label))
    };
    if let Some(failed) = after("Non-2xx or 3xx responses:") {
        bail!("{} requests were refused", failed.trim());
    }
    if let Some(errors) = after("Socket errors:") {
        bail!("connections broke: {}", errors.trim());
    }
    let rate = after("Requests/sec:").context("wrk told no rate")?;
    Ok(Load {
        requests_per_second: rate.trim().parse()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
Running 1s test @ http://127.0.0.1:8081/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   345.17us  391.98us   8.11ms   95.19%
    Req/Sec   102.21k     5.66k  112.25k    70.00%
  101690 requests in 1.00s, 13.00MB read
Requests/sec: 101606.94
Transfer/sec:     12.99MB
";

    #[test]
    fn a_rate_counts_only_when_every_request_was_answered() {
        assert_eq!(parse(GOOD).unwrap().requests_per_second, 101_606.94);
        for bad in [
            "  Non-2xx or 3xx responses: 5",
            "  Socket errors: connect 0, read 1, write 0, timeout 0",
        ] {
            let text = GOOD.replace("Requests/sec", &format!("{bad}\nRequests/sec"));
            assert!(parse(&text).is_err(), "{bad}");
        }
        assert!(parse("").is_err());
    }
}
