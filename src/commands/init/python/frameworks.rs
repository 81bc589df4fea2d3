//! The web frameworks `rzap init` knows: what makes an application of each, and what it speaks.
//!
//! By the dotted names of what is called, wherever it was imported to. A framework is a line here.

/// How rzap's bridge calls an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Wsgi,
    Asgi,
}

/// A framework.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Framework {
    /// As it writes itself.
    pub(super) name: &'static str,
    /// `Err` says why its applications cannot run behind the bridge, and what could be done.
    pub(super) protocol: Result<Protocol, &'static str>,
    /// Classes and functions that give an application.
    makers: &'static [&'static str],
    /// The attribute of what they give that is the application, where it is not the thing itself.
    pub(super) attribute: Option<&'static str>,
}

const WSGI: Framework = Framework { name: "WSGI", protocol: Ok(Protocol::Wsgi), makers: &[], attribute: None };
const ASGI: Framework = Framework { name: "ASGI", protocol: Ok(Protocol::Asgi), ..WSGI };

/// Made by a method of a thing, so that no dotted name says it.
pub(super) static PYRAMID: Framework = Framework { name: "Pyramid", ..WSGI };

/// Its routes may be on an application that no name stands for.
pub(super) static BOTTLE: Framework =
    Framework { name: "Bottle", makers: &["bottle.Bottle", "bottle.default_app", "bottle.app"], ..WSGI };

static FRAMEWORKS: &[Framework] = &[
    Framework {
        name: "Flask",
        makers: &["flask.Flask", "flask.app.Flask", "apiflask.APIFlask", "flask_openapi3.OpenAPI", "eve.Eve"],
        ..WSGI
    },
    Framework { name: "FastAPI", makers: &["fastapi.FastAPI", "fastapi.applications.FastAPI"], ..ASGI },
    Framework { name: "Starlette", makers: &["starlette.applications.Starlette"], ..ASGI },
    Framework { name: "Quart", makers: &["quart.Quart", "quart.app.Quart", "quart_trio.QuartTrio"], ..ASGI },
    Framework { name: "Falcon", makers: &["falcon.App", "falcon.API", "falcon.app.App"], ..WSGI },
    Framework { name: "Falcon", makers: &["falcon.asgi.App", "falcon.asgi.app.App"], ..ASGI },
    Framework { name: "Dash", makers: &["dash.Dash"], attribute: Some("server"), ..WSGI },
    Framework { name: "Django", makers: &["django.core.wsgi.get_wsgi_application"], ..WSGI },
    Framework { name: "Django", makers: &["django.core.asgi.get_asgi_application"], ..ASGI },
    Framework { name: "Litestar", makers: &["litestar.Litestar", "litestar.app.Litestar"], ..ASGI },
    Framework { name: "Sanic", makers: &["sanic.Sanic"], ..ASGI },
    Framework { name: "BlackSheep", makers: &["blacksheep.Application", "blacksheep.server.Application"], ..ASGI },
    Framework { name: "Pyramid", makers: &["pyramid.paster.get_app"], ..WSGI },
    Framework {
        name: "Chalice",
        protocol: Err(
            "Chalice apps run behind Chalice's own runtime: rzap does not deploy them. `chalice deploy` does, or \
                       move the routes to Flask",
        ),
        makers: &["chalice.Chalice", "chalice.app.Chalice"],
        ..WSGI
    },
    Framework {
        name: "aiohttp",
        protocol: Err(
            "aiohttp is its own HTTP server and has no WSGI or ASGI application: rzap cannot deploy it as it is",
        ),
        makers: &["aiohttp.web.Application", "aiohttp.web_app.Application"],
        ..WSGI
    },
    Framework {
        name: "Tornado",
        protocol: Err(
            "Tornado is its own HTTP server and has no WSGI or ASGI application: rzap cannot deploy it as it is",
        ),
        makers: &["tornado.web.Application"],
        ..WSGI
    },
];

/// Things that turn an application into a Lambda handler. rzap's bridge takes their place.
const ADAPTERS: &[(&str, &str)] = &[
    ("mangum.Mangum", "Mangum"),
    ("apig_wsgi.make_lambda_handler", "apig-wsgi"),
    ("serverless_wsgi.handle_request", "serverless-wsgi"),
    ("awsgi.response", "aws-wsgi"),
    ("a2wsgi.lambda.handler", "a2wsgi"),
];

/// Wrappers that change what an application speaks.
const BETWEEN: &[(&str, Protocol)] = &[
    ("asgiref.wsgi.WsgiToAsgi", Protocol::Asgi),
    ("a2wsgi.WSGIMiddleware", Protocol::Asgi),
    ("starlette.middleware.wsgi.WSGIMiddleware", Protocol::Asgi),
    ("a2wsgi.ASGIMiddleware", Protocol::Wsgi),
];

/// Calls that answer requests until somebody stops them.
const SERVERS: &[&str] = &[
    "uvicorn.run",
    "bottle.run",
    "waitress.serve",
    "hypercorn.run.run",
    "werkzeug.serving.run_simple",
    "cherrypy.quickstart",
    "asyncio.run",
];

/// The framework whose application `origin` makes.
pub(super) fn made_by(origin: &str) -> Option<&'static Framework> {
    let all = FRAMEWORKS.iter().chain([&BOTTLE]);
    all.into_iter().find(|framework| framework.makers.contains(&origin))
}

/// The name of the Lambda adapter that `origin` is.
pub(super) fn adapter(origin: &str) -> Option<&'static str> {
    ADAPTERS.iter().find(|(known, _)| *known == origin).map(|(_, name)| *name)
}

/// What comes out of a wrapper that changes it.
pub(super) fn between(origin: &str) -> Option<Protocol> {
    BETWEEN.iter().find(|(known, _)| *known == origin).map(|(_, protocol)| *protocol)
}

/// Whether `origin` starts a server.
pub(super) fn serves(origin: &str) -> bool {
    SERVERS.contains(&origin)
}

/// What is in every file that can hold an application or a handler: the name of a maker, a name that
/// applications and handlers have, or a function that takes an event. What has none is not parsed.
pub(super) const TELLING: &str = r"(?m)(?-u:\b)(?:Flask|APIFlask|OpenAPI|Eve|FastAPI|Starlette|Quart|QuartTrio|falcon|bottle|Dash|Litestar|Sanic|blacksheep|pyramid|make_wsgi_app|get_[aw]sgi_application|DJANGO_SETTINGS_MODULE|ROOT_URLCONF|chalice|aiohttp|tornado|Mangum|make_lambda_handler)(?-u:\b)|^(?:app|application|asgi_app|wsgi_app|server|handler|lambda_handler)\s*[:=]|^from\s.*(?-u:\b)app(?:lication)?(?-u:\b)|^def\s+(?:lambda_)?handler(?-u:\b)|^def\s+\w+\s*\(\s*_*(?:event|evt)(?-u:\b)";

impl Protocol {
    /// Its key in `rzap.yaml`.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Wsgi => "wsgi",
            Self::Asgi => "asgi",
        }
    }
}
