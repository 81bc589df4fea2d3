//! The index of resource kinds: one file each, one line each in the list below.

mod alarm;
mod api;
mod artifact;
mod attempt;
mod bucket;
mod bucket_notification;
mod content;
mod event_bus;
mod event_invoke;
mod event_source;
mod function;
mod history;
mod http_api;
mod layer;
mod log_group;
mod log_subscription;
mod metric_filter;
mod parameter;
mod provisioned;
mod queue;
mod role;
mod rule;
mod s3_bucket;
mod schedule;
mod schedule_group;
mod secret;
mod served;
mod stack;
mod state_machine;
mod static_files;
mod subscription;
mod table;
mod topic;
mod user_pool;
mod user_pool_triggers;

use std::fmt;
use std::sync::Arc;

use futures_util::future::{LocalBoxFuture, join_all, try_join_all};
use serde_json::Value;

pub(crate) use self::alarm::Alarm;
pub(crate) use self::api::{Api, rollback as rest};
pub(crate) use self::artifact::{Artifact, folder as artifact_folder};
pub(crate) use self::bucket::Bucket;
pub(crate) use self::bucket_notification::{BucketCall, BucketNotification};
pub(crate) use self::content::made_up;
pub(crate) use self::event_bus::EventBus;
pub(crate) use self::event_invoke::EventInvoke;
pub(crate) use self::event_source::EventSource;
pub(crate) use self::function::versions::Share;
pub(crate) use self::function::{Decided, Function, Settings, Url, retire, versions};
pub(crate) use self::history::History;
pub(crate) use self::http_api::{HttpApi, rollback as http};
pub(crate) use self::layer::Layer;
pub(crate) use self::log_group::LogGroup;
pub(crate) use self::log_subscription::LogSubscription;
pub(crate) use self::metric_filter::MetricFilter;
pub(crate) use self::parameter::Parameter;
pub(crate) use self::provisioned::Provisioned;
pub(crate) use self::queue::{Queue, Sender};
pub(crate) use self::role::Role;
pub(in crate::deploy) use self::role::{taken as roles_taken, versions_need};
pub(crate) use self::rule::Rule;
pub(crate) use self::s3_bucket::S3Bucket;
pub(crate) use self::schedule::Schedule;
pub(crate) use self::schedule_group::ScheduleGroup;
pub(crate) use self::secret::{RECOVERY, Secret};
pub(crate) use self::served::ServedApi;
pub(crate) use self::stack::Stack;
pub(crate) use self::state_machine::{StateMachine, Wanted as StateMachineWanted};
pub(crate) use self::static_files::{PLACE as STATIC_PLACE, StaticFiles};
pub(crate) use self::subscription::Subscription;
pub(crate) use self::table::Table;
pub(crate) use self::topic::{Endpoint, Topic};
pub(crate) use self::user_pool::UserPool;
pub(crate) use self::user_pool_triggers::UserPoolTriggers;
use super::loss::{Loss, Replacement};
use super::needs::Need;
use super::resource::{Found, Key, Orphan, Owner, Resource};
use crate::aws::Cloud;
use crate::error::Result;

macro_rules! kinds {
    (@ rare) => { true };
    (@) => { false };
    ($($kind:ident: $word:literal, $words:literal $(, $rare:ident)?;)*) => {
        /// What a resource is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Kind { $($kind),* }

        impl Kind {
            /// All there are.
            pub(crate) const ALL: [Self; [$($word),*].len()] = [$(Self::$kind),*];

            /// The word in JSON: `log_group`.
            pub(crate) fn word(self) -> &'static str {
                match self { $(Self::$kind => $word),* }
            }

            /// The words in a sentence: `log group`.
            pub(crate) fn words(self) -> &'static str {
                match self { $(Self::$kind => $words),* }
            }

            /// What whoever runs rzap has to be allowed for it.
            pub(crate) fn needs(self) -> Vec<Need> {
                match self { $(Self::$kind => $kind::needs()),* }
            }

            /// Most stages have none of it: see `known`.
            pub(crate) fn is_rare(self) -> bool {
                match self { $(Self::$kind => kinds!(@ $($rare)?)),* }
            }
        }

        /// A resource of any kind.
        #[derive(Debug, Clone)]
        pub(crate) enum Any { $($kind($kind)),* }

        impl Any {
            pub(crate) fn key(&self) -> Key {
                match self { $(Self::$kind(it) => it.key()),* }
            }

            pub(crate) fn after(&self) -> Vec<Key> {
                match self { $(Self::$kind(it) => it.after()),* }
            }

            pub(crate) fn orphan(&self) -> Orphan {
                match self { $(Self::$kind(it) => it.orphan()),* }
            }

            /// What is managed and compared.
            pub(crate) fn managed(&self) -> Value {
                match self { $(Self::$kind(it) => serde_json::to_value(it).unwrap_or(Value::Null)),* }
            }

            /// What of `live` is compared with [`Any::managed`].
            pub(crate) fn seen_of(&self, live: &Self) -> Value {
                match (self, live) {
                    $((Self::$kind(it), Self::$kind(live)) => it.seen_of(live),)*
                    _ => Value::Null,
                }
            }

            /// What its deletion takes away.
            pub(crate) fn losses(&self) -> Vec<Loss> {
                match self { $(Self::$kind(it) => it.losses()),* }
            }

            /// What a change of `live` in place takes away.
            pub(crate) fn change_losses(&self, live: &Self) -> Vec<Loss> {
                match (self, live) {
                    $((Self::$kind(it), Self::$kind(live)) => it.change_losses(live),)*
                    _ => Vec::new(),
                }
            }

            /// Why `live` cannot become this one in place.
            pub(crate) fn replacement(&self, live: &Self) -> Option<Replacement> {
                match (self, live) {
                    $((Self::$kind(it), Self::$kind(live)) => it.replacement(live),)*
                    _ => None,
                }
            }

            /// What is left of it when what it stands on is replaced.
            pub(crate) fn without(self, replaced: &Key) -> Self {
                match self { $(Self::$kind(it) => Self::$kind(it.without(replaced))),* }
            }

            /// The command that gives it what it cannot be made without.
            pub(crate) fn lacks(&self) -> Option<String> {
                match self { $(Self::$kind(it) => it.lacks()),* }
            }

            /// Whether a release remembers its fields.
            pub(crate) fn is_marked(&self) -> bool {
                match self { $(Self::$kind(it) => it.is_marked()),* }
            }

            pub(crate) async fn converge(&self, cloud: &Cloud, live: Option<&Self>) -> Result<()> {
                match self {
                    $(Self::$kind(it) => it.converge(cloud, live.and_then(|live| match live {
                        Self::$kind(live) => Some(live),
                        _ => None,
                    })).await),*
                }
            }

            pub(crate) async fn delete(&self, cloud: &Cloud) -> Result<()> {
                match self { $(Self::$kind(it) => it.delete(cloud).await),* }
            }
        }

        /// A look for each of the kinds that `which` says yes to.
        fn searches<'a>(
            cloud: &'a Cloud,
            owner: &'a Owner,
            which: impl Fn(Kind) -> bool,
        ) -> Vec<(Kind, LocalBoxFuture<'a, Result<Found<Any>>>)> {
            let mut searches: Vec<(Kind, LocalBoxFuture<'a, Result<Found<Any>>>)> = Vec::new();
            $(if which(Kind::$kind) {
                let search = async { Ok($kind::discover(cloud, owner).await?.map(Any::$kind)) };
                searches.push((Kind::$kind, Box::pin(search)));
            })*
            searches
        }
    };
}

