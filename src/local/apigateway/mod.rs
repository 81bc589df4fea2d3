//! x
#[derive(Debug)]
pub(crate) struct ApiGateway;
