//! The marks on functions: `#[get("/x", signed, max_body = 1024)]`, `#[any]` and `#[weights]`.

use syn::{
    Attribute, Error, FnArg, Ident, ImplItemFn, LitStr, Meta, Result,
    parse::{Parse, ParseStream},
};

use crate::{
    options::{comma, number, once},
    pattern,
};

/// What the marked functions of a block are for.
#[derive(Default)]
pub(crate) struct Marked {
    pub(crate) routes: Vec<Route>,
    pub(crate) any: Option<Ident>,
    pub(crate) weights: Option<Ident>,
}

/// A declared route.
pub(crate) struct Route {
    pub(crate) function: Ident,
    pub(crate) method: &'static str,
    pub(crate) pattern: String,
    pub(crate) signed: bool,
    pub(crate) max_body: Option<u64>,
}

struct RouteOptions {
    pattern: LitStr,
    signed: bool,
    max_body: Option<u64>,
}

/// The host serves HEAD by a GET route.
const METHODS: [(&str, &str); 6] = [
    ("get", "GET"),
    ("post", "POST"),
    ("put", "PUT"),
    ("patch", "PATCH"),
    ("delete", "DELETE"),
    ("options", "OPTIONS"),
];

impl Marked {
    /// Whether the challenge serves requests at all.
    pub(crate) fn serves(&self) -> bool {
        self.any.is_some() || !self.routes.is_empty()
    }

    /// Takes the marks off a function. A function without one is the author's own business.
    pub(crate) fn take(&mut self, function: &mut ImplItemFn) -> Result<()> {
        let mut kept = Vec::new();
        let mut marks = 0;
        for attribute in std::mem::take(&mut function.attrs) {
            if self.mark(&attribute, &function.sig.ident)? {
                marks += 1;
            } else {
                kept.push(attribute);
            }
        }
        function.attrs = kept;
        if marks == 0 {
            return Ok(());
        }
        match function.sig.inputs.iter().collect::<Vec<_>>().as_slice() {
            [FnArg::Typed(_)] => Ok(()),
            _ => Err(Error::new_spanned(
                &function.sig,
                "takes one argument and no self: &Request for a route, &WeightsContext for weights",
            )),
        }
    }

    fn mark(&mut self, attribute: &Attribute, function: &Ident) -> Result<bool> {
        let path = attribute.path();
        if path.is_ident("weights") || path.is_ident("any") {
            let Meta::Path(_) = attribute.meta else {
                return Err(Error::new_spanned(attribute, "takes no options"));
            };
            let slot = if path.is_ident("any") {
                &mut self.any
            } else {
                &mut self.weights
            };
            once(slot, function, function.clone())?;
            return Ok(true);
        }
        let Some((_, method)) = METHODS.iter().find(|(name, _)| path.is_ident(name)) else {
            return Ok(false);
        };
        let options: RouteOptions = attribute.parse_args()?;
        let pattern = options.pattern.value();
        let refuse = |reason: String| Err(Error::new(options.pattern.span(), reason));
        if let Err(reason) = pattern::check(&pattern) {
            return refuse(reason.to_owned());
        }
        let hidden_by = |route: &&Route| route.method == *method && pattern::hides(&route.pattern, &pattern);
        if let Some(earlier) = self.routes.iter().find(hidden_by) {
            return refuse(format!("never reached: {method} {} comes first", earlier.pattern));
        }
        self.routes.push(Route {
            function: function.clone(),
            method,
            pattern,
            signed: options.signed,
            max_body: options.max_body,
        });
        Ok(true)
    }
}

impl Parse for RouteOptions {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let pattern = input.parse()?;
        comma(input)?;
        let (mut signed, mut max_body) = (None, None);
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            match key.to_string().as_str() {
                "signed" => once(&mut signed, &key, ())?,
                "max_body" => once(&mut max_body, &key, number(input)?)?,
                _ => return Err(Error::new(key.span(), "known are signed and max_body")),
            }
            comma(input)?;
        }
        let signed = signed.is_some();
        Ok(Self {
            pattern,
            signed,
            max_body,
        })
    }
}
