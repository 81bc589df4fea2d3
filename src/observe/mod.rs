//! What is read back from a running stage, and what it costs. Reads only; knows nothing of plans or terminals.

mod alarms;
mod certificates;
mod cold;
mod failures;
mod gap;
mod metrics;
mod missing;
mod prices;
mod queues;
pub(crate) mod story;
mod tail;
mod window;

pub(crate) use self::alarms::{AlarmState, alarms};
pub(crate) use self::certificates::{Certificate, certificates};
pub(crate) use self::cold::{ColdStarts, cold_starts};
pub(crate) use self::failures::{Failure, Failures, Span, failures};
pub(crate) use self::gap::Gap;
pub(crate) use self::metrics::{Asked, FunctionMetrics, Measured, measure};
pub(crate) use self::missing::hint;
pub(crate) use self::prices::{AS_OF, Cost, Prices, SCHEDULER_FREE, Usage, waiting_month};
pub(crate) use self::queues::{Depth, Queue, depths};
pub(crate) use self::tail::{LogEvent, Notice, Step, Tail, Wanted};
pub(crate) use self::window::Window;
