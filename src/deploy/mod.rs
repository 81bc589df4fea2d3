//! From a blueprint to a running stage.
//!
//! ```text
//! StageConfig + Packages ─► blueprint ─┐
//!                                      ├─► plan ─► apply ─► turn over ─► prune ─► release
//!            the cloud  ─► discover ───┘
//! ```
//! A plan is a value: making one changes nothing, and testing one needs no cloud. There is no state
//! file; what stands in the cloud under our names and tags *is* the state (see [`resource`]).

mod access_log;
mod alarms;
mod apply;
mod blueprint;
mod change;
mod difference;
mod front;
mod given;
mod guard;
mod kinds;
mod known;
mod late;
mod lock;
mod loss;
mod marks;
mod names;
mod needs;
mod objects;
mod outline;
mod plan;
mod release;
mod resource;
mod retire;
mod rollback;
mod shift;
mod smoke;
mod stages;
mod stop;
mod turn;
mod unfinished;
mod unlock;

pub(crate) use self::access_log::check as check_access_log;
pub(crate) use self::apply::{Event, Listener, Outcome, apply, prune};
pub(crate) use self::blueprint::{Blueprint, Drawn, Place, blueprint, code_only, replaced_layers, roles, source_arn};
pub(crate) use self::change::{Action, Change};
pub(crate) use self::difference::Difference;
pub(crate) use self::front::{Asked, Front, Head, Prelude, address, event as front_event, of_front, unstreamed};
pub(crate) use self::given::{parameter, secret, set_value, without_value};
pub(crate) use self::guard::Terms;
pub(crate) use self::kinds::{
    Any, Function, Kind, Layer, RECOVERY, ServedApi, Share, StaticFiles, Url, artifact_folder, made_up,
};
pub(crate) use self::known::{Glimpse, discover, glimpse};
pub(crate) use self::late::settled;
pub(crate) use self::lock::Lock;
pub(crate) use self::loss::{Flag, Loss};
pub(crate) use self::marks::Marks;
pub(crate) use self::names::{ALIAS, access_log_name, function_name, log_group_name};
pub(crate) use self::needs::{MANAGED_LIMIT, Scope, partition, policies, size};
pub(crate) use self::outline::{Outline, SeenQueue, outline};
pub(crate) use self::plan::{Plan, plan, plan_on, teardown};
pub(crate) use self::release::{Release, ReleasedFunction};
pub(crate) use self::resource::{Found, Key, Owner, Resource};
pub(crate) use self::retire::{crowded, retire};
pub(crate) use self::rollback::{Records, Rollback, live_versions, serving};
pub(crate) use self::shift::check as check_shift;
pub(crate) use self::stages::{Deployed, Functions, deployed, functions_of};
pub(crate) use self::stop::Stop;
pub(crate) use self::turn::{Turn, Way, turn_over};
pub(crate) use self::unfinished::{Split, Unfinished};
pub(crate) use self::unlock::{Holder, Pulse};
