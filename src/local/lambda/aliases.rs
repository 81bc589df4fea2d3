//! Aliases: names for versions, with a share of the traffic for a second one.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::wire::{Fault, Reply, Request};
use super::body::{Body, conflict, invalid, missing, refused};
use super::functions::same_revision;
use super::model::{Alias, Function, fresh_id};
use super::names::{FunctionRef, LATEST, is_alias, is_version};
use super::{Lambda, page};

/// `POST /2015-03-31/functions/{name}/aliases`
pub(super) fn create(lambda: &Lambda, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let name = body.required("Name", "name")?;
    if !is_alias(&name) {
        let constraint = "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)";
        return Err(invalid(&name, "name", constraint));
    }
    let version = body.required("FunctionVersion", "functionVersion")?;
    let description = body.text("Description")?.unwrap_or_default();
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        if function.aliases.contains_key(&name) {
            return Err(conflict(format!("Alias already exists: {}", at.arn_of(&name))));
        }
        target(function, at, &version)?;
        let alias = Alias { split: split(&body)?.flatten(), version, description, revision: fresh_id() };
        fits(function, at, &alias)?;
        let shown = show(at, &name, &alias);
        function.aliases.insert(name, alias);
        Ok(Reply::json(201, &shown))
    })
}

/// `PUT /2015-03-31/functions/{name}/aliases/{alias}`
pub(super) fn update(lambda: &Lambda, request: &Request, at: &FunctionRef, name: &str) -> Result<Reply, Fault> {
    let body = Body::of(request)?;
    let (version, description) = (body.text("FunctionVersion")?, body.text("Description")?);
    let revision = body.text("RevisionId")?;
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        let mut alias = find(function, at, name)?.clone();
        same_revision(revision.as_deref(), &alias.revision)?;
        if let Some(version) = version {
            target(function, at, &version)?;
            alias.version = version;
        }
        if let Some(description) = description {
            alias.description = description;
        }
        if let Some(split) = split(&body)? {
            alias.split = split;
        }
        fits(function, at, &alias)?;
        alias.revision = fresh_id();
        let shown = show(at, name, &alias);
        function.aliases.insert(name.to_owned(), alias);
        Ok(Reply::json(200, &shown))
    })
}

/// `GET /2015-03-31/functions/{name}/aliases/{alias}`
pub(super) fn get(lambda: &Lambda, at: &FunctionRef, name: &str) -> Result<Reply, Fault> {
    lambda.store.read(|state| Ok(Reply::json(200, &show(at, name, find(state.find(at)?, at, name)?))))
}

/// `GET /2015-03-31/functions/{name}/aliases`
pub(super) fn list(lambda: &Lambda, request: &Request, at: &FunctionRef) -> Result<Reply, Fault> {
    let version = request.param("FunctionVersion");
    let shown = lambda.store.read(|state| {
        let aliases = state.find(at)?.aliases.iter();
        let wanted = aliases.filter(|(_, alias)| version.as_ref().is_none_or(|version| alias.version == *version));
        Ok(wanted.map(|(name, alias)| (name.clone(), show(at, name, alias))).collect())
    })?;
    page::reply(request, "Aliases", shown)
}

/// `DELETE /2015-03-31/functions/{name}/aliases/{alias}`; its policy and URL go with it.
pub(super) fn delete(lambda: &Lambda, at: &FunctionRef, name: &str) -> Result<Reply, Fault> {
    lambda.store.write(|state| {
        let function = state.find_mut(at)?;
        // Deleting what is not there succeeds, as on AWS.
        function.aliases.remove(name);
        function.policies.remove(name);
        function.urls.remove(name);
        function.event_invoke.remove(name);
        function.provisioned.remove(name);
        Ok(Reply::empty(204))
    })
}

/// The version that the invocation with this id goes to. "Lambda uses a simple probabilistic model":
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html>. It does not say what
/// the retries of an event do. Here the id, which is random, is the draw: the retries stay with one
/// version as long as the alias stays as it is, and follow an alias that has moved.
pub(super) fn routed(function: &Function, qualifier: Option<&str>, request_id: &str) -> Option<String> {
    let alias = function.aliases.get(qualifier?)?;
    let Some((other, weight)) = &alias.split else { return Some(alias.version.clone()) };
    let id = Uuid::parse_str(request_id).unwrap_or_else(|_| Uuid::new_v4());
    let [a, b, c, d, ..] = *id.as_bytes();
    let draw = f64::from(u32::from_be_bytes([a, b, c, d])) / 4_294_967_296.0;
    Some(if draw < *weight { other.clone() } else { alias.version.clone() })
}

