//! The cloud as the rest of the house sees it: clients, account, region, endpoint.
//!
//! This room knows how to reach AWS (or anything that speaks its protocols), how to wait for it and
//! how to say what it answered. It knows nothing of stages, plans or terminals.

mod early;
mod explain;
mod fresh;
mod http;
mod identity;
mod multipart;
mod outputs;
mod pace;
mod wait;

use std::path::PathBuf;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;

pub(crate) use self::early::Early;
pub(crate) use self::explain::{
    code, denied_action, explain, is_code, is_denied, is_missing, is_passing, is_throttled,
};
pub(crate) use self::fresh::Fresh;
pub(crate) use self::http::{Incoming, Outgoing, send};
use self::identity::{Doubt, Identity, Memory};
pub(crate) use self::multipart::{Multipart, PART, Target};
pub(crate) use self::outputs::{Outputs, Values};
pub(crate) use self::pace::Pace;
pub(crate) use self::wait::{Backoff, LISTENER, say};
use crate::error::{Error, Result};

/// How to reach a cloud: what flags, config and environment said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    pub(crate) profile: Option<String>,
    pub(crate) region: Option<String>,
    /// `--endpoint-url`, or the local cloud's address. The SDK reads `AWS_ENDPOINT_URL*` by itself.
    pub(crate) endpoint: Option<String>,
    /// The local cloud: it takes any key, so none of the user's leave the house.
    pub(crate) local: bool,
    /// A folder in which it is remembered whom a key belongs to.
    pub(crate) memory: Option<PathBuf>,
}

/// Clients for one account and region.
#[derive(Debug, Clone)]
pub(crate) struct Cloud {
    /// Twelve digits.
    pub(crate) account: String,
    /// Who rzap acts as, an ARN.
    pub(crate) caller: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub(crate) partition: String,
    pub(crate) region: String,
    /// Set when this is not AWS itself.
    pub(crate) endpoint: Option<String>,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    /// REST APIs.
    pub(crate) apigateway: aws_sdk_apigateway::Client,
    /// HTTP APIs.
    pub(crate) apigatewayv2: aws_sdk_apigatewayv2::Client,
    pub(crate) cloudformation: aws_sdk_cloudformation::Client,
    pub(crate) cloudwatch: aws_sdk_cloudwatch::Client,
    /// User pools.
    pub(crate) cognito: aws_sdk_cognitoidentityprovider::Client,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) eventbridge: aws_sdk_eventbridge::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) scheduler: aws_sdk_scheduler::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) sns: aws_sdk_sns::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    /// Step Functions.
    pub(crate) states: aws_sdk_sfn::Client,
    pub(crate) pace: Pace,
    /// Roles that were made a moment ago.
    pub(crate) fresh: Fresh,
    /// Packages that went up before anybody asked for them.
    pub(crate) early: Early,
    /// What AWS chose for things that stand.
    pub(crate) outputs: Outputs,
    /// Account and caller are what is remembered of the key.
    doubt: Option<Doubt>,
}

/// Finds region and credentials as the AWS CLI does and asks STS who we are.
///
/// # Errors
/// `Usage` when there is no region, `Access` when credentials are missing, expired or refused,
/// `Failed` when the endpoint does not answer.
pub(crate) async fn connect(access: &Access) -> Result<Cloud> {
    let (config, region, memory) = configure(access).await?;
    asked(access, &config, region, memory).await
}

/// The same with what STS has once said of the key, for those who only look: they have to ask [`Cloud::in_truth`]
/// before they say what they saw.
///
/// # Errors
/// As [`connect`].
pub(crate) async fn connect_from_memory(access: &Access) -> Result<Cloud> {
    let (config, region, memory) = configure(access).await?;
    if let Some(memory) = &memory
        && let Some(identity) = memory.recall()
    {
        let doubt = Doubt::new(access, &config, memory.clone());
        return Ok(clients(&config, region, identity, Some(doubt)));
    }
    asked(access, &config, region, memory).await
}

async fn asked(access: &Access, config: &SdkConfig, region: String, memory: Option<Memory>) -> Result<Cloud> {
    let identity = identity::ask(access, config).await?;
    if let Some(memory) = memory {
        memory.keep(&identity);
    }
    Ok(clients(config, region, identity, None))
}

