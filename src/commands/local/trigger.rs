//! `rzap local trigger`: wakes a function of the local cloud now, as its trigger would, and waits for the outcome.
//!
//! Never on AWS. What each kind of trigger does is one line in [`fire`]; kinds that are not there give the function a
//! sample event.

mod fit;
mod through;

use std::time::{Duration, Instant};

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use aws_sdk_sqs::types::QueueAttributeName;
use base64::Engine as _;
use serde_json::{Value, json};

use crate::aws::{Backoff, Cloud, code, explain};
use crate::commands::context::{Context, one_function, owner_of};
use crate::commands::samples;
use crate::config::triggers::{ScheduleTrigger, SqsTrigger, Trigger};
use crate::config::{FunctionConfig, Http, StageConfig, suggest};
use crate::deploy::{self, ALIAS, Place};
use crate::error::{Error, Kind, Result};
use crate::ui::Report;

/// Wake a function of the local cloud now, as its trigger would
#[derive(Debug, clap::Args)]
pub(crate) struct Fire {
    /// The stage
    stage: String,

    /// The function
    function: String,

    /// Which of its triggers: the name, the place in the list (1, 2, …) or the kind (schedule, sqs, …)
    trigger: Option<String>,

    /// The message, for a queue or a topic; the detail of an event (JSON), for a bus
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
}

/// How long a message may take besides the function's timeout and the batch window.
const PATIENCE: Duration = Duration::from_secs(30);

impl Fire {
    pub(crate) async fn run(self, context: &Context) -> Result<Box<dyn Report>> {
        let stage = context.stage_to_look_at(Some(&self.stage))?;
        let name = one_function(&stage, Some(&self.function))?;
        let Some(function) = stage.functions.get(&name) else {
            return Err(Error::usage(format!("no function `{name}`")));
        };
        let (word, trigger) = chosen(function, self.trigger.as_deref())?;
        if self.message.is_some() && !takes_message(trigger) {
            return Err(Error::usage(format!("a `{word}` trigger takes no message")));
        }
        let cloud = context.local_cloud(&stage).await?;
        let scene = Scene { cloud: &cloud, stage: &stage, function };
        let fired = fire(&scene, (word.clone(), trigger), self.message.as_deref()).await?;
        if !context.ui.is_json() {
            context.ui.say(&format!("fired {}", fired.what));
            if let Some(error) = &fired.error {
                if !fired.log.is_empty() {
                    context.ui.say(fired.log.trim_end());
                }
                let hint = format!("`rzap tail {} {name} --local` shows all of its log", stage.stage);
                let failed = Error::failed(format!("the function `{name}` failed")).hint(hint);
                return Err(Error { causes: vec![error.clone()], ..failed });
            }
        }
        Ok(Box::new(fired))
    }
}

/// The trigger that is meant, and its kind's word.
fn chosen<'a>(function: &'a FunctionConfig, asked: Option<&str>) -> Result<(String, &'a Trigger)> {
    let words: Vec<String> = function.triggers.iter().map(word).collect();
    let list = || {
        let all = words.iter().enumerate().map(|(at, word)| format!("{} ({word})", at + 1));
        suggest::list(&all.collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>())
    };
    let all = words.iter().zip(&function.triggers).enumerate();
    let named =
        |trigger: &Trigger, asked: &str| matches!(trigger, Trigger::Schedule(it) if it.name.as_deref() == Some(asked));
    let fitting: Vec<_> = all
        .filter(|(at, (word, trigger))| {
            asked.is_none_or(|asked| named(trigger, asked) || *word == asked || (at + 1).to_string() == asked)
        })
        .map(|(_, (word, trigger))| (word.clone(), trigger))
        .collect();
    match (fitting.as_slice(), asked) {
        ([one], _) => Ok(one.clone()),
        (_, _) if words.is_empty() => Err(Error::usage(format!("`{}` has no triggers", function.name))
            .hint(format!("`rzap invoke STAGE {}` calls it with an event of yours", function.name))),
        ([], Some(asked)) => {
            Err(Error::usage(format!("`{}` has no trigger `{asked}`", function.name))
                .hint(format!("it has {}", list())))
        }
        _ => Err(Error::usage(format!("which trigger of `{}`?", function.name)).hint(format!("name one: {}", list()))),
    }
}

/// A trigger's kind, as the config has it.
fn word(trigger: &Trigger) -> String {
    let shown = serde_json::to_value(trigger).unwrap_or_default();
    shown.as_object().and_then(|kinds| kinds.keys().next().cloned()).unwrap_or_default()
}

