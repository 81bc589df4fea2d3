//! The APIs of a stage: at most one of each kind, with the routes of all functions.

use std::collections::BTreeMap;

use super::Wakes;
use crate::config::triggers::{HttpTrigger, Trigger};
use crate::config::{FunctionConfig, Http};
use crate::deploy::access_log::AccessLog;
use crate::deploy::blueprint::Drawing;
use crate::deploy::kinds::{Any, Api, HttpApi, Kind, LogGroup};
use crate::deploy::names::function_name;
use crate::error::Result;

impl Wakes for HttpTrigger {
    /// With the others of the stage: see [`of_stage`].
    fn wanted(&self, _: &FunctionConfig, _: &Drawing<'_>) -> Result<Vec<Any>> {
        Ok(Vec::new())
    }

    fn kinds(&self) -> &'static [Kind] {
        kinds(self.api)
    }
}

/// The rare kind behind a front, if it is one.
pub(in crate::deploy::blueprint) fn kinds(front: Option<Http>) -> &'static [Kind] {
    if front == Some(Http::Api) { &[Kind::HttpApi] } else { &[] }
}

/// The stage's APIs; none where no function has a front or a route.
pub(in crate::deploy::blueprint) fn of_stage(drawing: &Drawing<'_>) -> Vec<Any> {
    let rest = routes(drawing, Http::Rest, &["ANY /", "ANY /{proxy+}"]);
    let http = routes(drawing, Http::Api, &["$default"]);
    let owner = &drawing.owner;
    let is_web = |config: &&FunctionConfig| config.entry.is_web();
    let binary = drawing.stage.functions.values().filter(is_web).any(|config| rest.leads_to(drawing, config));
    let log = AccessLog::wanted(drawing.stage, owner);
    let group = drawing.stage.access_log.zip(log.as_ref()).map(|(config, log)| LogGroup {
        name: log.destination.clone(),
        owner: owner.clone(),
        retention_days: Some(config.retention),
    });
    let rest = (!rest.all.is_empty()).then(|| Api::wanted(owner, rest.complete(), binary).with_log(log.clone()));
    let http = (!http.all.is_empty()).then(|| HttpApi::wanted(owner, http.all).with_log(log));
    group.map(Any::LogGroup).into_iter().chain(rest.map(Any::Api)).chain(http.map(Any::HttpApi)).collect()
}

/// The routes of one API.
#[derive(Debug)]
struct Routes {
    /// Function by route.
    all: BTreeMap<String, String>,
    /// The function that takes what no other route takes.
    rest: Option<String>,
}

impl Routes {
    fn leads_to(&self, drawing: &Drawing<'_>, config: &FunctionConfig) -> bool {
        let name = function_name(&drawing.owner, &config.name);
        self.all.values().any(|function| *function == name)
    }

    /// As a REST API needs them: a path that has some methods of its own leads all others to whoever takes the
    /// rest. What API Gateway does without that it does not say.
    fn complete(self) -> BTreeMap<String, String> {
        let mut all = self.all;
        let Some(rest) = self.rest else { return all };
        let any: Vec<String> =
            all.keys().filter_map(|route| route.split_once(' ')).map(|(_, path)| format!("ANY {path}")).collect();
        for route in any {
            all.entry(route).or_insert_with(|| rest.clone());
        }
        all
    }
}

fn routes(drawing: &Drawing<'_>, api: Http, everything: &[&str]) -> Routes {
    let mut routes = Routes { all: BTreeMap::new(), rest: None };
    for config in drawing.stage.functions.values() {
        let name = function_name(&drawing.owner, &config.name);
        if config.http == Some(api) {
            routes.all.extend(everything.iter().map(|route| ((*route).to_owned(), name.clone())));
            routes.rest = Some(name.clone());
        }
        for trigger in &config.triggers {
            if let Trigger::Http(http) = trigger
                && http.api == Some(api)
            {
                routes.all.insert(http.route.clone(), name.clone());
            }
        }
    }
    routes
}
