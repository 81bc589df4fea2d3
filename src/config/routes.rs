//! Routes of several functions share one API: which one, and that no two want the same.

use std::collections::BTreeMap;

use super::locate::Span;
use super::stage::{FunctionConfig, Http};
use super::triggers::Trigger;
use super::values::Reader;

/// Says which API the routes belong to that do not say it themselves, and reports those that are there twice. With
/// each function comes the place that speaks of its routes.
///
/// Where all that a stage shows is a REST API, its routes are that one's; everywhere else they are an HTTP API's.
pub(super) fn settle<'a>(reader: &mut Reader<'_>, functions: impl Iterator<Item = (&'a mut FunctionConfig, &'a Span)>) {
    let functions: Vec<_> = functions.collect();
    let fronts: Vec<Http> = functions.iter().filter_map(|(config, _)| config.http).collect();
    let rest = fronts.contains(&Http::Rest) && !fronts.contains(&Http::Api);
    let default = if rest { Http::Rest } else { Http::Api };
    let mut taken: BTreeMap<(&str, String), String> = BTreeMap::new();
    for (config, at) in functions {
        for trigger in &mut config.triggers {
            let Trigger::Http(http) = trigger else { continue };
            let api = *http.api.get_or_insert(default);
            let word = api.api().map_or("url", |(word, _)| word);
            let Some(first) = taken.insert((word, http.shape()), config.name.clone()) else { continue };
            let title = if first == config.name {
                format!("`{first}` has the route `{}` twice", http.route)
            } else {
                format!("`{first}` and `{}` both have the route `{}`", config.name, http.route)
            };
            reader.problem(at, title, "a route leads to one function");
        }
    }
}