fn find<'a>(function: &'a Function, at: &FunctionRef, name: &str) -> Result<&'a Alias, Fault> {
    function.aliases.get(name).ok_or_else(|| missing(format!("Cannot find alias arn: {}", at.arn_of(name))))
}

fn target(function: &Function, at: &FunctionRef, version: &str) -> Result<(), Fault> {
    if version != LATEST && !is_version(version) {
        let constraint = "Member must satisfy regular expression pattern: (\\$LATEST|[0-9]+)";
        return Err(invalid(version, "functionVersion", constraint));
    }
    function.version(at, Some(version)).map(|_| ())
}

/// `RoutingConfig`: absent, emptied, or the second version with its weight.
#[expect(clippy::option_option, reason = "not given, taken away, and given are three things")]
fn split(body: &Body) -> Result<Option<Option<(String, f64)>>, Fault> {
    let Some(routing) = body.object("RoutingConfig")? else { return Ok(None) };
    let weights = routing.member("AdditionalVersionWeights").and_then(Value::as_object).cloned().unwrap_or_default();
    if weights.len() > 1 {
        return Err(refused("Number of items in AdditionalVersionWeights cannot be greater than 1"));
    }
    let Some((other, weight)) = weights.into_iter().next() else { return Ok(Some(None)) };
    let at_weights = "routingConfig.additionalVersionWeights";
    let number = weight.as_f64().filter(|weight| (0.0..=1.0).contains(weight)).ok_or_else(|| {
        let constraint = "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member \
                          must have value greater than or equal to 0.0, Member must not be null]";
        invalid(&format!("{{{other}={weight}}}"), at_weights, constraint)
    })?;
    // `$LATEST` among them.
    if !is_version(&other) {
        let constraint = "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [0-9]+]";
        return Err(invalid(&format!("{{{other}={weight}}}"), at_weights, constraint));
    }
    Ok(Some(Some((other, number))))
}

/// Whether the two versions of an alias go together: two, published, of one execution role and one dead-letter
/// queue, or none.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html>
fn fits(function: &Function, at: &FunctionRef, alias: &Alias) -> Result<(), Fault> {
    let Some((other, _)) = &alias.split else { return Ok(()) };
    if *other == alias.version {
        return Err(refused(format!(
            "Invalid function version {other}. Function version {other} is already included in routing configuration."
        )));
    }
    if alias.version == LATEST {
        return Err(refused("$LATEST is not supported for an alias pointing to more than 1 version"));
    }
    let role = |version: &str| function.version(at, Some(version)).map(|found| &found.build.settings.role);
    if role(&alias.version)? != role(other)? {
        return Err(refused("Specified versions must be associated with the same execution role"));
    }
    let letters = |version: &str| function.version(at, Some(version)).map(|found| &found.build.settings.dead_letter);
    if letters(&alias.version)? != letters(other)? {
        return Err(refused("Specified versions must have the same dead-letter queue configuration, or none"));
    }
    Ok(())
}

