//! The broker at its socket: bytes in, bytes out, with a real engine below.

#[cfg(test)]
#[expect(dead_code, reason = "some of it only the tests of the engine's client need")]
#[path = "../../docker/tests/engine.rs"]
mod engine;
#[cfg(test)]
#[expect(dead_code, reason = "some of it only the tests of jobs need")]
#[path = "../../jobs/tests/fixture.rs"]
mod fixture;
#[cfg(test)]
mod http;
#[cfg(test)]
mod running;
#[cfg(test)]
mod strangers;
