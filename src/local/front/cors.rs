//! CORS of function URLs, answered by Lambda itself when the URL is configured for it.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html>

use serde_json::Value;

use crate::local::wire::{Reply, Request};

/// A URL's `Cors` configuration.
#[derive(Debug)]
pub(super) struct Cors<'a>(pub(super) &'a Value);

impl Cors<'_> {
    fn list(&self, member: &str) -> Vec<&str> {
        self.0[member].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// What `Access-Control-Allow-Origin` says to this origin.
    fn origin(&self, request: &Request) -> Option<String> {
        let origin = request.header("origin")?;
        let allowed = self.list("AllowOrigins");
        if allowed.contains(&"*") {
            // With credentials browsers refuse the star.
            return Some(if self.credentials() { origin.to_owned() } else { "*".to_owned() });
        }
        allowed.iter().any(|one| one.eq_ignore_ascii_case(origin)).then(|| origin.to_owned())
    }

    fn credentials(&self) -> bool {
        self.0["AllowCredentials"].as_bool().unwrap_or(false)
    }

    /// The answer to a preflight request, which never reaches the function; `None` when it is none.
    pub(super) fn preflight(&self, request: &Request) -> Option<Reply> {
        let asks =
            request.method == http::Method::OPTIONS && request.headers.contains_key("access-control-request-method");
        if !asks || !request.headers.contains_key("origin") {
            return None;
        }
        let mut reply = Reply::empty(200);
        if self.origin(request).is_some() {
            for (name, member) in
                [("access-control-allow-methods", "AllowMethods"), ("access-control-allow-headers", "AllowHeaders")]
            {
                let list = self.list(member);
                if !list.is_empty() {
                    reply = reply.with(name, list.join(","));
                }
            }
            if let Some(seconds) = self.0["MaxAge"].as_i64() {
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
        if self.credentials() {
            reply = reply.with("access-control-allow-credentials", "true");
        }
        let exposed = self.list("ExposeHeaders");
        if exposed.is_empty() { reply } else { reply.with("access-control-expose-headers", exposed.join(",")) }
    }
}