fn show(at: &FunctionRef, name: &str, alias: &Alias) -> Value {
    let mut shown = Map::new();
    shown.insert("AliasArn".into(), at.arn_of(name).into());
    shown.insert("Name".into(), name.into());
    shown.insert("FunctionVersion".into(), alias.version.as_str().into());
    shown.insert("Description".into(), alias.description.as_str().into());
    if let Some((version, weight)) = &alias.split {
        shown.insert("RoutingConfig".into(), json!({ "AdditionalVersionWeights": { version: weight } }));
    }
    shown.insert("RevisionId".into(), alias.revision.as_str().into());
    shown.into()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::local::lambda::model::{Build, Code, Settings, Version};

    fn at() -> FunctionRef {
        FunctionRef { region: "eu-west-1".into(), name: "web".into(), qualifier: None }
    }

    fn version(number: &str, role: &str) -> Version {
        let settings = Settings {
            runtime: "python3.13".into(),
            role: role.into(),
            handler: "app.handler".into(),
            description: String::new(),
            timeout: 3,
            memory: 128,
            environment: std::collections::BTreeMap::new(),
            ephemeral: 512,
            architecture: "x86_64".into(),
            log_group: String::new(),
            dead_letter: None,
            layers: Vec::new(),
        };
        Version::new(number, Build::new(settings, Code { sha256: String::new(), size: 0, unzipped: 0 }), 0)
    }

    /// Versions 1 and 2 of one role, 3 of another.
    fn function(split: Option<(&str, f64)>) -> Function {
        let alias = alias("1", split);
        Function {
            latest: version(LATEST, "a"),
            versions: [(1, "a"), (2, "a"), (3, "b")].map(|(at, role)| (at, version(&at.to_string(), role))).into(),
            next_version: 4,
            aliases: [("live".to_owned(), alias)].into(),
            policies: std::collections::BTreeMap::new(),
            urls: std::collections::BTreeMap::new(),
            tags: std::collections::BTreeMap::new(),
            reserved: None,
            event_invoke: std::collections::BTreeMap::new(),
            provisioned: std::collections::BTreeMap::new(),
        }
    }

    fn alias(version: &str, split: Option<(&str, f64)>) -> Alias {
        let split = split.map(|(version, weight)| (version.to_owned(), weight));
        Alias { version: version.into(), description: String::new(), split, revision: String::new() }
    }

    fn goes_to(function: &Function, id: &str) -> String {
        routed(function, Some("live"), id).unwrap()
    }

    #[test]
    fn the_weight_is_the_share_of_the_second_version() {
        let shared = function(Some(("2", 0.3)));
        let second = (0..4000).filter(|_| goes_to(&shared, &Uuid::new_v4().to_string()) == "2").count();
        // Seven standard deviations around 1200.
        assert!((1000..1400).contains(&second), "{second}");
        for (weight, version) in [(0.0, "1"), (1.0, "2")] {
            let function = function(Some(("2", weight)));
            assert!((0..200).all(|_| goes_to(&function, &Uuid::new_v4().to_string()) == version));
            assert_eq!(goes_to(&function, "00000000-0000-4000-8000-000000000000"), version);
            assert_eq!(goes_to(&function, "ffffffff-ffff-4fff-bfff-ffffffffffff"), version);
        }
    }

    #[test]
    fn retries_stay_with_one_version_until_the_alias_moves() {
        let shared = function(Some(("2", 0.5)));
        let (low, high) = ("7fffffff-ffff-4fff-bfff-ffffffffffff", "80000000-0000-4000-8000-000000000000");
        assert_eq!((goes_to(&shared, low), goes_to(&shared, high)), ("2".into(), "1".into()));
        assert_eq!((goes_to(&shared, low), goes_to(&shared, high)), ("2".into(), "1".into()));
        assert_eq!(goes_to(&function(None), low), "1");
        assert_eq!(routed(&shared, Some("1"), low), None);
        assert_eq!(routed(&shared, None, low), None);
    }

    #[test]
    fn two_versions_of_an_alias_must_go_together() {
        let function = function(None);
        let refusal = |alias: &Alias| fits(&function, &at(), alias).map_err(|fault| (fault.code, fault.message));
        assert!(refusal(&alias("1", Some(("2", 0.1)))).is_ok());
        assert!(refusal(&alias(LATEST, None)).is_ok());
        for (alias, words) in [
            (alias("1", Some(("1", 0.1))), "already included in routing configuration"),
            (alias(LATEST, Some(("1", 0.1))), "$LATEST is not supported for an alias pointing to more than 1 version"),
            (alias("1", Some(("3", 0.1))), "must be associated with the same execution role"),
        ] {
            let (code, message) = refusal(&alias).unwrap_err();
            assert_eq!(code, "InvalidParameterValueException");
            assert!(message.contains(words), "{message}");
        }
        assert_eq!(refusal(&alias("1", Some(("9", 0.1)))).unwrap_err().0, "ResourceNotFoundException");
    }

    #[test]
    fn weights_are_in_the_state_that_is_kept() {
        let kept = serde_json::to_string(&function(Some(("2", 0.25)))).unwrap();
        let read: Function = serde_json::from_str(&kept).unwrap();
        assert_eq!(read.aliases["live"].split, Some(("2".to_owned(), 0.25)));
    }
}
