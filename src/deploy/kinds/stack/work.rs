//! Creating, updating and deleting a stack, from whatever state it is in.
//!
//! `CloudFormation` works by itself; we start it and wait. What it was doing when nobody waited is waited for first. A
//! stack whose creation failed has nothing in it any more and is removed before it is made again; one whose way back
//! failed goes that way first.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#stack-status-codes>

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudformation::types::{Capability, Parameter, Stack as Described, StackEvent, StackStatus, Tag};

use super::events::{Follower, first_failure, invalid};
use super::{PARAMETERS_TAG, Stack, TEMPLATE_TAG, describe, exact, is_ours, is_ready, loose, outputs, policy};
use crate::aws::{Backoff, Cloud, code, explain, say};
use crate::deploy::names::template_key;
use crate::deploy::resource::Resource as _;
use crate::error::{Error, Result};

/// Bytes of a template that goes with the call.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const INLINE: usize = 51_200;

/// How often a stack may turn out to be in another state than a moment ago.
const TURNS: u32 = 8;

/// What is being done to it.
#[derive(Clone, Copy)]
enum Doing {
    Create,
    Update,
    Delete,
}

impl Doing {
    fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Makes it so; its outputs.
pub(super) async fn make(cloud: &Cloud, stack: &Stack) -> Result<BTreeMap<String, String>> {
    for _ in 0..TURNS {
        let live = describe(cloud, &stack.name).await?;
        let Some(live) = live else {
            if let Some(done) = create(cloud, stack).await? {
                return Ok(outputs(&done));
            }
            continue;
        };
        if !is_ours(&stack.owner, &live) {
            return Err(stack.key().not_ours(&stack.owner));
        }
        match status(&live) {
            at_work if at_work.ends_with("_IN_PROGRESS") && at_work != "REVIEW_IN_PROGRESS" => {
                say(&format!("waiting for what is going on: {at_work}"));
                let mut follower = Follower::start(cloud, &stack.name).await?;
                wait(cloud, stack, &live, &mut follower).await?;
            }
            // Nothing stands in it that anybody could have used.
            "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "REVIEW_IN_PROGRESS" => {
                say("removing what is left of a creation that failed");
                remove(cloud, stack).await?;
            }
            "UPDATE_ROLLBACK_FAILED" => {
                say("going on with the way back of an update that failed");
                go_back(cloud, stack, &live).await?;
            }
            ready if is_ready(ready) || ready == "UPDATE_FAILED" => {
                return Ok(outputs(&update(cloud, stack, live).await?));
            }
            other => {
                return Err(Error::failed(format!("the stack `{}` is {other}: it cannot be updated", stack.name))
                    .hint("run the same command again"));
            }
        }
    }
    Err(Error::failed(format!("somebody else is at work on the stack `{}`", stack.name))
        .hint("run the same command again"))
}

/// Deletes it and waits until it is gone.
pub(super) async fn remove(cloud: &Cloud, stack: &Stack) -> Result<()> {
    let Some(mut live) = describe(cloud, &stack.name).await? else { return Ok(()) };
    let mut follower = Follower::start(cloud, id(&live)).await?;
    if status(&live).ends_with("_IN_PROGRESS") && !["DELETE_IN_PROGRESS", "REVIEW_IN_PROGRESS"].contains(&status(&live))
    {
        say(&format!("waiting for what is going on: {}", status(&live)));
        match wait(cloud, stack, &live, &mut follower).await? {
            (Some(now), _) => live = now,
            (None, _) => return Ok(()),
        }
    }
    if status(&live) != "DELETE_IN_PROGRESS" {
        let call = cloud.cloudformation.delete_stack().stack_name(id(&live)).send().await;
        call.map_err(explain(format!("delete the stack `{}`", stack.name)))?;
    }
    let (now, events) = wait(cloud, stack, &live, &mut follower).await?;
    match now {
        Some(now) if status(&now) != "DELETE_COMPLETE" => {
            let error = failure(cloud, stack, Doing::Delete, &now, &events).await;
            Err(error.hint("remove what is in the way, or retain it in the template, then run the same command again"))
        }
        _ => Ok(()),
    }
}

