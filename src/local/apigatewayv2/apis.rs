//! `CreateApi` (quick create too), GetApi(s), `UpdateApi`, `DeleteApi`, `DeleteCorsConfiguration`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::{Api, Cors, Info, Snapshot, Texts, now};
use super::page::page;
use super::{DEFAULT, HttpApis};
use crate::local::Local;
use crate::local::apigateway::input::{Input, shown};
use crate::local::apigateway::model::{bad_request, fresh_id, unsupported};
use crate::local::apigateway::tags;
use crate::local::wire::{Fault, Reply, Request};

/// HTTP APIs have exactly these two; they mean something for WebSocket APIs only.
const ROUTE_SELECTION: &str = "$request.method $request.path";
const KEY_SELECTION: &str = "$request.header.x-api-key";

/// What a CORS configuration may allow.
const METHODS: [&str; 8] = ["*", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// What creating and updating share.
const MEMBERS: [&str; 9] = [
    "name",
    "description",
    "version",
    "corsConfiguration",
    "disableExecuteApiEndpoint",
    "ipAddressType",
    "routeSelectionExpression",
    "apiKeySelectionExpression",
    "routeKey",
];

impl Api {
    /// An API without routes.
    pub(super) fn new(region: &str, id: String, name: String) -> Self {
        Self {
            region: region.to_owned(),
            snapshot: Snapshot::default(),
            deployments: BTreeMap::new(),
            stages: BTreeMap::new(),
            info: Info {
                api_id: id,
                name,
                description: None,
                version: None,
                created_date: now(),
                disable_execute_api_endpoint: false,
                tags: Texts::new(),
                warnings: Vec::new(),
            },
        }
    }

    /// The `Api` resource. Its endpoint is the path form, which needs no name to be resolved.
    pub(super) fn show(&self, local: &Local) -> Value {
        let mut value = shown(&self.info);
        value["apiEndpoint"] = format!("http://127.0.0.1:{}/_aws/execute-api/{}", local.port, self.info.api_id).into();
        value["protocolType"] = "HTTP".into();
        value["routeSelectionExpression"] = ROUTE_SELECTION.into();
        value["apiKeySelectionExpression"] = KEY_SELECTION.into();
        value["ipAddressType"] = "ipv4".into();
        if let Some(cors) = &self.snapshot.cors {
            value["corsConfiguration"] = shown(cors);
        }
        value
    }

    /// The members that creating and updating share, as far as they are given.
    fn take(&mut self, input: &Input) -> Result<(), Fault> {
        if let Some(name) = input.text("name")? {
            self.info.name = checked_name(name)?;
        }
        if let Some(text) = input.text("description")? {
            self.info.description = limited("description", text, 1024)?;
        }
        if let Some(text) = input.text("version")? {
            self.info.version = limited("version", text, 64)?;
        }
        if let Some(cors) = input.get::<Value>("corsConfiguration")? {
            self.snapshot.cors = Cors::read(cors, "corsConfiguration.")?;
        }
        if let Some(disabled) = input.get("disableExecuteApiEndpoint")? {
            self.info.disable_execute_api_endpoint = disabled;
        }
        if let Some(kind) = input.text("ipAddressType")?.filter(|kind| kind != "ipv4") {
            return Err(unsupported(&format!("ipAddressType {kind}")));
        }
        let selection = input.text("routeSelectionExpression")?;
        if selection.is_some_and(|text| text.replace(['{', '}'], "") != ROUTE_SELECTION) {
            return Err(bad_request(format!(
                "The route selection expression of an HTTP API must be {ROUTE_SELECTION}"
            )));
        }
        if input.text("apiKeySelectionExpression")?.is_some_and(|text| text != KEY_SELECTION) {
            return Err(unsupported("apiKeySelectionExpression of an HTTP API"));
        }
        Ok(())
    }
}

impl Cors {
    /// Reads and checks a configuration; one that says nothing is none.
    pub(super) fn read(value: Value, place: &str) -> Result<Option<Self>, Fault> {
        let members = ["allowCredentials", "allowHeaders", "allowMethods", "allowOrigins", "exposeHeaders", "maxAge"];
        Input::from(value.clone(), &members, place)?;
        let cors: Self = serde_json::from_value(value).map_err(|error| bad_request(format!("{place} {error}")))?;
        if cors == Self::default() {
            return Ok(None);
        }
        for origin in &cors.allow_origins {
            let good = origin == "*" || origin.split_once("://").is_some_and(|(_, host)| !host.is_empty());
            if !good {
                return Err(bad_request(format!("Invalid format for origin {origin}: it must be * or SCHEME://HOST")));
            }
        }
        if let Some(method) = cors.allow_methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            return Err(bad_request(format!("Invalid method {method} in {place}allowMethods")));
        }
        if cors.allow_credentials == Some(true) && cors.allow_origins.iter().any(|origin| origin == "*") {
            return Err(bad_request("allow-credentials is not supported for origin *"));
        }
        if cors.max_age.is_some_and(|seconds| !(-1..=86_400).contains(&seconds)) {
            return Err(bad_request("maxAge must be between -1 and 86400 seconds"));
        }
        Ok(Some(cors))
    }
}

