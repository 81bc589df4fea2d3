//! What is read back from a running stage, and what it costs. Reads only; knows nothing of plans or terminals.

mod failures;
mod missing;
mod prices;
pub(crate) mod story;
mod tail;

pub(crate) use self::failures::{Failure, Failures, Span, failures};
pub(crate) use self::missing::hint;
pub(crate) use self::prices::{AS_OF, Cost, SCHEDULER_FREE, waiting_month};
pub(crate) use self::tail::{LogEvent, Notice, Step, Tail, Wanted};
