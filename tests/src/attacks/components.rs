//! Components that are hard on whoever looks at them or compiles them. An operator registers what somebody else has
//! built, so these come through the operator's own door.

use bytes::Bytes;

use self::Refusal::{Activated, Registered};

#[path = "../../../host/wasm/tests/boundary/hostile.rs"]
#[expect(
    dead_code,
    reason = "the tests of the compiling process have more of them than the whole host has to see"
)]
mod hostile;

/// A component and what comes of it.
#[derive(Clone, Copy, Debug)]
pub struct BadComponent {
    /// The challenge.
    pub slug: &'static str,
    /// What the component is made of.
    pub what: &'static str,
    /// Makes it.
    pub component: fn() -> Bytes,
    /// When it is refused.
    pub refused: Refusal,
    /// The operator reads this, as the answer and in the log.
    pub reason: &'static str,
}

/// Every component has a challenge of its own that is registered as a draft first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// When it is looked at; nothing is registered.
    Registered,
    /// When it is compiled; it stays a draft.
    Activated,
}

impl Refusal {
    /// In words, for the page of limits.
    pub fn says(self) -> &'static str {
        match self {
            Registered => "when it is registered; there is no such challenge",
            Activated => "when it is activated; it stays a draft",
        }
    }

    /// The code of the answer.
    pub fn code(self) -> &'static str {
        match self {
            Registered => "component_refused",
            Activated => "cannot_start",
        }
    }
}

macro_rules! components {
    ($($slug:literal $component:expr, $what:literal => $refused:expr, $reason:literal;)+) => {
        &[$(BadComponent {
            slug: $slug,
            what: $what,
            component: || $component,
            refused: $refused,
            reason: $reason,
        }),+]
    };
}

/// Challenge, component: what it is made of => when it is refused, what the operator reads;
pub const COMPONENTS: &[BadComponent] = components! {
    "huge-function" hostile::long_function(7_600_000), "a function of 7.6 MB, the largest that is valid"
        => Activated, "compiling the component takes more than";
    "tangled-function" hostile::tangled_function(3_000), "a function of 3,000 variables, each from all others"
        => Activated, "compiling the component takes more than";
    "many-functions" hostile::functions(1_000_000), "10^6 functions"
        => Activated, "compiling the component takes more than";
    "many-exports" hostile::outer_exports(999_998, 8), "10^6 exports"
        => Registered, "type size exceeds the limit";
    "many-inner-exports" hostile::inner_exports(1_000_000), "10^6 exports of a module inside"
        => Registered, "type size exceeds the limit";
    "listed-exports" hostile::outer_exports(20_000, 8), "20,000 exports"
        => Registered, "too many imports and exports";
};
