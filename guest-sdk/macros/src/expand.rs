//! What `#[challenge]` expands to: the block itself, `impl Challenge`, and for Wasm the exports and the
//! manifest's custom section.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use serde_json::{Map, Value, json};
use syn::{Error, Ident, ImplItem, ItemImpl, LitStr, Result};

use crate::{
    options::Options,
    routes::{Marked, Route},
};

/// The section's name is part of the contract with the host.
const SECTION: &str = "platform:manifest";
/// The host reads no more.
const MANIFEST_MAX_BYTES: usize = 64 * 1024;

pub(crate) fn challenge(options: Options, mut block: ItemImpl) -> Result<TokenStream> {
    if let Some((_, path, _)) = &block.trait_ {
        return Err(Error::new_spanned(
            path,
            "goes on an impl block of the type itself, not of a trait",
        ));
    }
    if !block.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &block.generics,
            "a challenge has no type parameters",
        ));
    }
    let mut marked = Marked::default();
    for item in &mut block.items {
        if let ImplItem::Fn(function) = item {
            marked.take(function)?;
        }
    }
    if let (Some(any), Some(_)) = (&marked.any, marked.routes.first()) {
        let reason = "#[any] excludes declared routes: once one is declared, the host opens no other path";
        return Err(Error::new(any.span(), reason));
    }
    if !marked.serves() && marked.weights.is_none() {
        let reason = "no route and no #[weights]: the challenge would do nothing";
        return Err(Error::new_spanned(&block.self_ty, reason));
    }
    if let Some(instances) = options.instances.as_ref().filter(|_| !marked.serves()) {
        let reason =
            "kept instances answer routes, and there is none; weights always have an instance of their own";
        return Err(Error::new(instances.literal.span(), reason));
    }
    let manifest = manifest(&options, &marked.routes)?;
    let implementation = implementation(&options, &block, &marked, &manifest);
    let exports = exports(&block.self_ty, &marked, &manifest);
    Ok(quote! { #block #implementation #exports })
}

fn manifest(options: &Options, routes: &[Route]) -> Result<String> {
    let version = match &options.version {
        Some(version) => version.clone(),
        // Cargo sets it for the crate that is being compiled, which is the author's.
        None => std::env::var("CARGO_PKG_VERSION")
            .map_err(|_| Error::new(Span::call_site(), "not built by cargo: state version = \"...\""))?,
    };
    let mut manifest = Map::new();
    manifest.insert("name".into(), json!(options.name));
    manifest.insert("version".into(), json!(version));
    if let Some(description) = &options.description {
        manifest.insert("description".into(), json!(description));
    }
    manifest.insert(
        "data".into(),
        json!(if options.data { "exclusive" } else { "none" }),
    );
    if let Some(instances) = &options.instances {
        manifest.insert("instances".into(), json!(instances.literal.value()));
    }
    let migrations = options.migrations.scripts();
    if !migrations.is_empty() {
        manifest.insert("migrations".into(), json!(migrations));
    }
    if !options.config.0.is_empty() {
        manifest.insert("config".into(), json!(options.config.0));
    }
    if !options.outbound.0.is_empty() {
        manifest.insert("outbound".into(), json!(options.outbound.0));
    }
    if !options.secrets.names().is_empty() {
        manifest.insert("secrets".into(), json!(options.secrets.names()));
    }
    if !options.limits.is_empty() {
        manifest.insert("limits".into(), Value::Object(options.limits.clone()));
    }
    if !routes.is_empty() {
        manifest.insert("routes".into(), routes.iter().map(Route::to_json).collect());
    }
    let text = Value::Object(manifest).to_string();
    if text.len() > MANIFEST_MAX_BYTES {
        let length = text.len();
        let reason = format!(
            "the manifest has {length} bytes, {MANIFEST_MAX_BYTES} are allowed: shorten the newest migration, for \
             example by filling its tables from the code"
        );
        let place = options
            .migrations
            .paths()
            .last()
            .map_or_else(Span::call_site, LitStr::span);
        return Err(Error::new(place, reason));
    }
    Ok(text)
}

fn implementation(options: &Options, block: &ItemImpl, marked: &Marked, manifest: &str) -> TokenStream {
    let target = &block.self_ty;
    let data = options.data;
    // Read by the compiler itself, so that a file that changes makes cargo build anew.
    let migrations = options.migrations.paths().map(|path| {
        quote! {
            ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #path))
        }
    });
    let routes = marked.routes.iter().map(|route| {
        let Route {
            method,
            pattern,
            signed,
            ..
        } = route;
        let max_body = option(
            route
                .max_body
                .map(|bytes| Literal::u64_suffixed(bytes).into_token_stream()),
        );
        let handler = handler(target, &route.function);
        quote! {
            ::platform_guest_sdk::Route {
                method: #method, pattern: #pattern, signed: #signed, max_body: #max_body, handler: #handler,
            }
        }
    });
    let any = option(marked.any.as_ref().map(|function| handler(target, function)));
    let weights = marked
        .weights
        .as_ref()
        .map(|function| quote_spanned! { function.span() => <#target>::#function });
    let weights = option(weights);
    quote! {
        impl ::platform_guest_sdk::Challenge for #target {
            const MANIFEST: &'static str = #manifest;
            const DATA: bool = #data;
            const MIGRATIONS: &'static [&'static str] = &[#(#migrations),*];
            const ROUTES: &'static [::platform_guest_sdk::Route] = &[#(#routes),*];
            const ANY: ::core::option::Option<::platform_guest_sdk::Handler> = #any;
            const WEIGHTS: ::core::option::Option<::platform_guest_sdk::WeightsFunction> = #weights;
        }
    }
}

/// Spanned at the author's function, so that a wrong signature is reported there.
fn handler(target: &syn::Type, function: &Ident) -> TokenStream {
    quote_spanned! { function.span() =>
        |request| ::platform_guest_sdk::IntoResponse::into_response(<#target>::#function(request)?)
    }
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote! { ::core::option::Option::Some(#value) },
        None => quote! { ::core::option::Option::None },
    }
}

fn exports(target: &syn::Type, marked: &Marked, manifest: &str) -> TokenStream {
    let bytes = Literal::byte_string(manifest.as_bytes());
    let length = manifest.len();
    let routes = marked
        .serves()
        .then(|| quote! { ::platform_guest_sdk::__export!(routes, #target); });
    let weights = marked
        .weights
        .as_ref()
        .map(|_| quote! { ::platform_guest_sdk::__export!(weights, #target); });
    quote! {
        #[cfg(target_family = "wasm")]
        const _: () = {
            #[expect(unsafe_code, reason = "a custom section is written by naming a link section")]
            #[unsafe(link_section = #SECTION)]
            #[used]
            static MANIFEST: [u8; #length] = *#bytes;

            #routes
            #weights
        };

        // Without the exports nothing uses the challenge, and the compiler would call all of it dead code.
        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            type Functions = (
                &'static [::platform_guest_sdk::Route],
                ::core::option::Option<::platform_guest_sdk::Handler>,
                ::core::option::Option<::platform_guest_sdk::WeightsFunction>,
            );
            #[used]
            static FUNCTIONS: Functions = {
                use ::platform_guest_sdk::Challenge;
                (<#target as Challenge>::ROUTES, <#target as Challenge>::ANY, <#target as Challenge>::WEIGHTS)
            };
        };
    }
}

impl Route {
    fn to_json(&self) -> Value {
        let mut rule = Map::new();
        rule.insert("method".into(), json!(self.method));
        rule.insert("pattern".into(), json!(self.pattern));
        if self.signed {
            rule.insert("signed".into(), json!(true));
        }
        if let Some(max_body) = self.max_body {
            rule.insert("max_body".into(), json!(max_body));
        }
        Value::Object(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::MANIFEST_MAX_BYTES;

    fn expand(options: &str, block: &str) -> Result<String, String> {
        let (options, block) = (syn::parse_str(options), syn::parse_str(block));
        let expanded = options.and_then(|options| super::challenge(options, block?));
        expanded
            .map(|tokens| tokens.to_string())
            .map_err(|error| error.to_string())
    }

    const NAME: &str = r#"name = "x""#;

    #[test]
    fn a_mistake_is_a_compile_error_that_says_what_to_do() {
        let route = |mark: &str| format!("impl X {{ {mark} fn f(r: &Request) -> Result<()> {{ Ok(()) }} }}");
        for (options, block, says) in [
            ("", route("#[any]"), "needs a name"),
            (r#"name = " ""#, route("#[any]"), "needs a name"),
            (r#"name = "x", name = "y""#, route("#[any]"), "twice"),
            (r#"name = "x", title = "y""#, route("#[any]"), "unknown option"),
            (
                r#"name = "x", data = shared"#,
                route("#[any]"),
                "none or exclusive",
            ),
            (r#"name = "x", limits(memory = "64MB")"#, route("#[any]"), "64MiB"),
            (r#"name = "x", limits(route_ms = 0)"#, route("#[any]"), "zero"),
            (
                r#"name = "x", instances = "warm""#,
                route("#[any]"),
                "warm(4, 1000, 60s)",
            ),
            (
                r#"name = "x", instances = "warm(0)""#,
                route("#[any]"),
                "at least one",
            ),
            (
                r#"name = "x", instances = "warm(1, 1, 86401s)""#,
                route("#[any]"),
                "at most a day",
            ),
            (
                r#"name = "x", instances = warm(1)"#,
                route("#[any]"),
                "string literal",
            ),
            (
                r#"name = "x", instances = "per-call", instances = "warm(1)""#,
                route("#[any]"),
                "twice",
            ),
            (
                r#"name = "x", data = exclusive, instances = "warm(2)""#,
                route("#[any]"),
                "one instance is kept at most",
            ),
            (
                r#"name = "x", instances = "warm(1)""#,
                route("#[weights]"),
                "answer routes",
            ),
            (
                r#"name = "x", limits(files = 1)"#,
                route("#[any]"),
                "known limits are memory, disk, database, blobs, route_ms and weights_ms",
            ),
            (
                r#"name = "x", limits(database = 64)"#,
                route("#[any]"),
                "string literal",
            ),
            (
                r#"name = "x", limits(blobs = 1)"#,
                route("#[any]"),
                "string literal",
            ),
            (r#"name = "x", limits(blobs = "1GB")"#, route("#[any]"), "64MiB"),
            (
                r#"name = "x", limits(blobs = "0GiB")"#,
                route("#[any]"),
                "not a size",
            ),
            (
                r#"name = "x", limits(blobs = "1GiB", blobs = "2GiB")"#,
                route("#[any]"),
                "twice",
            ),
            (
                r#"name = "x", migrations("none.sql")"#,
                route("#[any]"),
                "make it, or correct the path",
            ),
            (
                r#"name = "x", migrations("Cargo.toml", "Cargo.toml")"#,
                route("#[any]"),
                "twice",
            ),
            (
                r#"name = "x", migrations = "Cargo.toml""#,
                route("#[any]"),
                "parentheses",
            ),
            (
                &format!(
                    r#"name = "x", description = "{}""#,
                    "x".repeat(MANIFEST_MAX_BYTES)
                ),
                route("#[any]"),
                "65536 are allowed: shorten",
            ),
            (NAME, route(""), "do nothing"),
            (NAME, route(r#"#[get("x")]"#), "begins with /"),
            (NAME, route(r#"#[get("/internal/x")]"#), "private"),
            (NAME, route(r#"#[get("/x", sealed)]"#), "known are"),
            (NAME, route(r#"#[get("/x")] #[any]"#), "excludes declared routes"),
            (
                NAME,
                route(r#"#[get("/{a}")] #[get("/b")]"#),
                "never reached: GET /{a} comes first",
            ),
            (NAME, route("#[weights] #[weights]"), "twice"),
            (NAME, "impl X { #[any] fn f(&self) {} }".into(), "no self"),
            (NAME, "impl X { #[any] fn f() {} }".into(), "takes one argument"),
            (
                NAME,
                "impl Y for X { #[any] fn f(r: &Request) {} }".into(),
                "not of a trait",
            ),
            (
                NAME,
                "impl<T> X<T> { #[any] fn f(r: &Request) {} }".into(),
                "no type parameters",
            ),
        ] {
            let error = expand(options, &block).unwrap_err();
            assert!(error.contains(says), "{options} {block}: {error}");
        }
    }

    #[test]
    fn other_functions_and_attributes_stay_as_they_are() {
        let block =
            "impl X { #[any] #[inline] fn f(r: &Request) {} fn helper(&self, a: u8) {} const N: u8 = 1; }";
        let expanded = expand(NAME, block).unwrap();
        assert!(
            expanded.contains("# [inline] fn f (r : & Request)") && !expanded.contains("any]"),
            "{expanded}"
        );
        assert!(
            expanded.contains("fn helper (& self , a : u8)") && expanded.contains("const N"),
            "{expanded}"
        );
    }

    #[test]
    fn the_compiler_reads_each_migration_and_so_sees_when_it_changes() {
        let block = "impl X { #[any] fn f(r: &Request) {} }";
        let expanded = expand(r#"name = "x", migrations("src/lib.rs", "src/routes.rs")"#, block).unwrap();
        let manifest_dir = r#":: core :: env ! ("CARGO_MANIFEST_DIR") , "/" , "src/routes.rs""#;
        assert!(expanded.contains(manifest_dir), "{expanded}");
        assert_eq!(expanded.matches("include_str").count(), 2, "{expanded}");
        let none = expand(r#"name = "x", migrations()"#, block).unwrap();
        assert!(
            !none.contains("include_str") && !none.contains("migrations"),
            "{none}"
        );
    }
}
