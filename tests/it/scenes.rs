//! What the sweeps break: small apps, what was deployed of them before, and the command that goes wrong.

/// A stage with a past, and a command.
pub(crate) struct Scene {
    /// What rzap.yaml said, deploy after deploy; the code says which of them it belongs to.
    pub(crate) deployed: &'static [&'static str],
    /// What ran after these.
    pub(crate) then: &'static [&'static str],
    /// What rzap.yaml says when the command runs, with new code; without it nothing has changed.
    pub(crate) now: Option<&'static str>,
    pub(crate) command: &'static str,
    /// A function whose own clients are not asked.
    pub(crate) unasked: Option<&'static str>,
    /// One of how many calls is broken; with `RZAP_SWEEP=all` each.
    pub(crate) every: usize,
}

impl Scene {
    /// Whether clients are served before and after.
    pub(crate) fn serves(&self) -> bool {
        !self.deployed.is_empty() && !self.command.starts_with("undeploy")
    }
}

/// A REST API, an HTTP API and a layer.
const SMALL: &str = "app: sweep
runtime: python3.13
region: eu-west-1
layers: [layers/common]
functions:
  web: { handler: web.handler, dir: web, http: rest }
  old: { handler: old.handler, dir: old, http: http }
stages: { dev: {} }
";

/// One function is another, one is new and one is gone: the HTTP API leads elsewhere.
const CHANGED: &str = "app: sweep
runtime: python3.13
region: eu-west-1
layers: [layers/common]
functions:
  web: { handler: web.handler, dir: web, http: rest, memory: 640 }
  new: { handler: new.handler, dir: new, http: http }
stages: { dev: {} }
";

pub(crate) const FIRST: Scene =
    Scene { deployed: &[], then: &[], now: Some(SMALL), command: "deploy dev", unasked: None, every: 1 };
pub(crate) const CHANGE: Scene = Scene { deployed: &[SMALL], now: Some(CHANGED), ..FIRST };
pub(crate) const UNDEPLOY: Scene = Scene { deployed: &[SMALL], now: None, command: "undeploy dev --yes", ..FIRST };

/// Web apps that are kept warm: schedules, and the role that they need.
const WARM: &str = "app: sweep
runtime: python3.13
region: eu-west-1
functions:
  web: { wsgi: web:app, dir: web, http: http, keep_warm: true }
  old: { wsgi: old:app, dir: old, keep_warm: true }
stages: { dev: {} }
";

/// One schedule goes, one comes, and the function behind the API is another one.
const WARM_CHANGED: &str = "app: sweep
runtime: python3.13
region: eu-west-1
layers: [layers/common]
functions:
  web: { wsgi: web:app, dir: web, keep_warm: true }
  new: { wsgi: new:app, dir: new, http: http, keep_warm: true }
stages: { dev: {} }
";

pub(crate) const WARM_FIRST: Scene = Scene { now: Some(WARM), every: 5, ..FIRST };
pub(crate) const WARM_CHANGE: Scene = Scene { deployed: &[WARM], now: Some(WARM_CHANGED), every: 5, ..FIRST };
pub(crate) const WARM_UNDEPLOY: Scene = Scene { deployed: &[WARM], every: 5, ..UNDEPLOY };

/// The REST API leads to one function, and a URL streams; each function's configuration says its generation, too.
const REST: &str = "app: sweep
runtime: python3.13
region: eu-west-1
functions:
  web: { handler: web.handler, dir: web, env: { GENERATION: '1' }, http: rest }
  new: { handler: new.handler, dir: new, env: { GENERATION: '1' } }
  old: { wsgi: old:app, dir: old, env: { GENERATION: '1' }, http: url, stream: true }
stages: { dev: {} }
";

/// It leads to the other one, and the URL does not stream any more.
const REST_MOVED: &str = "app: sweep
runtime: python3.13
region: eu-west-1
functions:
  web: { handler: web.handler, dir: web, env: { GENERATION: '2' } }
  new: { handler: new.handler, dir: new, env: { GENERATION: '2' }, http: rest }
  old: { wsgi: old:app, dir: old, env: { GENERATION: '2' }, http: url }
stages: { dev: {} }
";

