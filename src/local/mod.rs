//! The local cloud: an embedded server that speaks AWS's wire protocols on loopback.
//!
//! It shares no code with the client side (it may import `error` and nothing else), so the two can
//! only agree by both being right. Lambda, API Gateway and Logs follow AWS's documented
//! behaviour including errors and states, and so do SQS, `DynamoDB`, `EventBridge` and its Scheduler; S3, IAM and STS do what
//! behaviour including errors and states, and so do SQS, SNS, `DynamoDB` and `EventBridge` Scheduler; S3, IAM and STS do what
//! deploying and running apps needs.
//! What it does not know it refuses ([`wire::Fault::unsupported`]), never pretends.
//!
//! Any access key is accepted and no signature is checked: only processes of this machine can reach
//! it, and `guard` keeps web pages out.
//!
//! ```text
//! daemon ─► server ─► guard ─► route ─► s3 · iam · sts · lambda · apigateway(v2) · logs · cloudwatch · scheduler · sqs · sns · events · dynamodb · kinesis · ssm · secretsmanager
//!                                  │                                                            (signature scope)
//!                                  └──► front ─► lambda::invoke ─► worker                         (host or path)
//!                    sqs · dynamodb · kinesis ◄── triggers ─►┘                                (event source mappings)
//! ```

pub(crate) mod apigateway;
pub(crate) mod apigatewayv2;
pub(crate) mod background;
pub(crate) mod caller;
pub(crate) mod checksum;
pub(crate) mod chunked;
pub(crate) mod cloudwatch;
pub(crate) mod daemon;
pub(crate) mod deliver;
pub(crate) mod dynamodb;
pub(crate) mod event_pattern;
pub(crate) mod events;
pub(crate) mod eventstream;
pub(crate) mod form;
pub(crate) mod front;
pub(crate) mod guard;
pub(crate) mod iam;
pub(crate) mod kinesis;
pub(crate) mod lambda;
pub(crate) mod logs;
pub(crate) mod members;
pub(crate) mod rest;
pub(crate) mod route;
pub(crate) mod rpc;
pub(crate) mod run;
pub(crate) mod s3;
pub(crate) mod scheduler;
pub(crate) mod secretsmanager;
pub(crate) mod server;
pub(crate) mod sns;
pub(crate) mod sqs;
pub(crate) mod ssm;
pub(crate) mod state_dir;
pub(crate) mod store;
pub(crate) mod sts;
pub(crate) mod triggers;
pub(crate) mod wire;
pub(crate) mod xml;

use std::path::Path;
use std::sync::Arc;

use crate::error::{OrFailed as _, Result};

/// The account everything local lives in.
pub(crate) const ACCOUNT: &str = "000000000000";

/// All services of one local cloud, always shared as `Arc<Local>`.
pub(crate) struct Local {
    /// The port the server really listens on.
    pub(crate) port: u16,
    pub(crate) s3: s3::S3,
    pub(crate) iam: iam::Iam,
    pub(crate) sts: sts::Sts,
    pub(crate) lambda: lambda::Lambda,
    pub(crate) apigateway: apigateway::ApiGateway,
    pub(crate) apigatewayv2: apigatewayv2::HttpApis,
    pub(crate) logs: logs::Logs,
    pub(crate) cloudwatch: cloudwatch::CloudWatch,
    pub(crate) scheduler: scheduler::Scheduler,
    pub(crate) dynamodb: dynamodb::DynamoDb,
    pub(crate) events: events::Events,
    pub(crate) sns: sns::Sns,
    pub(crate) kinesis: kinesis::Kinesis,
    pub(crate) secrets: secretsmanager::Secrets,
    pub(crate) sqs: sqs::Sqs,
    pub(crate) ssm: ssm::Ssm,
    pub(crate) triggers: triggers::Triggers,
}

impl Local {
    /// Opens (or makes) the state in `home` and starts what works in the background.
    pub(crate) async fn open(home: &Path, port: u16) -> Result<Arc<Self>> {
        std::fs::create_dir_all(home).or_failed(|| format!("create {}", home.display()))?;
        let local = Arc::new(Self {
            port,
            s3: s3::S3::open(home)?,
            iam: iam::Iam::open(home)?,
            sts: sts::Sts::open(home)?,
            lambda: lambda::Lambda::open(home)?,
            apigateway: apigateway::ApiGateway::open(home)?,
            apigatewayv2: apigatewayv2::HttpApis::open(home)?,
            logs: logs::Logs::open(home)?,
            cloudwatch: cloudwatch::CloudWatch::open(home)?,
            scheduler: scheduler::Scheduler::open(home)?,
            dynamodb: dynamodb::DynamoDb::open(home)?,
            events: events::Events::open(home)?,
            sns: sns::Sns::open(home)?,
            kinesis: kinesis::Kinesis::open(home)?,
            secrets: secretsmanager::Secrets::open(home)?,
            sqs: sqs::Sqs::open(home)?,
            ssm: ssm::Ssm::open(home)?,
            triggers: triggers::Triggers::default(),
        });
        local.lambda.start(&local).await;
        local.logs.start(&local);
        local.scheduler.start(&local);
        local.events.start(&local);
        local.cloudwatch.start(&local);
        local.dynamodb.start(&local);
        local.triggers.start(&local);
        Ok(local)
    }
}
