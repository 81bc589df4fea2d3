pub(crate) mod stage;
pub(crate) use stage::*;
