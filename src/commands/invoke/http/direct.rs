//! Past the front: the function is called with the event that its front would make of the request, and what it
//! returns is shown as the front would send it.

use aws_sdk_lambda::types::InvocationType;

use super::shown::{Answering, Through};
use super::{Page, Wanted};
use crate::commands::context::owner_of;
use crate::commands::invoke::call::invoke;
use crate::commands::invoke::failure::failed;
use crate::commands::invoke::stream::{Part, Stream};
use crate::commands::invoke::{Asked, Target};
use crate::config::FunctionConfig;
use crate::deploy;
use crate::error::Result;
use crate::ui::Report;

/// Calls it and shows what it answers; what streams, as it comes.
pub(in crate::commands::invoke) async fn past_the_front(
    target: &Target<'_>,
    function: &FunctionConfig,
    wanted: Wanted,
    page: Page,
    logs: bool,
) -> Result<Box<dyn Report>> {
    // For the host in the event; a stage that is half there has none.
    let address = deploy::address(target.cloud, &owner_of(target.stage), function).await.ok().flatten();
    let request =
        deploy::Asked { method: &wanted.method, path: &wanted.path, headers: &wanted.headers, body: &wanted.body };
    let account = &target.cloud.account;
    let event = deploy::front_event(target.stage, account, (function, &request), address.as_deref())?;
    let asked = Asked { payload: event.to_string().into_bytes(), client_context: None, logs };
    let mut through = Through { word: "function", direct: true, ..Through::default() };
    let at = (wanted.method.as_str(), wanted.path.as_str());
    if function.web.stream {
        return streamed(target, asked, page, at, through).await;
    }
    let returned = invoke(target, asked, InvocationType::RequestResponse).await?;
    say_log(target, returned.log.as_deref());
    if let Some(kind) = &returned.function_error {
        return Err(failed(target, kind, &returned.payload));
    }
    let answer = deploy::of_front(function.front(), function.web.stream, &returned.payload)?;
    (through.version, through.log) = (returned.version, returned.log);
    let mut answering = Answering::begin(target, page, at, (answer.status, answer.headers))?;
    answering.part(&answer.body)?;
    answering.end(&through)
}

async fn streamed(
    target: &Target<'_>,
    asked: Asked,
    page: Page,
    at: (&str, &str),
    mut through: Through,
) -> Result<Box<dyn Report>> {
    let mut stream = Stream::start(target, asked).await?;
    let (head, first) = match stream.next().await? {
        Some(Part::Head(head)) => ((head.status, head.headers), Vec::new()),
        Some(Part::Body(body)) => ((200, Vec::new()), body),
        None => ((200, Vec::new()), Vec::new()),
    };
    // A failure before the first part of an answer comes as an error document, which no front would show; that it is
    // one is only said at the end.
    let second = if first.starts_with(b"{\"error") { stream.next().await? } else { None };
    if let Some(error) = stream.failed() {
        say_log(target, stream.log.as_deref());
        return Err(error);
    }
    let mut answering = Answering::begin(target, page, at, head)?;
    answering.part(&first)?;
    if let Some(Part::Body(second)) = second {
        answering.part(&second)?;
    }
    loop {
        match stream.next().await {
            Ok(Some(Part::Body(body))) => answering.part(&body)?,
            // A stream has one head, at its beginning.
            Ok(Some(Part::Head(_))) => {}
            Ok(None) => break,
            Err(error) => return Err(answering.broken(error)),
        }
    }
    say_log(target, stream.log.as_deref());
    if let Some(error) = stream.failed() {
        return Err(answering.broken(error));
    }
    (through.version, through.log) = (stream.version, stream.log);
    answering.end(&through)
}

fn say_log(target: &Target<'_>, log: Option<&str>) {
    let ui = target.context.ui;
    if let Some(log) = log
        && !ui.is_json()
    {
        ui.say(log.trim_end());
    }
}
