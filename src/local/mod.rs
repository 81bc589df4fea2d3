//! The local cloud: an embedded server that speaks AWS's wire protocols on loopback.
//!
//! It shares no code with the client side (it may import `error` and nothing else), so the two can
//! only agree by both being right. Lambda, API Gateway and CloudWatch Logs follow AWS's documented
//! behaviour including errors and states; S3, IAM and STS do what deploying and running apps needs.
//! What it does not know it refuses ([`wire::Fault::unsupported`]), never pretends.
//!
//! ```text
//! socket ─► server ─► (signature scope) ─► s3 · iam · sts · lambda · apigateway · logs
//!                 └─► (host or path)    ─► front ─► lambda::invoke ─► worker ─► runtime_api
//! ```

pub(crate) mod apigateway;
pub(crate) mod front;
pub(crate) mod lambda;
pub(crate) mod logs;
pub(crate) mod store;
pub(crate) mod wire;

use std::path::PathBuf;

/// The account everything local lives in.
pub(crate) const ACCOUNT: &str = "000000000000";

/// All services of one local cloud, always shared as `Arc<Local>`.
pub(crate) struct Local {
    /// The folder the services keep their state in, one sub-folder each.
    pub(crate) home: PathBuf,
    /// The port the server really listens on.
    pub(crate) port: u16,
    pub(crate) lambda: lambda::Lambda,
    pub(crate) apigateway: apigateway::ApiGateway,
    pub(crate) logs: logs::Logs,
}
