//! Answers exactly what the request's body tells it, byte for byte: for a host that is asked whether it passes on
//! anything that it should not. `fuzz/src/response.rs` writes what this reads.

wit_bindgen::generate!({ path: "../../../wit/0.1.0", world: "routes-only" });

use exports::platform::challenge::routes::{Error, Guest, Request, Response};

struct Puppet;

impl Guest for Puppet {
    fn handle_route(request: Request) -> Result<Response, Error> {
        let mut told = Told(&request.body);
        let case = told.number();
        match case {
            0 => Ok(Response {
                status: told.number(),
                headers: (0..told.number()).map(|_| (told.text(), told.bytes())).collect(),
                body: told.0.to_vec(),
            }),
            1 => Err(Error::BadRequest(told.text())),
            2 => Err(Error::Unauthorized(told.text())),
            3 => Err(Error::NotFound(told.text())),
            4 => Err(Error::Busy(told.text())),
            _ => Err(Error::Internal(told.text())),
        }
    }
}

/// What is still to be read.
struct Told<'a>(&'a [u8]);

impl Told<'_> {
    /// Two bytes, the lower one first.
    fn number(&mut self) -> u16 {
        let (number, rest) = self.0.split_first_chunk().expect("a number");
        self.0 = rest;
        u16::from_le_bytes(*number)
    }

    /// As many as the number before them says.
    fn bytes(&mut self) -> Vec<u8> {
        let length = self.number().into();
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes.to_vec()
    }

    /// The same as text, which it need not be.
    fn text(&mut self) -> String {
        // SAFETY: it is not sound, and nothing here looks at the text again.
        unsafe { String::from_utf8_unchecked(self.bytes()) }
    }
}

export!(Puppet);
