//! What to send, as it is written in a body.

use wasip2::http::types::{Method, Scheme};

/// One kind of request.
pub struct Order {
    pub method: Method,
    pub scheme: Scheme,
    pub authority: String,
    pub path: Option<String>,
    pub headers: Vec<(String, String)>,
    /// Bytes of the body.
    pub body: usize,
    pub times: usize,
    /// Headers of the answer to tell.
    pub show: Vec<String>,
    /// In nanoseconds.
    pub connect: Option<u64>,
    pub first_byte: Option<u64>,
    pub between_bytes: Option<u64>,
}

impl Order {
    pub fn read(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let mut first = lines.next().unwrap_or_default().split(' ');
        let mut word = || first.next().map(ToOwned::to_owned);
        let method = match word().ok_or("no method")?.as_str() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "CONNECT" => Method::Connect,
            other => Method::Other(other.to_owned()),
        };
        let scheme = match word().ok_or("no scheme")?.as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => Scheme::Other(other.to_owned()),
        };
        let mut order = Self {
            method,
            scheme,
            authority: word().ok_or("no authority")?,
            path: word(),
            headers: Vec::new(),
            body: 0,
            times: 1,
            show: Vec::new(),
            connect: None,
            first_byte: None,
            between_bytes: None,
        };
        for line in lines {
            order.wish(line)?;
        }
        Ok(order)
    }

    fn wish(&mut self, line: &str) -> Result<(), String> {
        let (what, value) = line.split_once(' ').ok_or("a wish has a value")?;
        let number = || value.parse::<usize>().map_err(|error| error.to_string());
        let millis = || number().map(|millis| Some(millis as u64 * 1_000_000));
        match what {
            "header" => {
                let (name, value) = value.split_once(": ").ok_or("NAME: VALUE")?;
                self.headers.push((name.to_owned(), value.to_owned()));
            }
            "body" => self.body = number()?,
            "times" => self.times = number()?,
            "show" => self.show.push(value.to_owned()),
            "connect" => self.connect = millis()?,
            "first-byte" => self.first_byte = millis()?,
            "between-bytes" => self.between_bytes = millis()?,
            _ => return Err(format!("no such wish: {what}")),
        }
        Ok(())
    }
}