/// Region and credentials, and where it is remembered whose they are.
async fn configure(access: &Access) -> Result<(SdkConfig, String, Option<Memory>)> {
    // Throttling is normal on the control plane: API Gateway allows some calls once in 30 s.
    let retry = RetryConfig::standard().with_max_attempts(6).with_max_backoff(Duration::from_secs(20));
    // Without a read timeout a connection that died silently would hang a deploy for many minutes.
    let timeouts =
        TimeoutConfig::builder().connect_timeout(Duration::from_secs(10)).read_timeout(Duration::from_mins(1));
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).retry_config(retry).timeout_config(timeouts.build());
    if let Some(profile) = &access.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &access.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &access.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if access.local {
        loader = loader.credentials_provider(Credentials::new("local", "local", None, None, "the local cloud"));
        if access.region.is_none() {
            loader = loader.region(Region::new("us-east-1"));
        }
    }
    let config = loader.load().await;
    let Some(region) = config.region().map(ToString::to_string) else {
        return Err(Error::usage("no AWS region is configured")
            .hint("add `region: eu-west-1` to rzap.yaml, pass `--region`, or set AWS_REGION")
            .hint("`--local` needs no AWS account at all"));
    };
    let (memory, config) = match &access.memory {
        Some(folder) => Memory::of(folder, config).await,
        None => (None, config),
    };
    Ok((config, region, memory))
}

fn clients(config: &SdkConfig, region: String, identity: Identity, doubt: Option<Doubt>) -> Cloud {
    let endpoint = config.endpoint_url().map(|url| url.trim_end_matches('/').to_owned());
    // Bucket names in the host would need DNS that points at the endpoint.
    // Slow uploads are healthy: with six parts at once, one of them may not move for a while
    // (awslabs/distill-cli #10).
    let slow = StalledStreamProtectionConfig::enabled().upload_enabled(false).grace_period(Duration::from_secs(30));
    let s3 = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(endpoint.is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some())
        .stalled_stream_protection(slow.build())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(10))
                .read_timeout(Duration::from_mins(10))
                .build(),
        )
        .build();
    Cloud {
        partition: identity.partition(),
        account: identity.account,
        caller: identity.caller,
        region,
        lambda: aws_sdk_lambda::Client::new(config),
        s3: aws_sdk_s3::Client::from_conf(s3),
        iam: aws_sdk_iam::Client::new(config),
        apigateway: aws_sdk_apigateway::Client::new(config),
        apigatewayv2: aws_sdk_apigatewayv2::Client::new(config),
        cloudformation: aws_sdk_cloudformation::Client::new(config),
        cloudwatch: aws_sdk_cloudwatch::Client::new(config),
        cognito: aws_sdk_cognitoidentityprovider::Client::new(config),
        dynamodb: aws_sdk_dynamodb::Client::new(config),
        eventbridge: aws_sdk_eventbridge::Client::new(config),
        logs: aws_sdk_cloudwatchlogs::Client::new(config),
        scheduler: aws_sdk_scheduler::Client::new(config),
        secrets: aws_sdk_secretsmanager::Client::new(config),
        sns: aws_sdk_sns::Client::new(config),
        sqs: aws_sdk_sqs::Client::new(config),
        ssm: aws_sdk_ssm::Client::new(config),
        states: aws_sdk_sfn::Client::new(config),
        // The variable is for measuring: an endpoint in front of an emulator may have AWS's rates.
        pace: Pace::new(endpoint.is_none() || std::env::var_os("RZAP_PACE").is_some_and(|pace| pace == "aws")),
        fresh: Fresh::default(),
        early: Early::default(),
        outputs: Outputs::default(),
        endpoint,
        doubt,
    }
}

impl Cloud {
    /// `arn:aws:lambda:eu-west-1:123456789012:function:name`
    pub(crate) fn function_arn(&self, name: &str) -> String {
        format!("arn:{}:lambda:{}:{}:function:{name}", self.partition, self.region, self.account)
    }

    /// `arn:aws:logs:eu-west-1:123456789012:log-group:name`
    pub(crate) fn log_group_arn(&self, name: &str) -> String {
        format!("arn:{}:logs:{}:{}:log-group:{name}", self.partition, self.region, self.account)
    }

    /// `arn:aws:events:eu-west-1:123456789012:rule/orders/paid`
    pub(crate) fn events_arn(&self, what: &str) -> String {
        format!("arn:{}:events:{}:{}:{what}", self.partition, self.region, self.account)
    }

    /// `arn:aws:scheduler:eu-west-1:123456789012:schedule-group/name`
    pub(crate) fn schedule_group_arn(&self, name: &str) -> String {
        format!("arn:{}:scheduler:{}:{}:schedule-group/{name}", self.partition, self.region, self.account)
    }
}
