//! Imports the network, and tries it: each attempt with `ok` or the error. A host that offers no sockets
//! refuses the component before it runs.

use std::{
    io,
    net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket},
};

use platform_guest_sdk::prelude::*;
use serde_json::{Value, json};

struct Sockets;

#[challenge(name = "sockets", data = none)]
impl Sockets {
    #[get("/")]
    fn reach(_: &Request) -> Result<Json<Value>> {
        let tell =
            |result: io::Result<()>| result.map_or_else(|error| error.to_string(), |()| "ok".to_owned());
        Ok(Json(json!({
            "connect": tell(TcpStream::connect("127.0.0.1:22").map(drop)),
            "listen": tell(TcpListener::bind("127.0.0.1:0").map(drop)),
            "send": tell(UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"x", "127.0.0.1:53")).map(drop)),
            "resolve": tell("localhost:80".to_socket_addrs().map(drop)),
        })))
    }
}
