//! What is read back from a running stage. Reads only; knows nothing of plans or terminals.

mod logs;
mod missing;

pub(crate) use self::logs::{Filter, LogEvent, Tail};
pub(crate) use self::missing::hint;