/// `None` when there is one already.
async fn create(cloud: &Cloud, stack: &Stack) -> Result<Option<Described>> {
    let (body, url) = template(cloud, stack).await?;
    let call = cloud.cloudformation.create_stack().stack_name(&stack.name).set_template_body(body);
    let call = call.set_template_url(url).set_parameters(Some(parameters(stack)));
    let call = call.set_capabilities(Some(capabilities(stack))).set_tags(Some(tags(stack)));
    let answer = match call.send().await {
        Ok(answer) => answer,
        Err(error) if code(&error) == Some("AlreadyExistsException") => return Ok(None),
        Err(error) => {
            let needs_capability = code(&error) == Some("InsufficientCapabilitiesException");
            return Err(hinted(needs_capability, explain(format!("create the stack `{}`", stack.name))(error)));
        }
    };
    let id = answer.stack_id().unwrap_or(&stack.name);
    let Some(live) = describe(cloud, id).await? else { return Ok(None) };
    let (now, events) = wait(cloud, stack, &live, &mut Follower::default()).await?;
    match now {
        Some(now) if status(&now) == "CREATE_COMPLETE" => Ok(Some(now)),
        Some(now) => Err(failure(cloud, stack, Doing::Create, &now, &events).await),
        None => Err(Error::failed(format!("the stack `{}` was deleted while it was made", stack.name))),
    }
}

async fn update(cloud: &Cloud, stack: &Stack, live: Described) -> Result<Described> {
    let mut follower = Follower::start(cloud, id(&live)).await?;
    let (body, url) = template(cloud, stack).await?;
    let call = cloud.cloudformation.update_stack().stack_name(id(&live)).set_template_body(body);
    let call = call.set_template_url(url).set_parameters(Some(parameters(stack)));
    let call = call.set_capabilities(Some(capabilities(stack))).set_tags(Some(tags(stack)));
    let call = call.stack_policy_during_update_body(policy::during_update(stack.delete_data));
    if let Err(error) = call.send().await {
        let message = error.as_service_error().and_then(|error| error.meta().message()).unwrap_or_default();
        if message.contains("No updates are to be performed") {
            return Ok(live);
        }
        let needs_capability = code(&error) == Some("InsufficientCapabilitiesException");
        return Err(hinted(needs_capability, explain(format!("update the stack `{}`", stack.name))(error)));
    }
    let (now, events) = wait(cloud, stack, &live, &mut follower).await?;
    match now {
        Some(now) if status(&now) == "UPDATE_COMPLETE" => Ok(now),
        Some(now) => Err(failure(cloud, stack, Doing::Update, &now, &events).await),
        None => Err(Error::failed(format!("the stack `{}` was deleted while it was updated", stack.name))),
    }
}

/// Finishes the way back of an update.
async fn go_back(cloud: &Cloud, stack: &Stack, live: &Described) -> Result<()> {
    let mut follower = Follower::start(cloud, id(live)).await?;
    let call = cloud.cloudformation.continue_update_rollback().stack_name(id(live)).send().await;
    call.map_err(explain(format!("go back with the stack `{}`", stack.name)))?;
    let (now, events) = wait(cloud, stack, live, &mut follower).await?;
    match now {
        Some(now) if status(&now) == "UPDATE_ROLLBACK_FAILED" => {
            Err(failure(cloud, stack, Doing::Update, &now, &events).await.hint(
                "the way back failed, too: repair that resource, or skip it with `aws cloudformation \
                 continue-update-rollback --resources-to-skip`, then run the same command again",
            ))
        }
        _ => Ok(()),
    }
}

