//! Tells the secrets that it may read, and sends requests into which others are put. It has no manifest: each test gives it
//! one, with the port of the server that it speaks to.

wit_bindgen::generate!({
    path: "../../../wit/0.1.0",
    inline: "
        package platform:keeper;
        world keeper {
            import platform:challenge/secrets@0.1.0;
            export platform:challenge/routes@0.1.0;
        }
    ",
    generate_all,
});

use exports::platform::challenge::routes::{Error, Guest, Request, Response};
use platform::challenge::secrets;
use wasip2::http::{
    outgoing_handler,
    types::{Fields, OutgoingBody, OutgoingRequest, Scheme},
};

struct Keeper;

impl Guest for Keeper {
    fn handle_route(request: Request) -> Result<Response, Error> {
        let path: Vec<_> = request.path.trim_start_matches('/').split('/').collect();
        let body = match path[..] {
            // Its length and a sum: the value itself is in no answer.
            ["known", name] => match secrets::get(name) {
                Some(value) => {
                    let sum: u64 = value.iter().map(|byte| u64::from(*byte)).sum();
                    format!("{} bytes, {sum}", value.len())
                }
                None => "none".to_owned(),
            },
            ["told", name] => match secrets::get(name) {
                Some(value) => String::from_utf8_lossy(&value).into_owned(),
                None => "none".to_owned(),
            },
            ["for-ever", name] => loop {
                secrets::get(name);
            },
            // To the authority in the body, with a header of its own in the place of the host's.
            ["send", header] => {
                let authority = String::from_utf8_lossy(&request.body);
                send(header, &authority).unwrap_or_else(|error| format!("error {error}"))
            }
            _ => return Err(Error::NotFound("see the source".to_owned())),
        };
        Ok(Response {
            status: 200,
            headers: Vec::new(),
            body: body.into_bytes(),
        })
    }
}

fn send(header: &str, authority: &str) -> Result<String, String> {
    let fields = Fields::new();
    let guess = b"a guess of the guest".to_vec();
    fields.append(header, &guess).map_err(|error| format!("{error:?}"))?;
    fields.append(header, &guess).map_err(|error| format!("{error:?}"))?;
    let request = OutgoingRequest::new(fields);
    let refused = |()| "refused by the types".to_owned();
    request.set_scheme(Some(&Scheme::Http)).map_err(refused)?;
    request.set_authority(Some(authority)).map_err(refused)?;
    request.set_path_with_query(Some("/")).map_err(refused)?;
    let body = request.body().map_err(refused)?;
    let sent = outgoing_handler::handle(request, None).map_err(|error| format!("{error:?}"))?;
    drop(OutgoingBody::finish(body, None));
    sent.subscribe().block();
    let answer = sent.get().ok_or("no answer")?.map_err(refused)?;
    let answer = answer.map_err(|error| format!("{error:?}"))?;
    Ok(answer.status().to_string())
}

export!(Keeper);
