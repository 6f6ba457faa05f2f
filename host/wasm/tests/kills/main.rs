//! Guests that are killed again and again while they write. On their own, because they take the processors from tests
//! that look at the clock.

#[cfg(test)]
mod database;
#[cfg(test)]
#[expect(dead_code, reason = "what other tests need of it")]
#[path = "../boundary/host.rs"]
mod host;
#[cfg(test)]
#[expect(dead_code, reason = "what other tests need of it")]
#[path = "../boundary/ledger.rs"]
mod ledger;
#[cfg(test)]
mod own_database;