/// An HTTP API that leads to one function.
const HTTP: &str = "app: sweep
runtime: python3.13
region: eu-west-1
layers: [layers/common]
functions:
  web: { handler: web.handler, dir: web, env: { GENERATION: '1' }, http: http }
  new: { handler: new.handler, dir: new, env: { GENERATION: '1' } }
stages: { dev: {} }
";

/// And to the other one.
const HTTP_MOVED: &str = "app: sweep
runtime: python3.13
region: eu-west-1
layers: [layers/common]
functions:
  web: { handler: web.handler, dir: web, env: { GENERATION: '2' } }
  new: { handler: new.handler, dir: new, env: { GENERATION: '2' }, http: http }
stages: { dev: {} }
";

/// No call changes the code and how the URL answers at once, so in between its clients get what nobody meant.
pub(crate) const BACK: Scene =
    Scene { deployed: &[REST, REST_MOVED], now: None, command: "rollback dev", unasked: Some("old"), ..FIRST };
pub(crate) const FORTH: Scene = Scene { then: &["rollback dev"], command: "rollback dev 2", every: 3, ..BACK };
pub(crate) const HTTP_BACK: Scene = Scene { deployed: &[HTTP, HTTP_MOVED], unasked: None, every: 3, ..BACK };
pub(crate) const HTTP_FORTH: Scene = Scene { deployed: &[HTTP, HTTP_MOVED], unasked: None, ..FORTH };

/// Code and a layer are other ones.
pub(crate) const UPDATE: Scene =
    Scene { deployed: &[SMALL], now: Some(SMALL), command: "update dev", every: 3, ..FIRST };

/// Deployed, changed, rolled back, and the files are of yet another generation.
pub(crate) const READ: Scene =
    Scene { deployed: &[SMALL, SMALL], then: &["rollback dev"], now: Some(CHANGED), command: "status dev", ..FIRST };

/// What wakes functions, one of a kind, and what they talk to.
pub(crate) const WOKEN: &str = "app: sweep
runtime: python3.13
region: eu-west-1
resources:
  jobs: { type: queue, dlq: true }
  uploads: { type: bucket, eventbridge: true }
  news: topic
  guests: { type: table, key: id }
  orders: event_bus
  rate: { type: parameter, value: '5' }
  token: { type: secret, generate: 32 }
  stuck: { type: alarm, queue: jobs-dlq, above: 0, notify: news }
functions:
  web:
    handler: web.handler
    dir: web
    http: url
    uses: [rate, token]
    triggers:
      - sqs: jobs
      - s3: { bucket: uploads, prefix: in/ }
      - sns: news
  old:
    handler: old.handler
    dir: old
    uses: { uploads: read, orders: put }
    triggers:
      - dynamodb: guests
      - events: { bus: orders, name: paid, pattern: { source: [shop] } }
      - logs: { group: web, pattern: ERROR }
stages: { dev: {} }
";

/// Each trigger says something else, or is another function's, and the alarm is gone.
const WOKEN_CHANGED: &str = "app: sweep
runtime: python3.13
region: eu-west-1
resources:
  jobs: { type: queue, dlq: true, visibility_timeout: 60s }
  uploads: { type: bucket, versioned: true }
  news: topic
  guests: { type: table, key: id }
  orders: event_bus
  rate: { type: parameter, value: '6' }
  token: { type: secret, generate: 32 }
functions:
  web:
    handler: web.handler
    dir: web
    http: url
    uses: [rate, token]
    triggers:
      - sqs: { queue: jobs, batch: 5 }
      - s3: { bucket: uploads, prefix: out/ }
      - sns: { topic: news, filter: { kind: [sale] } }
  new:
    handler: new.handler
    dir: new
    uses: { uploads: read, orders: put }
    triggers:
      - dynamodb: guests
      - events: { bus: orders, name: paid, pattern: { source: [shop] } }
      - logs: { group: web, pattern: ERROR }
stages: { dev: {} }
";

pub(crate) const WOKEN_FIRST: Scene = Scene { now: Some(WOKEN), every: 13, ..FIRST };
pub(crate) const WOKEN_CHANGE: Scene = Scene { deployed: &[WOKEN], now: Some(WOKEN_CHANGED), every: 13, ..FIRST };
pub(crate) const WOKEN_UNDEPLOY: Scene =
    Scene { deployed: &[WOKEN], every: 13, command: "undeploy dev --yes --delete-data", ..UNDEPLOY };
