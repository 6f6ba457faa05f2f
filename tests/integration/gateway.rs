//! What strangers meet at the public port, byte for byte: in front of a component, and in front of a container that writes down
//! what it is sent.

mod browsers;
mod containers;
mod flood;
mod headers;
mod line;
mod nonces;
mod paths;
mod signing;
mod smuggling;
mod stage;
mod tls;
mod upstream;
