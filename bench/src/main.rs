//! `bench --report DIR --wasmtime PROGRAM [--quick] [NAME…]`: what `cargo xtask bench` runs. Measures the host side
//! by side with what it is compared to, prints a table and writes `report.json`. A module for each group of
//! measures says what exactly is measured, and against what.

mod attack;
mod calls;
mod containers;
#[path = "../../host/docker/tests/engine.rs"]
#[expect(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "made for tests, which need more of it; without an engine nothing can be measured"
)]
mod docker_engine;
mod extras;
mod first_request;
mod fleet;
mod flood;
mod gateway;
mod goals;
mod http;
mod memory;
mod naive;
mod native;
mod neighbour;
mod numbers;
mod open_loop;
mod peers;
mod plan;
mod prepared;
mod priority;
mod proxy;
mod refused;
mod report;
mod routes;
mod served;
mod signer;
mod state;
mod uploads;
mod weights;
mod wrk;

use anyhow::Result;
use serde_json::json;

use crate::{plan::Plan, report::Measure};

/// A group of measures that share what they need.
struct Group {
    measures: &'static [&'static str],
    run: fn(&Plan) -> Result<Vec<Measure>>,
}

const GROUPS: [Group; 13] = [
    group(&routes::MEASURES, routes::run),
    group(&proxy::MEASURES, proxy::run),
    group(&gateway::MEASURES, gateway::run),
    group(&memory::MEASURES, memory::run),
    group(&flood::MEASURES, flood::run),
    group(&calls::MEASURES, calls::run),
    group(&first_request::MEASURES, first_request::run),
    group(&containers::MEASURES, containers::run),
    group(&neighbour::MEASURES, neighbour::run),
    group(&fleet::MEASURES, fleet::run),
    group(&state::MEASURES, state::run),
    group(&weights::MEASURES, weights::run),
    group(&extras::MEASURES, extras::run),
];

const fn group(measures: &'static [&'static str], run: fn(&Plan) -> Result<Vec<Measure>>) -> Group {
    Group { measures, run }
}

fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some(native::COMMAND) {
        return native::serve();
    }
    let plan = Plan::parse(std::env::args().skip(1))?;
    let mut machine = report::machine(plan.quick);
    let mut measures = Vec::new();
    for group in GROUPS.iter().filter(|group| plan.wants(group.measures)) {
        measures.extend((group.run)(&plan)?);
    }
    if let Some(machine) = machine.as_object_mut() {
        machine.insert("load_after".to_owned(), json!(report::load()));
    }
    report::write(&plan.report, &measures, &machine)?;
    print(&report::table(&measures));
    print(&machine.to_string());
    Ok(())
}

/// A line for the person who waits.
#[expect(clippy::print_stderr, reason = "progress of a command-line program")]
fn progress(line: &str) {
    eprintln!("bench: {line}");
}

#[expect(clippy::print_stdout, reason = "the table is what it is run for")]
fn print(text: &str) {
    println!("{text}");
}