/// 1 to 128 characters.
pub(super) fn checked_name(name: String) -> Result<String, Fault> {
    if (1..=128).contains(&name.chars().count()) && !name.trim().is_empty() {
        return Ok(name);
    }
    Err(bad_request("The name of an API has 1 to 128 characters"))
}

/// A text of at most `limit` characters; an empty one is none.
pub(super) fn limited(member: &str, text: String, limit: usize) -> Result<Option<String>, Fault> {
    if text.chars().count() > limit {
        return Err(bad_request(format!("{member} has more than {limit} characters")));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

impl HttpApis {
    /// An id that neither an HTTP API nor a REST API has: both are served at the same addresses.
    pub(super) fn unused_id(&self, local: &Local) -> String {
        loop {
            let id = fresh_id(10);
            if !self.has(&id) && !local.apigateway.has(&id) {
                return id;
            }
        }
    }

    pub(super) fn create_api(&self, local: &Local, request: &Request) -> Result<Reply, Fault> {
        let known: Vec<&str> = MEMBERS.into_iter().chain(["protocolType", "tags", "target"]).collect();
        let input = Input::read(request, &known)?;
        match input.text("protocolType")?.as_deref() {
            Some("HTTP") => {}
            Some("WEBSOCKET") => return Err(unsupported("protocolType WEBSOCKET")),
            _ => return Err(bad_request("Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]")),
        }
        let name = checked_name(input.text("name")?.unwrap_or_default())?;
        let mut api = Api::new(&request.region, self.unused_id(local), name);
        api.take(&input)?;
        tags::add(&mut api.info.tags, input.texts("tags")?)?;
        match (input.text("target")?, input.text("routeKey")?) {
            (Some(target), key) => api.quick(&target, key.as_deref().unwrap_or(DEFAULT))?,
            (None, Some(_)) => return Err(bad_request("routeKey is part of quick create, which needs a target")),
            (None, None) => {}
        }
        self.state.write(|state| {
            let shown = api.show(local);
            state.apis.insert(api.info.api_id.clone(), api);
            Ok(Reply::json(201, &shown))
        })
    }

    pub(super) fn list_apis(&self, local: &Local, request: &Request) -> Result<Reply, Fault> {
        let mut apis: Vec<(String, Api)> = self.state.read(|state| {
            let here = state.apis.iter().filter(|(_, api)| api.region == request.region);
            here.map(|(id, api)| (id.clone(), api.clone())).collect()
        });
        apis.sort_by(|(id_a, a), (id_b, b)| (&a.info.created_date, id_a).cmp(&(&b.info.created_date, id_b)));
        page(request, apis.into_iter().map(|(id, api)| (id, api.show(local))).collect())
    }

    pub(super) fn get_api(&self, local: &Local, request: &Request, id: &str) -> Result<Reply, Fault> {
        self.state.read(|state| state.api(&request.region, id).map(|api| Reply::json(200, &api.show(local))))
    }

    pub(super) fn update_api(&self, local: &Local, request: &Request, id: &str) -> Result<Reply, Fault> {
        let known: Vec<&str> = MEMBERS.into_iter().chain(["target"]).collect();
        let input = Input::read(request, &known)?;
        let (target, key) = (input.text("target")?, input.text("routeKey")?);
        self.state.write(|state| {
            let api = state.api_mut(&request.region, id)?;
            let before = api.snapshot.cors.clone();
            api.take(&input)?;
            if target.is_some() || key.is_some() {
                api.quick_update(target.as_deref(), key.as_deref())?;
            }
            if target.is_some() || key.is_some() || before != api.snapshot.cors {
                api.changed();
            }
            Ok(Reply::json(200, &api.show(local)))
        })
    }

    pub(super) fn delete_api(&self, request: &Request, id: &str) -> Result<Reply, Fault> {
        self.state.write(|state| {
            state.api(&request.region, id)?;
            state.apis.remove(id);
            Ok(Reply::empty(204))
        })
    }

    pub(super) fn delete_cors(&self, request: &Request, id: &str) -> Result<Reply, Fault> {
        self.state.write(|state| {
            let api = state.api_mut(&request.region, id)?;
            if api.snapshot.cors.take().is_some() {
                api.changed();
            }
            Ok(Reply::empty(204))
        })
    }
}