/// Where it happens.
struct Scene<'a> {
    cloud: &'a Cloud,
    stage: &'a StageConfig,
    function: &'a FunctionConfig,
}

impl Scene<'_> {
    /// The function's name in the cloud.
    fn name(&self) -> String {
        deploy::function_name(&owner_of(self.stage), &self.function.name)
    }

    fn missing(&self, error: Error) -> Error {
        error.hint(format!("is it there? `rzap deploy {} --local` deploys it", self.stage.stage))
    }
}

/// What each kind does.
async fn fire(scene: &Scene<'_>, (word, trigger): (String, &Trigger), message: Option<&str>) -> Result<Fired> {
    if let Trigger::Schedule(schedule) = trigger {
        return called(scene, schedule).await;
    }
    if let Trigger::Sqs(sqs) = trigger {
        return sent(scene, sqs, message.unwrap_or("{}")).await;
    }
    if let Trigger::Sns(sns) = trigger {
        return through::published(scene, sns, message).await;
    }
    if let Trigger::Events(events) = trigger
        && !is_of_aws(&events.pattern)
    {
        return through::put(scene, events, message).await;
    }
    // The others happen in services that have more to say than a trigger: the function gets a sample of it.
    let place = samples::Place { region: scene.cloud.region.clone() };
    let event = samples::sample(&sample_words(scene, &word, trigger)?, &place)?.to_string();
    invoked(scene, format!("a sample event of `{word}`"), event).await
}

fn takes_message(trigger: &Trigger) -> bool {
    match trigger {
        Trigger::Sqs(_) | Trigger::Sns(_) => true,
        Trigger::Events(events) => !is_of_aws(&events.pattern),
        _ => false,
    }
}

/// Whether a pattern is for events of AWS's own, which nobody else may put on a bus.
fn is_of_aws(pattern: &Value) -> bool {
    pattern["source"].as_array().into_iter().flatten().any(|it| it.as_str().is_some_and(|it| it.starts_with("aws.")))
}

/// The words of `rzap event` that come closest to what a trigger listens to.
fn sample_words(scene: &Scene<'_>, word: &str, trigger: &Trigger) -> Result<Vec<String>> {
    let name = |source| {
        let arn = deploy::source_arn(scene.stage, &Place::of(scene.cloud), source)?;
        Ok::<_, Error>(arn.rsplit([':', '/']).next().unwrap_or_default().to_owned())
    };
    let more = match trigger {
        Trigger::S3(s3) => {
            let key = format!("{}sample{}", s3.prefix, s3.suffix);
            vec!["--bucket".to_owned(), name(&s3.bucket)?, "--key".to_owned(), key]
        }
        Trigger::Http(http) => {
            let (method, path) = http.route.split_once(' ').unwrap_or(("GET", "/"));
            let method = if method == "ANY" { "GET" } else { method };
            let payload = if http.api == Some(Http::Rest) { "1.0" } else { "2.0" };
            ["--method", method, "--path", path, "--payload", payload].map(str::to_owned).to_vec()
        }
        _ => Vec::new(),
    };
    Ok([word.to_owned()].into_iter().chain(more).collect())
}

/// What Scheduler would send, with its words filled in, and the function's answer.
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>
async fn called(scene: &Scene<'_>, schedule: &ScheduleTrigger) -> Result<Fired> {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let id = uuid::Uuid::new_v4().to_string();
    let words = [("scheduled-time", now.as_str()), ("execution-id", id.as_str()), ("attempt-number", "1")];
    let fill = |text: String, (word, value): &(&str, &str)| text.replace(&format!("<aws.scheduler.{word}>"), value);
    let input = words.iter().fold(schedule.input.to_string(), fill);
    invoked(scene, format!("{} with {input}", schedule.expression), input).await
}

/// Calls the function with an event and waits for its answer.
async fn invoked(scene: &Scene<'_>, what: String, input: String) -> Result<Fired> {
    let call = scene.cloud.lambda.invoke().function_name(scene.name()).qualifier(ALIAS).log_type(LogType::Tail);
    let answer = match call.payload(Blob::new(input)).send().await {
        Ok(answer) => answer,
        Err(error) if code(&error) == Some("ResourceNotFoundException") => {
            return Err(scene.missing(explain(format!("call `{}`", scene.function.name))(error)));
        }
        Err(error) => return Err(explain(format!("call `{}`", scene.function.name))(error)),
    };
    let log = answer.log_result().map(|log| base64::engine::general_purpose::STANDARD.decode(log).unwrap_or_default());
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    let payload: Value = serde_json::from_slice(&payload).unwrap_or_default();
    let text = |key: &str| payload[key].as_str().unwrap_or_default().to_owned();
    let error = answer.function_error.is_some().then(|| format!("{}: {}", text("errorType"), text("errorMessage")));
    Ok(Fired {
        what,
        outcome: payload.to_string(),
        error,
        log: log.map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default(),
    })
}

