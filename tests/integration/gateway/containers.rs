//! A container behind the whole host: bodies that go piece by piece, WebSockets, who signed, what miners hand in, weights, and days
//! on which it is not there.

mod elsewhere;
mod far;
mod streams;
mod submissions;
mod uploads;
mod weights;
