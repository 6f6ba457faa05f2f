//! What the host keeps for challenges and nobody may read on its disk: sealed with a key that lies in a file of its own,
//! so that a copy of the database gives nothing away. Where sealed bytes are kept, and who gets what is inside, is decided
//! above.

mod key;
mod key_file;

pub use key::{Damaged, Key};
pub use key_file::KeyError;
