//! Everything about a stage that can be read, asked for at once: its names are computed, so nothing waits for the look
//! around. What takes longest says how long it takes.

use std::collections::BTreeMap;
use std::pin::pin;

use futures_util::future::{Either, select};

use super::as_deployed;
use super::numbers::Numbers;
use crate::aws::{Cloud, is_denied};
use crate::commands::context::owner_of;
use crate::config::StageConfig;
use crate::deploy::{self, Any, Found, Glimpse, Kind, Outline, Place, Release, Unfinished};
use crate::error::{Error, Result};
use crate::observe::{self, Asked, Gap, Measured, Queue, Window};

/// What was seen, and what was not.
pub(super) struct Seen {
    pub(super) cloud: Cloud,
    pub(super) found: Found<Any>,
    /// Kinds that may not be looked for.
    pub(super) refused: Vec<(Kind, Error)>,
    pub(super) release: Option<Release>,
    /// Whether its absence means that there is none.
    pub(super) knows_release: bool,
    pub(super) unfinished: Option<Unfinished>,
    /// None when nobody asked for them.
    pub(super) numbers: Option<Numbers>,
    pub(super) gaps: Vec<Gap>,
    /// The first permission that was missing for something that a comparison needs.
    denied: Option<Error>,
}

impl Seen {
    /// For those to whom half the truth is of no use.
    ///
    /// # Errors
    /// A permission was missing.
    pub(super) fn insist(&self) -> Result<()> {
        self.denied.clone().map_or(Ok(()), Err)
    }
}

/// Looks at a stage; with a `window` also at its numbers.
///
/// # Errors
/// Something failed that is no missing permission, or nothing at all may be seen.
pub(super) async fn look(cloud: Cloud, stage: &StageConfig, window: Option<Window>) -> Result<Seen> {
    let looking = pin!(look_at(cloud.clone(), stage, window));
    // Who we are may be remembered only. Where STS refuses the key or does not answer, nobody waits for the others.
    let (seen, other) = match select(looking, pin!(cloud.in_truth())).await {
        Either::Left((seen, other)) => (seen, other.await?),
        Either::Right((other, looking)) => match other? {
            Some(other) => return look_at(other, stage, window).await,
            None => return looking.await,
        },
    };
    match other {
        Some(other) => look_at(other, stage, window).await,
        None => seen,
    }
}

async fn look_at(cloud: Cloud, stage: &StageConfig, window: Option<Window>) -> Result<Seen> {
    let owner = owner_of(stage);
    let nothing = as_deployed(stage, &Found::none());
    let blueprint = deploy::blueprint(stage, &nothing, &Place::of(&cloud))?;
    let outline = deploy::outline(&blueprint, stage, &cloud.account);
    let mut gaps = Vec::new();
    let numbers = async {
        match window {
            Some(window) => Some(read(&cloud, &outline, window).await),
            None => None,
        }
    };
    let (glimpse, release, unfinished, numbers) = tokio::join!(
        deploy::glimpse(&cloud, &owner, stage),
        Release::latest(&cloud, &owner),
        Unfinished::find(&cloud, &owner, stage.functions.keys().collect()),
        numbers
    );
    let Glimpse { found, refused, is_blind } = glimpse?;
    let mut denied: Vec<Error> = Vec::new();
    for (kind, error) in &refused {
        let gap = Gap::new(plural(*kind), None, error);
        // Of a bucket S3 says only that it may not be looked at.
        let bare = error.causes.is_empty().then(|| "s3:ListBucket".to_owned());
        gaps.push(Gap { action: gap.action.clone().or(bare), ..gap });
        denied.push(error.clone());
    }
    let mut allowed = |what: &str, action: &str, error: Error| {
        if !is_denied(&error) {
            return Err(error);
        }
        gaps.push(Gap::new(what, Some(action), &error));
        denied.push(error);
        Ok(())
    };
    let knows_release = release.is_ok();
    let release = match release {
        Ok(release) => release,
        Err(error) => allowed("release", "s3:GetObject", error).map(|()| None)?,
    };
    let unfinished = match unfinished {
        Ok(unfinished) => unfinished,
        Err(error) => allowed("shares of traffic", "lambda:GetAlias", error).map(|()| None)?,
    };
    let sees_numbers = numbers.as_ref().is_some_and(|(numbers, _)| !numbers.is_empty());
    if let (true, false, false, Some(error)) = (is_blind, knows_release, sees_numbers, denied.first()) {
        return Err(super::blind(error.clone()));
    }
    let numbers = match numbers {
        Some((mut numbers, missing)) => {
            gaps.extend(missing);
            numbers.add_strangers(&cloud, &found).await;
            numbers.keep_certificates_of(&found);
            Some(numbers)
        }
        None => None,
    };
    gaps.sort();
    gaps.dedup_by(|a, b| (&a.what, &a.action) == (&b.what, &b.action));
    let denied = denied.into_iter().next();
    Ok(Seen { cloud, found, refused, release, knows_release, unfinished, numbers, gaps, denied })
}