/// Waits until nothing is going on; then how it is, `None` when it is gone, and what happened.
async fn wait(
    cloud: &Cloud,
    stack: &Stack,
    live: &Described,
    follower: &mut Follower,
) -> Result<(Option<Described>, Vec<StackEvent>)> {
    // Databases and distributions take the better part of an hour.
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5), Duration::from_hours(3));
    let mut events = Vec::new();
    loop {
        let now = describe(cloud, id(live)).await?;
        events.extend(follower.tell(cloud, id(live)).await?);
        match &now {
            Some(now) if status(now).ends_with("_IN_PROGRESS") => {}
            _ => return Ok((now, events)),
        }
        if !backoff.sleep().await {
            return Err(Error::failed(format!("CloudFormation is at work on the stack `{}` for 3 hours", stack.name))
                .hint("run the same command again: it goes on waiting"));
        }
    }
}

/// Why it is not as it should be: what went wrong first, which is what everything else follows from.
async fn failure(cloud: &Cloud, stack: &Stack, doing: Doing, now: &Described, events: &[StackEvent]) -> Error {
    let mut error = Error::failed(format!("failed to {} the stack `{}`", doing.word(), stack.name));
    let mut first = first_failure(&stack.name, events);
    if first.as_ref().is_none_or(|first| first.resource == stack.name) {
        first = invalid(cloud, id(now)).await.or(first);
    }
    let Some(first) = first else {
        let reason = now.stack_status_reason().unwrap_or("no reason was given");
        error.causes.push(format!("{}: {reason}", status(now)));
        return error;
    };
    let of =
        if first.resource == stack.name { String::new() } else { format!("`{}` ({}): ", first.resource, first.kind) };
    error.causes.push(format!("{of}{}", first.reason));
    if policy::forbids(&first.reason) {
        return error.hint("it holds data, and this change would delete it: `--delete-data` allows that");
    }
    match doing {
        Doing::Create => error.hint("change the template and deploy again: what is left of this try is removed first"),
        Doing::Update => error.hint("the stack is as it was before: change the template and deploy again"),
        Doing::Delete => error,
    }
}

fn hinted(needs_capability: bool, error: Error) -> Error {
    if !needs_capability {
        return error;
    }
    error.hint(
        "the template makes roles or policies: allow it with `cloudformation: { template: …, capabilities: [iam] }`",
    )
}

/// The template itself, or where it lies when it is too large for a call.
async fn template(cloud: &Cloud, stack: &Stack) -> Result<(Option<String>, Option<String>)> {
    if stack.body.len() <= INLINE {
        return Ok((Some(stack.body.clone()), None));
    }
    let key = template_key(&stack.owner.app, &exact(&stack.body));
    let target = crate::deploy::kinds::artifact_folder(cloud, &stack.owner.app);
    let target = crate::aws::Target { key: key.clone(), bucket: stack.bucket.clone(), ..target };
    target.put(stack.body.clone().into_bytes().into()).await?;
    let suffix = if cloud.partition == "aws-cn" { ".cn" } else { "" };
    let own = || format!("https://{}.s3.{}.amazonaws.com{suffix}", stack.bucket, cloud.region);
    let place = cloud.endpoint.as_ref().map_or_else(own, |endpoint| format!("{endpoint}/{}", stack.bucket));
    Ok((None, Some(format!("{place}/{key}"))))
}

fn parameters(stack: &Stack) -> Vec<Parameter> {
    let parameters = stack.parameters.iter();
    parameters.map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build()).collect()
}

fn capabilities(stack: &Stack) -> Vec<Capability> {
    stack.capabilities.iter().map(|name| Capability::from(name.as_str())).collect()
}

fn tags(stack: &Stack) -> Vec<Tag> {
    let template = (TEMPLATE_TAG.to_owned(), format!("{} {}", exact(&stack.body), loose(&stack.body)));
    let parameters = (PARAMETERS_TAG.to_owned(), stack.given.as_str().to_owned());
    let all = stack.owner.tags().into_iter().chain([template, parameters]);
    all.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

fn status(live: &Described) -> &str {
    live.stack_status().map(StackStatus::as_str).unwrap_or_default()
}

fn id(live: &Described) -> &str {
    live.stack_id().or(live.stack_name()).unwrap_or_default()
}
