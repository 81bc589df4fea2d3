//! Whom a request is for: by host, or by path on any host.

use crate::local::wire::Request;

/// An API or function URL, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    Api(String),
    Url(String),
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) owner: Owner,
    /// What stands before the owner's own paths; empty when the host names the owner.
    pub(super) prefix: String,
    /// The owner's path, still encoded; starts with `/`.
    pub(super) path: String,
}

impl Address {
    pub(super) fn of(request: &Request) -> Option<Self> {
        Self::by_path(&request.path).or_else(|| Self::by_host(&host(request)?, &request.path))
    }

    fn by_path(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix("/_aws/")?.splitn(3, '/');
        let (service, id, rest) = (parts.next()?, parts.next()?, parts.next());
        Some(Self {
            owner: owner(service, id)?,
            prefix: format!("/_aws/{service}/{id}"),
            path: format!("/{}", rest.unwrap_or_default()),
        })
    }

    fn by_host(host: &str, path: &str) -> Option<Self> {
        let mut labels = host.splitn(3, '.');
        let (id, service, rest) = (labels.next()?, labels.next()?, labels.next()?);
        let domain = ["localhost", "amazonaws.com", "amazonaws.com.cn", "on.aws"]
            .iter()
            .any(|domain| rest == *domain || rest.ends_with(&format!(".{domain}")));
        if !domain {
            return None;
        }
        Some(Self { owner: owner(service, id)?, prefix: String::new(), path: path.to_owned() })
    }
}

fn owner(service: &str, id: &str) -> Option<Owner> {
    if id.is_empty() {
        return None;
    }
    match service {
        "execute-api" => Some(Owner::Api(id.to_owned())),
        "lambda-url" => Some(Owner::Url(id.to_owned())),
        _ => None,
    }
}

/// The host without its port, in lower case.
pub(super) fn host(request: &Request) -> Option<String> {
    let host = request.header("host")?;
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => host,
    };
    Some(bare.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(owner: Owner, prefix: &str, path: &str) -> Address {
        Address { owner, prefix: prefix.into(), path: path.into() }
    }

    #[test]
    fn hosts_and_paths_name_their_owner() {
        let api = || Owner::Api("a1".into());
        assert_eq!(Address::by_host("a1.execute-api.localhost", "/dev/x"), Some(address(api(), "", "/dev/x")));
        assert_eq!(Address::by_host("a1.execute-api.eu-west-1.amazonaws.com", "/"), Some(address(api(), "", "/")));
        assert_eq!(
            Address::by_path("/_aws/execute-api/a1/dev/x"),
            Some(address(api(), "/_aws/execute-api/a1", "/dev/x"))
        );
        assert_eq!(Address::by_path("/_aws/execute-api/a1"), Some(address(api(), "/_aws/execute-api/a1", "/")));
        let url = || Owner::Url("u1".into());
        assert_eq!(Address::by_host("u1.lambda-url.eu-west-1.localhost", "/x"), Some(address(url(), "", "/x")));
        assert_eq!(Address::by_path("/_aws/lambda-url/u1/"), Some(address(url(), "/_aws/lambda-url/u1", "/")));
    }

    #[test]
    fn everything_else_belongs_to_the_services() {
        for host in ["localhost", "bucket.s3.localhost", "execute-api.localhost", "a1.execute-api.example.com"] {
            assert_eq!(Address::by_host(host, "/"), None, "{host}");
        }
        for path in [
            "/",
            "/_aws",
            "/_aws/",
            "/_aws/execute-api",
            "/_aws/execute-api/",
            "/_aws/other/x",
            "/bucket/_aws/execute-api/x",
        ] {
            assert_eq!(Address::by_path(path), None, "{path}");
        }
    }
}