/// `functions`, `static files`, `release history`
fn plural(kind: Kind) -> String {
    let words = kind.words();
    match words {
        "release history" | "static files" | "provisioned concurrency" => words.to_owned(),
        _ => format!("{words}s"),
    }
}

/// All numbers; what could not be read is a gap and nothing else.
async fn read(cloud: &Cloud, outline: &Outline, window: Window) -> (Numbers, Vec<Gap>) {
    let asked = Asked {
        functions: outline.functions.keys().cloned().collect(),
        readers: outline.readers.iter().cloned().collect(),
        provisioned: outline.provisioned.keys().cloned().collect(),
        queues: outline.queues.iter().filter(|it| it.account == cloud.account).map(|it| it.name.clone()).collect(),
    };
    let groups: BTreeMap<String, String> =
        outline.functions.keys().map(|name| (name.clone(), deploy::log_group_name(name))).collect();
    let queue = |seen: &deploy::SeenQueue| {
        let deploy::SeenQueue { name, account, dead_letters } = seen.clone();
        Queue { name, account, dead_letters }
    };
    let queues: Vec<Queue> = outline.queues.iter().map(queue).collect();
    let alarms: Vec<String> = outline.alarms.iter().cloned().collect();
    let certificates =
        async { if outline.has_api { observe::certificates(cloud, window.until).await } else { Ok(Vec::new()) } };
    let (measured, cold, alarms, queues, certificates) = tokio::join!(
        observe::measure(cloud, &asked, &window),
        observe::cold_starts(cloud, &groups, &window),
        observe::alarms(cloud, &alarms),
        observe::depths(cloud, &queues),
        certificates
    );
    let mut gaps = Vec::new();
    let mut numbers = Numbers {
        window,
        measured: kept(measured, ("metrics", "cloudwatch:GetMetricData"), &mut gaps),
        cold: kept(cold, ("cold starts", "logs:FilterLogEvents"), &mut gaps),
        alarms: kept(alarms, ("alarms", "cloudwatch:DescribeAlarms"), &mut gaps),
        queues: kept(queues, ("queues", "sqs:GetQueueAttributes"), &mut gaps),
        certificates: kept(certificates, ("certificates", "apigateway:GET"), &mut gaps),
        provisioned: outline.provisioned.clone(),
    };
    if let (Some(queues), Some(Measured { oldest, .. })) = (&mut numbers.queues, &numbers.measured) {
        for queue in queues {
            // An empty queue has no oldest message, whatever was measured a minute ago.
            let some = queue.visible + queue.in_flight + queue.delayed > 0;
            queue.oldest_seconds = oldest.get(&queue.name).copied().filter(|_| some);
        }
    }
    (numbers, gaps)
}

fn kept<T>(part: Result<T>, (what, action): (&str, &str), gaps: &mut Vec<Gap>) -> Option<T> {
    part.map_err(|error| gaps.push(Gap::new(what, Some(action), &error))).ok()
}