// In the order people read a plan in. `rare`: most stages have none of it.
kinds! {
    Bucket: "bucket", "artifact bucket";
    History: "history", "release history";
    Artifact: "artifact", "artifact";
    StaticFiles: "static_files", "static files";
    Role: "role", "role";
    S3Bucket: "s3_bucket", "S3 bucket", rare;
    Queue: "queue", "queue", rare;
    EventBus: "event_bus", "event bus", rare;
    Topic: "topic", "topic", rare;
    Table: "table", "table", rare;
    UserPool: "user_pool", "user pool", rare;
    Stack: "stack", "stack", rare;
    StateMachine: "state_machine", "state machine", rare;
    Parameter: "parameter", "parameter", rare;
    Secret: "secret", "secret", rare;
    LogGroup: "log_group", "log group";
    Layer: "layer", "layer";
    Function: "function", "function";
    Api: "api", "API";
    HttpApi: "http_api", "HTTP API", rare;
    Subscription: "subscription", "subscription", rare;
    EventInvoke: "event_invoke_config", "event invoke config", rare;
    Provisioned: "provisioned_concurrency", "provisioned concurrency", rare;
    EventSource: "event_source_mapping", "event source mapping", rare;
    Rule: "rule", "rule", rare;
    LogSubscription: "log_subscription", "log subscription", rare;
    BucketNotification: "bucket_notification", "bucket notification", rare;
    UserPoolTriggers: "user_pool_triggers", "user pool triggers", rare;
    ScheduleGroup: "schedule_group", "schedule group", rare;
    Schedule: "schedule", "schedule", rare;
    MetricFilter: "metric_filter", "metric filter", rare;
    Alarm: "alarm", "alarm", rare;
}

/// Everything of this stage that is live, of the kinds that `which` says yes to, side by side.
pub(crate) async fn search(cloud: &Cloud, owner: &Owner, which: impl Fn(Kind) -> bool) -> Result<Found<Any>> {
    let searches = searches(cloud, owner, which).into_iter().map(|(_, search)| search);
    let found = function::POLICIES.scope(Arc::default(), try_join_all(searches)).await?;
    Ok(found.into_iter().collect())
}

/// The same with the outcome for each kind: for those who go on with what they may see.
pub(crate) async fn search_each(
    cloud: &Cloud,
    owner: &Owner,
    which: impl Fn(Kind) -> bool,
) -> Vec<(Kind, Result<Found<Any>>)> {
    let searches = searches(cloud, owner, which).into_iter().map(|(kind, search)| async move { (kind, search.await) });
    function::POLICIES.scope(Arc::default(), join_all(searches)).await
}

impl Any {
    /// The REST API, when it is one.
    pub(crate) fn api(&self) -> Option<&Api> {
        if let Self::Api(api) = self { Some(api) } else { None }
    }

    /// The HTTP API, when it is one.
    pub(crate) fn http_api(&self) -> Option<&HttpApi> {
        if let Self::HttpApi(api) = self { Some(api) } else { None }
    }

    /// What it does goes on on AWS when nobody waits for it: it may be left in the middle.
    pub(crate) fn goes_on(&self) -> bool {
        matches!(self, Self::Stack(_))
    }

    /// It was to be deleted, and is still there because others need it by now.
    pub(crate) fn stays(&self) -> bool {
        matches!(self, Self::Bucket(bucket) if bucket.stays.get().is_some())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

impl serde::Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}
