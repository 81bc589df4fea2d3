//! CORS of function URLs and HTTP APIs, answered by Lambda or API Gateway itself where it is configured.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use serde_json::Value;

use crate::local::apigatewayv2;
use crate::local::wire::{Reply, Request};

/// What is allowed, and how a preflight request is answered.
#[derive(Debug)]
pub(super) struct Cors {
    origins: Vec<String>,
    methods: Vec<String>,
    headers: Vec<String>,
    exposed: Vec<String>,
    /// s
    max_age: Option<i64>,
    credentials: bool,
    /// The status of the answer to a preflight request.
    status: u16,
}

impl Cors {
    /// A URL's `Cors` configuration.
    pub(super) fn of_url(value: &Value) -> Self {
        let list = |member: &str| {
            value[member].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            origins: list("AllowOrigins"),
            methods: list("AllowMethods"),
            headers: list("AllowHeaders"),
            exposed: list("ExposeHeaders"),
            max_age: value["MaxAge"].as_i64(),
            credentials: value["AllowCredentials"].as_bool().unwrap_or(false),
            status: 200,
        }
    }

    /// An HTTP API's `corsConfiguration`.
    pub(super) fn of_api(cors: &apigatewayv2::Cors) -> Self {
        Self {
            origins: cors.allow_origins.clone(),
            methods: cors.allow_methods.clone(),
            headers: cors.allow_headers.clone(),
            exposed: cors.expose_headers.clone(),
            max_age: cors.max_age,
            credentials: cors.allow_credentials.unwrap_or(false),
            status: 204,
        }
    }

    /// What `Access-Control-Allow-Origin` says to this origin.
    fn origin(&self, request: &Request) -> Option<String> {
        let origin = request.header("origin")?;
        if self.origins.iter().any(|one| one == "*") {
            // With credentials browsers refuse the star.
            return Some(if self.credentials { origin.to_owned() } else { "*".to_owned() });
        }
        let allows = |one: &String| match one.strip_suffix("://*") {
            // HTTP APIs know `https://*` and `http://*`.
            Some(scheme) => origin.split_once("://").is_some_and(|(its, _)| its.eq_ignore_ascii_case(scheme)),
            None => one.eq_ignore_ascii_case(origin),
        };
        self.origins.iter().any(allows).then(|| origin.to_owned())
    }

    /// The answer to a preflight request, which never reaches the function; `None` when it is none.
    pub(super) fn preflight(&self, request: &Request) -> Option<Reply> {
        let asks =
            request.method == http::Method::OPTIONS && request.headers.contains_key("access-control-request-method");
        if !asks || !request.headers.contains_key("origin") {
            return None;
        }
        let mut reply = Reply::empty(self.status);
        if self.origin(request).is_some() {
            for (name, list) in
                [("access-control-allow-methods", &self.methods), ("access-control-allow-headers", &self.headers)]
            {
                if !list.is_empty() {
                    reply = reply.with(name, list.join(","));
                }
            }
            if let Some(seconds) = self.max_age {
                reply = reply.with("access-control-max-age", seconds.to_string());
            }
        }
        Some(self.dress(request, reply))
    }

    /// Adds the headers of an actual response.
    pub(super) fn dress(&self, request: &Request, mut reply: Reply) -> Reply {
        let Some(origin) = self.origin(request) else { return reply };
        if origin != "*" {
            reply = reply.with("vary", "Origin");
        }
        reply = reply.with("access-control-allow-origin", origin);
        if self.credentials {
            reply = reply.with("access-control-allow-credentials", "true");
        }
        if self.exposed.is_empty() {
            reply
        } else {
            reply.with("access-control-expose-headers", self.exposed.join(","))
        }
    }

    /// "If you configure CORS for an API, API Gateway ignores CORS headers returned from your backend
    /// integration", says the page on HTTP APIs.
    #[expect(clippy::unused_self, reason = "only where CORS is configured")]
    pub(super) fn bare(&self, mut reply: Reply) -> Reply {
        let theirs: Vec<_> =
            reply.headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
        for name in theirs {
            reply.headers.remove(name);
        }
        reply
    }
}
