//! Messages of a topic: SNS calls the function.

use super::Wakes;
use crate::config::FunctionConfig;
use crate::config::triggers::{SnsTrigger, Source};
use crate::deploy::blueprint::Drawing;
use crate::deploy::kinds::{Any, Kind, Sender, Subscription};
use crate::deploy::names::function_name;
use crate::error::Result;

impl Wakes for SnsTrigger {
    fn wanted(&self, function: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let (owner, topic) = (&drawing.owner, drawing.addresses.arn(&self.topic)?);
        let dlq = self.dlq.as_ref().map(|queue| drawing.addresses.arn(queue)).transpose()?;
        let function = function_name(owner, &function.name);
        Ok(vec![Any::Subscription(Subscription::wanted(owner, function, (topic, dlq), self))])
    }

    /// SNS itself sends dead letters, in its own name: the queue has to let it. The policy of a queue by its ARN is
    /// not ours to change.
    /// <https://docs.aws.amazon.com/sns/latest/dg/sns-configure-dead-letter-queue.html>
    fn sends(&self, _: &FunctionConfig, drawing: &Drawing<'_>) -> Result<Vec<(String, Sender)>> {
        let Some(Source::Own(queue)) = &self.dlq else { return Ok(Vec::new()) };
        let source = drawing.addresses.arn(&self.topic)?;
        Ok(vec![(queue.clone(), Sender { service: "sns.amazonaws.com".to_owned(), source })])
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Subscription]
    }
}
