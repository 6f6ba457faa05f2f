//! No challenge: what `hello` does, as a `wasi:http` component, for hosts that run these. It reads the same
//! header and answers with the same bytes; the bindings are used directly, without a framework.

use wasip2::{
    exports::http::incoming_handler::Guest,
    http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam},
};

struct Hello;

wasip2::http::proxy::export!(Hello);

impl Guest for Hello {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let (status, body) = match request.path_with_query().as_deref() {
            Some("/hello") => {
                let names = request.headers().get("x-name");
                let name = names.first().and_then(|name| str::from_utf8(name).ok());
                (200, format!("hello, {}", name.unwrap_or("stranger")))
            }
            _ => (404, "no such route".to_owned()),
        };
        let headers = [
            ("content-type".to_owned(), b"text/plain; charset=utf-8".to_vec()),
            // Without it the answer would be chunked, which costs more.
            ("content-length".to_owned(), body.len().to_string().into_bytes()),
        ];
        let response = OutgoingResponse::new(Fields::from_list(&headers).expect("legal headers"));
        response.set_status_code(status).expect("a legal status");
        let outgoing = response.body().expect("taken once");
        ResponseOutparam::set(answer, Ok(response));
        let stream = outgoing.write().expect("taken once");
        stream
            .blocking_write_and_flush(body.as_bytes())
            .expect("the client is there");
        // A child of the body, so it goes first.
        drop(stream);
        OutgoingBody::finish(outgoing, None).expect("as long as announced");
    }
}