/// A message in the queue. It is through when the queue has no more than before; it has failed when the function
/// has run and the message is still there.
async fn sent(scene: &Scene<'_>, sqs: &SqsTrigger, message: &str) -> Result<Fired> {
    let arn = deploy::source_arn(scene.stage, &Place::of(scene.cloud), &sqs.queue)?;
    let queue = arn.rsplit(':').next().unwrap_or_default();
    let client = &scene.cloud.sqs;
    let url = client.get_queue_url().queue_name(queue).send().await;
    let url = url.map_err(|error| scene.missing(explain(format!("look for the queue `{queue}`"))(error)))?;
    let url = url.queue_url().unwrap_or_default().to_owned();
    let before = waiting(scene.cloud, &url).await?;
    let since = jiff::Timestamp::now().as_millisecond();
    let fifo = queue.strip_suffix(".fifo").is_some();
    let call = client.send_message().queue_url(&url).message_body(message);
    let call = call.set_message_group_id(fifo.then(|| "rzap".to_owned()));
    let call = call.set_message_deduplication_id(fifo.then(|| uuid::Uuid::new_v4().to_string()));
    call.send().await.map_err(explain(format!("send a message to `{queue}`")))?;
    let what = format!("a message to {queue}: {message}");
    let limit = PATIENCE + Duration::from_secs(u64::from(scene.function.timeout) + u64::from(sqs.window));
    let (started, mut backoff) =
        (Instant::now(), Backoff::new(Duration::from_millis(100), Duration::from_millis(500), limit));
    loop {
        let log = log_since(scene, since).await?;
        let ran = log.lines().any(|line| line.starts_with("REPORT "));
        let left = waiting(scene.cloud, &url).await?;
        if ran && left <= before {
            let outcome = format!("the message is worked on ({:.1} s)", started.elapsed().as_secs_f64());
            return Ok(Fired { what, outcome, error: None, log });
        }
        // Between the function's answer and the deletion of the message there is a moment.
        let settled = ran && log_since(scene, since).await? == log && started.elapsed() > Duration::from_secs(2);
        if settled {
            let error = "the message is still in the queue: it comes again, or goes to the dead letters".to_owned();
            return Ok(Fired { what, outcome: String::new(), error: Some(error), log });
        }
        if !backoff.sleep().await {
            let error = format!("nobody took the message within {} s", limit.as_secs());
            return Ok(Fired { what, outcome: String::new(), error: Some(error), log });
        }
    }
}

/// How many messages a queue has, in every state.
async fn waiting(cloud: &Cloud, url: &str) -> Result<i64> {
    use QueueAttributeName::{
        ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed, ApproximateNumberOfMessagesNotVisible,
    };
    let states =
        [ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed, ApproximateNumberOfMessagesNotVisible];
    let call = cloud.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(states.to_vec()));
    let answer = call.send().await.map_err(explain("look at the queue"))?;
    let attributes = answer.attributes.unwrap_or_default();
    Ok(states.iter().filter_map(|state| attributes.get(state)?.parse::<i64>().ok()).sum())
}

/// What the function has logged since a moment, in ms since 1970.
async fn log_since(scene: &Scene<'_>, since: i64) -> Result<String> {
    let call = scene.cloud.logs.filter_log_events().log_group_name(deploy::log_group_name(&scene.name()));
    let answer = match call.start_time(since).send().await {
        Ok(answer) => answer,
        Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(String::new()),
        Err(error) => return Err(explain("read the log")(error)),
    };
    let lines: Vec<&str> = answer.events().iter().filter_map(|event| event.message()).map(str::trim_end).collect();
    Ok(lines.join("\n"))
}

/// What was fired and what came of it.
struct Fired {
    what: String,
    outcome: String,
    error: Option<String>,
    log: String,
}

impl Report for Fired {
    fn text(&self) -> String {
        format!("{}\n", self.outcome)
    }

    fn json(&self) -> Value {
        json!({ "fired": self.what, "outcome": self.outcome, "error": self.error, "log": self.log })
    }

    fn exit(&self) -> Option<Kind> {
        self.error.as_ref().map(|_| Kind::Failed)
    }
}
