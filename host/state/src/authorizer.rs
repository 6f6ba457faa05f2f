//! What SQL may do. SQLite asks while it prepares a statement, so what is not allowed does not even compile.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Names that begin like this are the host's own, in the same file.
pub(crate) const RESERVED: &str = "platform_";

/// Pragmas that only tell something.
const READ_PRAGMAS: [&str; 16] = [
    "application_id",
    "data_version",
    "foreign_key_check",
    "foreign_key_list",
    "foreign_keys",
    "freelist_count",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "page_count",
    "page_size",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];
/// Those whose argument is what they tell about, not a new value.
const ASKING_PRAGMAS: [&str; 10] = [
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
/// Those that may be set: they change the challenge's own file or end with the transaction.
const SET_PRAGMAS: [&str; 3] = ["application_id", "defer_foreign_keys", "user_version"];

const TEMPORARY: &str = "a temporary table, index, view or trigger";

/// Whose statements are being prepared, and what was refused last.
#[derive(Clone, Default)]
pub(crate) struct Authorizer(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// The host's own statement runs.
    trusted: AtomicBool,
    /// The text that is being prepared has a reserved name in it, or what looks like one.
    names_reserved: AtomicBool,
    refused: Mutex<Option<String>>,
}

impl Authorizer {
    /// The host's own statements may do everything while the guard is alive.
    pub(crate) fn trust(&self) -> Trust {
        self.0.trusted.store(true, Ordering::Relaxed);
        Trust(self.0.clone())
    }

    /// This text is prepared next.
    pub(crate) fn read(&self, sql: &str) {
        self.0
            .names_reserved
            .store(names_reserved(sql), Ordering::Relaxed);
    }

    /// What was refused since the last time this was asked.
    pub(crate) fn refused(&self) -> Option<String> {
        self.lock().take()
    }

    /// SQLite's question.
    pub(crate) fn decide(&self, context: &AuthContext<'_>) -> Authorization {
        if self.0.trusted.load(Ordering::Relaxed) {
            return Authorization::Allow;
        }
        match refusal(context, self.0.names_reserved.load(Ordering::Relaxed)) {
            None => Authorization::Allow,
            Some(what) => {
                *self.lock() = Some(what);
                Authorization::Deny
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, statements are the host's own.
pub(crate) struct Trust(Arc<Inner>);

impl Drop for Trust {
    fn drop(&mut self) {
        self.0.trusted.store(false, Ordering::Relaxed);
    }
}

/// What is not allowed about it.
fn refusal(context: &AuthContext<'_>, names_reserved: bool) -> Option<String> {
    use AuthAction as Action;
    let says = |what: &str| Some(what.to_owned());
    match context.action {
        // The second also when a table of the file is renamed: SQLite looks for it in both schemas.
        Action::Read { .. } | Action::Update { .. } => {}
        // `temp.x` is temporary as well, and SQLite does not say so in another way. It would be beside the quota, and
        // there for whoever has the connection next.
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
        // What a later SQLite may ask about.
        _ => says("that kind of statement"),
    }
}

fn reserved(name: &str) -> Option<String> {
    let start = name.get(..RESERVED.len())?;
    let is_reserved = start.eq_ignore_ascii_case(RESERVED);
    is_reserved.then(reserved_name)
}

fn reserved_name() -> String {
    format!("a name that begins with {RESERVED}, which are the host's,")
}

/// Whether such a name may be in this text, in any case.
fn names_reserved(sql: &str) -> bool {
    let (bytes, start) = (sql.as_bytes(), RESERVED.len() - 1);
    let ends = memchr::memchr_iter(b'_', bytes);
    let mut names = ends.filter_map(|end| bytes.get(end.checked_sub(start)?..=end));
    names.any(|name| name.eq_ignore_ascii_case(RESERVED.as_bytes()))
}

fn pragma(name: &str, value: Option<&str>) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let has = |list: &[&str]| list.contains(&lower.as_str());
    let allowed = match value {
        None => has(&READ_PRAGMAS) || has(&SET_PRAGMAS),
        // Not of the host's own tables: they would be named, at most.
        Some(_) => has(&ASKING_PRAGMAS) || has(&SET_PRAGMAS),
    };
    let name: String = lower.chars().take(40).collect();
    (!allowed).then(|| match value {
        None => format!("PRAGMA {name}"),
        Some(_) => format!("PRAGMA {name} with a value"),
    })
}
