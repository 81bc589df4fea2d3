//! What stands at an endpoint, read by a few plain calls: much faster than an SDK, and hundreds of times in a
//! sweep. Whatever differs from run to run (ids, times) is left out, so that two shapes can be compared.

mod wakers;

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use crate::http;

/// Functions with all their versions, aliases, policies and URLs, layers, APIs, roles, log groups, schedules, buckets,
/// and what wakes functions.
pub(crate) fn of(endpoint: &str) -> Value {
    let look = Look(endpoint);
    json!({
        "functions": look.functions(), "layers": look.layers(), "apis": look.apis(), "http apis": look.http_apis(), "roles": look.roles(),
        "log groups": look.log_groups(), "schedules": look.schedules(), "buckets": look.buckets(), "wakers": look.wakers(),
    })
}

/// Lambda's `LastModified` and `RevisionId` are of one run, and so is the container behind a version.
const OF_ONE_RUN: [&str; 5] = ["LastModified", "RevisionId", "CreatedDate", "CreationDate", "LastModificationDate"];

struct Look<'a>(&'a str);

impl Look<'_> {
    fn functions(&self) -> Value {
        let mut functions = self.get("lambda", "/2015-03-31/functions/?FunctionVersion=ALL")["Functions"].take();
        for function in functions.as_array_mut().expect("a list") {
            let name = text(&function["FunctionName"]);
            let path = format!("/2015-03-31/functions/{name}");
            let mut aliases = self.get("lambda", &format!("{path}/aliases"))["Aliases"].take();
            forget(&mut aliases);
            // The id of the API differs from run to run.
            let policy = self.get("lambda", &format!("{path}/policy?Qualifier=live"))["Policy"].take();
            let policy: Value = policy.as_str().map_or(Value::Null, |text| serde_json::from_str(text).expect("JSON"));
            let mut allowed: Vec<String> = statements(&policy).iter().map(|one| text(&one["Action"])).collect();
            allowed.sort();
            function["Allowed"] = json!(allowed);
            function["Aliases"] = aliases;
            function["Url"] =
                self.get("lambda", &format!("/2021-10-31/functions/{name}/url?Qualifier=live"))["InvokeMode"].take();
        }
        forget(&mut functions);
        functions
    }

    fn layers(&self) -> Value {
        let layers = self.get("lambda", "/2018-10-31/layers")["Layers"].take();
        let names = layers.as_array().expect("a list").iter().map(|layer| text(&layer["LayerName"]));
        names
            .map(|name| {
                let versions = self.get("lambda", &format!("/2018-10-31/layers/{name}/versions"));
                let count = versions["LayerVersions"].as_array().map_or(0, Vec::len);
                json!([name, count])
            })
            .collect()
    }

    fn apis(&self) -> Value {
        let mut apis = self.get("apigateway", "/restapis?limit=500");
        let apis = apis["item"].take();
        let apis = apis.as_array().cloned().unwrap_or_default();
        apis.iter()
            .map(|api| {
                let id = text(&api["id"]);
                let items = |path: &str| self.get("apigateway", &format!("/restapis/{id}/{path}"))["item"].take();
                let routes = items("resources?embed=methods&limit=500");
                let mut routes: Vec<Value> = routes.as_array().into_iter().flatten().map(route).collect();
                routes.sort_by_key(Value::to_string);
                let deployments = items("deployments");
                let served = |stage: &Value| {
                    let mut all = deployments.as_array().into_iter().flatten();
                    let deployment = all.find(|one| one["id"] == stage["deploymentId"]);
                    json!([stage["stageName"], deployment.map(|one| &one["description"])])
                };
                let stages = items("stages");
                let stages: Vec<Value> = stages.as_array().into_iter().flatten().map(served).collect();
                json!({"name": api["name"], "tags": api["tags"], "routes": routes, "stages": stages, "deployments": described(&deployments)})
            })
            .collect()
    }

    fn http_apis(&self) -> Value {
        let apis = self.get("apigateway", "/v2/apis")["items"].take();
        let apis = apis.as_array().cloned().unwrap_or_default();
        apis.iter()
            .map(|api| {
                let path = format!("/v2/apis/{}", text(&api["apiId"]));
                let items = |part: &str| {
                    let items = self.get("apigateway", &format!("{path}/{part}"))["items"].take();
                    items.as_array().cloned().unwrap_or_default()
                };
                let (integrations, routes, stages) = (items("integrations"), items("routes"), items("stages"));
                let uri = |target: &Value| {
                    let id = text(target).replace("integrations/", "");
                    integrations
                        .iter()
                        .find(|it| it["integrationId"] == id.as_str())
                        .map(|it| it["integrationUri"].clone())
                };
                let mut routes: Vec<Value> =
                    routes.iter().map(|it| json!([it["routeKey"], uri(&it["target"])])).collect();
                routes.sort_by_key(Value::to_string);
                let stages: Vec<&Value> = stages.iter().map(|it| &it["stageName"]).collect();
                json!({
                    "name": api["name"], "tags": api["tags"], "routes": routes, "integrations": integrations.len(),
                    "stages": stages,
                })
            })
            .collect()
    }

    fn roles(&self) -> Value {
        static ROLE: LazyLock<Regex> = LazyLock::new(|| Regex::new("<RoleName>([^<]+)").expect("a rule"));
        static POLICY: LazyLock<Regex> = LazyLock::new(|| Regex::new("<PolicyDocument>([^<]+)").expect("a rule"));
        static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new("<member>([^<]+)").expect("a rule"));
        let list = self.form("Action=ListRoles&Version=2010-05-08");
        ROLE.captures_iter(&list)
            .map(|found| {
                let role = &found[1];
                let names = self.form(&format!("Action=ListRolePolicies&RoleName={role}&Version=2010-05-08"));
                let policies: Vec<Value> = NAME
                    .captures_iter(&names)
                    .map(|found| {
                        let form = format!("RoleName={role}&PolicyName={}&Version=2010-05-08", &found[1]);
                        let document = self.form(&format!("Action=GetRolePolicy&{form}"));
                        json!([found[1], POLICY.captures(&document).map(|found| found[1].to_owned())])
                    })
                    .collect();
                json!([role, policies])
            })
            .collect()
    }

    /// Groups, and schedules with all that they say but the times.
    fn schedules(&self) -> Value {
        let mut groups = self.get("scheduler", "/schedule-groups")["ScheduleGroups"].take();
        let schedules = self.get("scheduler", "/schedules")["Schedules"].take();
        let schedules = schedules.as_array().into_iter().flatten().map(|schedule| {
            let (group, name) = (text(&schedule["GroupName"]), text(&schedule["Name"]));
            self.get("scheduler", &format!("/schedules/{name}?groupName={group}"))
        });
        let mut schedules: Value = schedules.collect();
        forget(&mut schedules);
        forget(&mut groups);
        // One that is being deleted is gone in a moment.
        if let Some(groups) = groups.as_array_mut() {
            groups.retain(|group| group["State"] != "DELETING");
        }
        json!([groups, schedules])
    }

    fn log_groups(&self) -> Value {
        let target = ("x-amz-target", "Logs_20140328.DescribeLogGroups");
        let headers = [("content-type", "application/x-amz-json-1.1"), target];
        let mut groups = self.call("POST", "logs", "/", &headers, "{}");
        let groups = groups["logGroups"].take();
        groups.as_array().expect("a list").iter().map(|it| json!([it["logGroupName"], it["retentionInDays"]])).collect()
    }

    /// Of the releases what they say; of all else the name, which is a hash of what is in it.
    fn buckets(&self) -> Value {
        static BUCKET: LazyLock<Regex> = LazyLock::new(|| Regex::new("<Name>([^<]+)").expect("a rule"));
        static KEY: LazyLock<Regex> = LazyLock::new(|| Regex::new("<Key>([^<]+)").expect("a rule"));
        let buckets = self.text("s3", "/");
        BUCKET
            .captures_iter(&buckets)
            .map(|found| {
                let bucket = &found[1];
                let objects = self.text("s3", &format!("/{bucket}?list-type=2"));
                let uploads = self.text("s3", &format!("/{bucket}?uploads"));
                let objects: Vec<Value> = KEY.captures_iter(&objects).map(|it| self.object(bucket, &it[1])).collect();
                let settings = ["publicAccessBlock", "encryption", "lifecycle", "versioning", "notification"];
                let settings = settings.map(|name| self.text("s3", &format!("/{bucket}?{name}")));
                json!({
                    "name": bucket, "objects": objects, "uploads": KEY.captures_iter(&uploads).count(),
                    "settings": settings,
                })
            })
            .collect()
    }

    fn object(&self, bucket: &str, key: &str) -> Value {
        if !key.contains("/releases/") {
            return json!(key);
        }
        let release = self.get("s3", &format!("/{bucket}/{key}"));
        json!([key, release["number"], release["rollback_to"], release["functions"]])
    }

    fn get(&self, service: &str, path: &str) -> Value {
        self.call("GET", service, path, &[], "")
    }

    fn text(&self, service: &str, path: &str) -> String {
        self.request("GET", service, path, &[], "").text()
    }

    fn form(&self, form: &str) -> String {
        self.query("iam", form)
    }

    fn query(&self, service: &str, form: &str) -> String {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.request("POST", service, "/", &[kind], form).text()
    }

    /// Null when it is not there.
    fn call(&self, method: &str, service: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Value {
        let answer = self.request(method, service, path, headers, body);
        if answer.status == 404 { Value::Null } else { answer.json() }
    }

    fn request(&self, method: &str, service: &str, path: &str, headers: &[(&str, &str)], body: &str) -> http::Answer {
        let scope = format!("AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/{service}/aws4_request, Signature=0");
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", scope.as_str())]).collect();
        let answer = http::request(method, &format!("{}{path}", self.0), &headers, body);
        assert!(answer.status < 300 || answer.status == 404, "{method} {path}: {answer:?}");
        answer
    }
}

/// What each deployment says of itself: those that no stage serves are former ones.
fn described(deployments: &Value) -> Value {
    let mut all: Vec<String> =
        deployments.as_array().into_iter().flatten().map(|it| text(&it["description"])).collect();
    all.sort();
    json!(all)
}

/// Its path, and where each of its methods leads.
fn route(route: &Value) -> Value {
    let methods = route["resourceMethods"].as_object().into_iter().flatten();
    let methods = methods.map(|(method, what)| json!([method, what["methodIntegration"]["uri"]]));
    json!([route["path"], methods.collect::<Value>()])
}

fn statements(policy: &Value) -> &[Value] {
    policy["Statement"].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !OF_ONE_RUN.contains(&name.as_str()));
            fields.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}
