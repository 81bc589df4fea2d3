//! Placeholder for the service `lambda`; replaced on merge.
#[derive(Debug)]
pub(crate) struct Lambda;
