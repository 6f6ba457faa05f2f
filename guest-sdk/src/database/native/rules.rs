//! What SQL may do, as the host decides it in `authorizer.rs` of its crate `state`: a statement that it would refuse is
//! to fail in an author's test already. Nothing is safe because of this; the author may do as he likes here.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::hooks::{AuthAction as Action, AuthContext, Authorization};

/// Names that begin like this are the host's.
const RESERVED: &str = "platform_";

/// Pragmas that only tell something, and those whose argument is what they tell about.
const TELLING: [&str; 6] = [
    "application_id",
    "data_version",
    "foreign_keys",
    "freelist_count",
    "page_count",
    "page_size",
];
const ASKING: [&str; 10] = [
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];
/// Those that may be set.
const SET: [&str; 3] = ["application_id", "defer_foreign_keys", "user_version"];

const TEMPORARY: &str = "a temporary table, index, view or trigger";

/// Shared with SQLite, which asks while it prepares a statement.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules(Arc<State>);

#[derive(Debug, Default)]
struct State {
    suspended: AtomicBool,
    /// The text that is being prepared has a reserved name in it, or what looks like one.
    names_reserved: AtomicBool,
    refused: Mutex<Option<String>>,
}

impl Rules {
    /// Does this without them.
    pub(super) fn suspended<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.suspended.store(true, Ordering::Relaxed);
        let done = work();
        self.0.suspended.store(false, Ordering::Relaxed);
        done
    }

    /// This text is prepared next.
    pub(super) fn read(&self, sql: &str) {
        let names_reserved = sql.to_ascii_lowercase().contains(RESERVED);
        self.0.names_reserved.store(names_reserved, Ordering::Relaxed);
    }

    /// What was refused since the last time this was asked.
    pub(super) fn refused(&self) -> Option<String> {
        self.lock().take()
    }

    pub(super) fn decide(&self, context: &AuthContext<'_>) -> Authorization {
        if self.0.suspended.load(Ordering::Relaxed) {
            return Authorization::Allow;
        }
        let names_reserved = self.0.names_reserved.load(Ordering::Relaxed);
        let Some(what) = refusal(context, names_reserved) else {
            return Authorization::Allow;
        };
        *self.lock() = Some(what);
        Authorization::Deny
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refusal(context: &AuthContext<'_>, names_reserved: bool) -> Option<String> {
    let says = |what: &str| Some(what.to_owned());
    match context.action {
        Action::Read { .. } | Action::Update { .. } => {}
        // `temp.x` is temporary as well.
        _ if context.database_name == Some("temp") => return says(TEMPORARY),
        // SQLite does not tell the new name of a table.
        Action::AlterTable { .. } if names_reserved => return Some(reserved_name()),
        _ => {}
    }
    match context.action {
        Action::Attach { .. } | Action::Detach { .. } => says("ATTACH, DETACH or VACUUM"),
        Action::Transaction { .. } => {
            says("BEGIN, COMMIT or ROLLBACK in SQL (a transaction is begun by its function)")
        }
        Action::CreateTempIndex { .. }
        | Action::CreateTempTable { .. }
        | Action::CreateTempTrigger { .. }
        | Action::CreateTempView { .. }
        | Action::DropTempIndex { .. }
        | Action::DropTempTable { .. }
        | Action::DropTempTrigger { .. }
        | Action::DropTempView { .. } => says(TEMPORARY),
        Action::CreateVtable { .. } | Action::DropVtable { .. } => says("a virtual table"),
        Action::Function {
            function_name: "load_extension" | "fts3_tokenizer",
        } => says("that function"),
        Action::Function { .. }
        | Action::Select
        | Action::Recursive
        | Action::Savepoint { .. }
        | Action::Analyze { .. }
        | Action::Reindex { .. } => None,
        Action::Pragma {
            pragma_name,
            pragma_value,
        } => pragma(pragma_name, pragma_value),
        Action::CreateIndex {
            index_name: name,
            table_name: table,
        }
        | Action::DropIndex {
            index_name: name,
            table_name: table,
        }
        | Action::CreateTrigger {
            trigger_name: name,
            table_name: table,
        }
        | Action::DropTrigger {
            trigger_name: name,
            table_name: table,
        } => reserved(name).or_else(|| reserved(table)),
        Action::CreateTable { table_name: name }
        | Action::DropTable { table_name: name }
        | Action::CreateView { view_name: name }
        | Action::DropView { view_name: name }
        | Action::Insert { table_name: name }
        | Action::Delete { table_name: name }
        | Action::Update { table_name: name, .. }
        | Action::Read { table_name: name, .. }
        | Action::AlterTable { table_name: name, .. } => reserved(name),
        _ => says("that kind of statement"),
    }
}

fn reserved(name: &str) -> Option<String> {
    let is_reserved = name.get(..RESERVED.len())?.eq_ignore_ascii_case(RESERVED);
    is_reserved.then(reserved_name)
}

fn reserved_name() -> String {
    format!("a name that begins with {RESERVED}, which are the host's,")
}

fn pragma(name: &str, value: Option<&str>) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let is_in = |list: &[&str]| list.contains(&name.as_str());
    let allowed = is_in(&ASKING) || is_in(&SET) || (value.is_none() && is_in(&TELLING));
    (!allowed).then(|| match value {
        None => format!("PRAGMA {name}"),
        Some(_) => format!("PRAGMA {name} with a value"),
    })
}
