//! The certificates of the custom domains that lead to a stage's API, and when they expire.
//!
//! ACM tells `CloudWatch` twice a day how many days each has left, so no client of ACM is needed. Domains of REST and of
//! HTTP APIs are listed together; edge-optimized ones are not, whose certificates live in us-east-1.
//! <https://docs.aws.amazon.com/acm/latest/userguide/cloudwatch-metrics.html>,
//! <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/domainnames.html>

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use crate::aws::{Cloud, explain, is_code, is_missing};
use crate::error::Result;

/// Domains whose mappings are read at once, and how many are looked at at all.
const PARALLEL: usize = 8;
const MOST: usize = 100;
/// Seconds. ACM publishes twice a day.
const LOOK_BACK: i64 = 2 * 86_400;
const DAY: i32 = 86_400;

/// Of one domain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Certificate {
    pub(crate) domain: String,
    pub(crate) arn: String,
    /// Null where ACM has not said.
    pub(crate) days_left: Option<f64>,
    /// The ids of the APIs behind the domain.
    #[serde(skip)]
    pub(crate) apis: BTreeSet<String>,
}

/// Of all domains of the region with something behind them; whose APIs these are the caller knows. `now` in seconds
/// since the epoch.
pub(crate) async fn certificates(cloud: &Cloud, now: i64) -> Result<Vec<Certificate>> {
    let mut found = behind(cloud, domains(cloud).await?).await?;
    found.retain(|certificate| !certificate.apis.is_empty());
    if found.is_empty() {
        return Ok(found);
    }
    let arns: BTreeSet<&str> = found.iter().map(|certificate| certificate.arn.as_str()).collect();
    let left = days_left(cloud, &arns.into_iter().collect::<Vec<_>>(), now).await?;
    for certificate in &mut found {
        certificate.days_left = left.get(&certificate.arn).copied();
    }
    Ok(found)
}

/// Name and certificate of each.
async fn domains(cloud: &Cloud) -> Result<Vec<(String, String)>> {
    let (mut all, mut token) = (Vec::new(), None);
    loop {
        let call = cloud.apigatewayv2.get_domain_names().max_results("100").set_next_token(token);
        let page = match call.send().await {
            Ok(page) => page,
            // Who has no custom domains has no certificates.
            Err(error) if is_missing(cloud, &error) => return Ok(all),
            Err(error) => return Err(explain("list the custom domains")(error)),
        };
        for domain in page.items() {
            let certificate = domain.domain_name_configurations().iter().find_map(|it| it.certificate_arn());
            all.extend(domain.domain_name().zip(certificate).map(|(name, arn)| (name.to_owned(), arn.to_owned())));
        }
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() || all.len() >= MOST {
            all.truncate(MOST);
            return Ok(all);
        }
    }
}

async fn behind(cloud: &Cloud, domains: Vec<(String, String)>) -> Result<Vec<Certificate>> {
    let looks = domains.into_iter().map(|(domain, arn)| async move {
        let answer = cloud.apigatewayv2.get_api_mappings().domain_name(&domain).max_results("100").send().await;
        let apis = match answer {
            Ok(answer) => answer.items().iter().filter_map(|it| it.api_id().map(str::to_owned)).collect(),
            Err(error) if is_code(&error, &["NotFoundException"]) => BTreeSet::new(),
            Err(error) => return Err(explain(format!("read the mappings of the domain `{domain}`"))(error)),
        };
        Ok(Certificate { domain, arn, days_left: None, apis })
    });
    stream::iter(looks).buffered(PARALLEL).try_collect().await
}

async fn days_left(cloud: &Cloud, arns: &[&str], now: i64) -> Result<BTreeMap<String, f64>> {
    let query = |(id, arn): (usize, &&str)| {
        let dimension = Dimension::builder().name("CertificateArn").value(*arn).build();
        let metric = Metric::builder().namespace("AWS/CertificateManager").metric_name("DaysToExpiry");
        let wanted = MetricStat::builder().metric(metric.dimensions(dimension).build()).period(DAY).stat("Minimum");
        MetricDataQuery::builder().id(format!("c{id}")).metric_stat(wanted.build()).build()
    };
    let call = cloud
        .cloudwatch
        .get_metric_data()
        .set_metric_data_queries(Some(arns.iter().enumerate().map(query).collect()))
        .start_time(DateTime::from_secs(now - LOOK_BACK))
        .end_time(DateTime::from_secs(now));
    let answer = call.send().await.map_err(explain("read when certificates expire"))?;
    let days = answer.metric_data_results().iter().filter_map(|result| {
        let id: usize = result.id()?.strip_prefix('c')?.parse().ok()?;
        let least = result.values().iter().copied().reduce(f64::min)?;
        Some(((*arns.get(id)?).to_owned(), least))
    });
    Ok(days.collect())
}
