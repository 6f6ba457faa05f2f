//! The `#[challenge]` attribute of `platform-guest-sdk`. Use it from there: the documentation is there too,
//! and what it expands to names that crate.

mod config;
mod expand;
mod migrations;
mod options;
mod outbound;
mod pattern;
mod routes;
mod secrets;

use proc_macro::TokenStream;

/// Turns an `impl` block into a challenge: its functions become routes and weights, the component's exports
/// and the manifest.
///
/// The attribute states the challenge:
///
/// | option | meaning | when absent |
/// |---|---|---|
/// | `name = "tsp"` | its name for people | required |
/// | `description = "..."` | one sentence | none |
/// | `version = "1.0.0"` | its own version | the version in the author's `Cargo.toml` |
/// | `data = exclusive` | `none`, or `exclusive`: `/data` for one call at a time | `none` |
/// | `instances = "warm(4)"` | how long an instance may live: `per-call`, or `warm(N, CALLS, AGE)` to keep up to `N` idle ones for the next requests | `per-call` |
/// | `migrations("migrations/0001_first.sql", "migrations/0002_more.sql")` | the schema of its database: SQL scripts, by their paths from the folder of `Cargo.toml` | no tables |
/// | `config(CITIES(integer, default = 200), SEED(integer, required))` | the configuration that it understands | every name, as text |
/// | `outbound("https://api.example.com", "https://*.example.org:8443")` | the servers to which it sends requests, if its operator allows them | none |
/// | `secrets("API_KEY", "SALT")` | the secrets that it wants to read; the operator sets them | none |
/// | `limits(memory = "64MiB", disk = "2GiB", database = "64MiB", blobs = "1GiB", route_ms = 2000, weights_ms = 5000)` | what it asks for, each optional | the host's defaults |
///
/// The list of migrations only grows: the host applies each of them once and in order, before a version of the challenge
/// that brings it answers anybody, and refuses a version in which one that was applied has another text. They are part of
/// the manifest, which has 64 KiB at most.
///
/// A variable of `config` has a name, which is in quotes when it is no identifier, and in parentheses its type and what else
/// is to be said of it: `required`, or a `default`, and a `description` for the operator. The types are `string`, `integer`,
/// `number`, `boolean` and `json`; the default of one that is `json` is its text, as in `default = r#"{"first": 0.5}"#`. The
/// host checks what is set at registration, and takes no other name.
///
/// A server of `outbound` is a scheme, a host and perhaps a port. `*.` stands for all names below one of two parts or more.
///
/// With `instances = "warm(...)"` everything in memory, such as a `static`, is there for the next request, whoever sends
/// it: ask for it only when no request can see in it what another one should not have told.
///
/// Inside the block these mark functions:
///
/// | mark | function |
/// |---|---|
/// | `#[get("/tours/{id}")]`, `post`, `put`, `patch`, `delete`, `options` | `fn(&Request) -> Result<impl IntoResponse>` for a declared route; `signed` lets only callers with a verified signature in, `max_body = 65536` limits the body |
/// | `#[any]` | the same signature for every method and path; excludes declared routes |
/// | `#[weights]` | `fn(&WeightsContext) -> Result<Weights>` |
///
/// Routes are tried in the order of the block, here and in the host. A route that an earlier one hides is a
/// compile error, and so is a private path (`/health`, `/version`, `/internal/...`): the host never serves it.
#[proc_macro_attribute]
pub fn challenge(options: TokenStream, block: TokenStream) -> TokenStream {
    let expanded = syn::parse(options)
        .and_then(|options| syn::parse(block).map(|block| (options, block)))
        .and_then(|(options, block)| expand::challenge(options, block));
    expanded.unwrap_or_else(|error| error.into_compile_error()).into()
}
