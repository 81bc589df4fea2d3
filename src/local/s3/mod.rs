//! S3: buckets, objects, multipart uploads, and the bucket settings that deploying tools touch.
//!
//! Objects are files; see [`bucket`] for the layout. What would change the meaning of a stored object
//! and is not kept here (object lock, KMS and customer keys, ACLs, archive classes)
//! is refused. Lifecycle and CORS rules are stored and shown, but nothing expires by itself, and the guard keeps web
//! pages out. What happens to objects is told to functions, queues, topics and `EventBridge`: see [`notify`].
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html>

mod attributes;
mod bucket;
mod buckets;
mod condition;
mod config;
mod copy;
mod delete;
mod get;
mod integrity;
mod lifecycle;
mod list;
mod list_versions;
mod model;
mod multipart;
mod notification;
mod notify;
mod presigned;
mod put;
mod tags;
mod uploads;
mod versions;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::Method;

use super::wire::{Fault, Reply, Request, percent_decode};
use super::xml::Element;
use super::{ACCOUNT, Local, guard};
use crate::error::{OrFailed as _, Result};
use bucket::Bucket;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
/// The canonical user id of the only account; AWS's are 64 hexadecimal digits, too.
const OWNER: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The service.
#[derive(Debug)]
pub(crate) struct S3 {
    dir: PathBuf,
    buckets: RwLock<BTreeMap<String, Arc<Bucket>>>,
}

/// One request, with bucket, key and sub-resource taken out of it.
struct Call<'a> {
    request: &'a Request,
    local: &'a Arc<Local>,
    bucket: Option<String>,
    key: Option<String>,
    /// `tagging`, `lifecycle`, …: the one query parameter that is not a parameter of an operation.
    sub: Option<String>,
    query: BTreeMap<String, String>,
}

/// Query parameters that refine an operation; any other one names a different operation.
const PARAMETERS: [&str; 25] = [
    "bucket-region",
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "list-type",
    "marker",
    "max-buckets",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "partNumber",
    "prefix",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "start-after",
    "upload-id-marker",
    "version-id-marker",
    "versionId",
];

impl S3 {
    /// Opens the buckets in `{home}/s3/`.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        let dir = home.join("s3");
        std::fs::create_dir_all(&dir).or_failed(|| format!("create {}", dir.display()))?;
        let mut buckets = BTreeMap::new();
        for entry in std::fs::read_dir(&dir).or_failed(|| format!("read {}", dir.display()))? {
            let entry = entry.or_failed(|| format!("read {}", dir.display()))?;
            if let Some(bucket) = Bucket::open(&entry.path())? {
                buckets.insert(bucket.name.clone(), Arc::new(bucket));
            }
        }
        Ok(Self { dir, buckets: RwLock::new(buckets) })
    }

    /// The bytes of an object, for services that read from a bucket.
    pub(crate) fn object(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Bytes, Fault> {
        let (object, mut file) = self.bucket(bucket)?.open_object(key, version)?;
        let mut bytes = Vec::with_capacity(usize::try_from(object.size).unwrap_or_default());
        file.read_to_end(&mut bytes).map_err(|error| disk(&error))?;
        Ok(bytes.into())
    }

    /// Writes an object, for services that write into a bucket.
    pub(crate) fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> Result<(), Fault> {
        let bucket = self.bucket(bucket)?;
        let staged = bucket.stage(bytes)?;
        let checksum = put::full(super::checksum::Algorithm::Crc64Nvme, bytes);
        let attributes = attributes::Attributes::of_json();
        let new = bucket::New { key: key.to_owned(), attributes, checksum, parts: Vec::new() };
        bucket.commit(staged, new, None, |_| Ok(())).map(drop)
    }

    pub(crate) async fn handle(&self, local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        // Everything here is file work, up to hundreds of megabytes of it.
        let local = Arc::clone(local);
        let answered = tokio::task::spawn_blocking(move || local.s3.answer(&local, &request)).await;
        answered.unwrap_or_else(|_| {
            Err(Fault::new(500, "InternalError", "We encountered an internal error. Please try again."))
        })
    }

    fn answer(&self, local: &Arc<Local>, request: &Request) -> Result<Reply, Fault> {
        presigned::check(request)?;
        let call = Call::read(local, request)?;
        call.check_owner("x-amz-expected-bucket-owner")?;
        let reply = self.dispatch(&call)?;
        Ok(reply.with("x-amz-id-2", "bG9jYWw="))
    }

    fn dispatch(&self, call: &Call<'_>) -> Result<Reply, Fault> {
        let sub = call.sub.as_deref();
        let Some(name) = &call.bucket else {
            return match (&call.request.method, sub) {
                (&Method::GET, None) => self.list_buckets(call),
                (_, None) => Err(method_not_allowed(call)),
                (_, Some(_)) => Err(unsupported(call)),
            };
        };
        if call.key.is_none() {
            match (&call.request.method, sub) {
                (&Method::PUT, None) => return self.create_bucket(call, name),
                // The one question that is answered from every region.
                (&Method::GET, Some("location")) => return self.bucket_location(name),
                _ => {}
            }
        }
        let bucket = self.bucket(name)?;
        call.check_region(&bucket)?;
        match &call.key {
            None => self.on_bucket(call, &bucket, sub),
            Some(key) => self.on_object(call, &bucket, key, sub),
        }
    }

    fn on_bucket(&self, call: &Call<'_>, bucket: &Arc<Bucket>, sub: Option<&str>) -> Result<Reply, Fault> {
        match (&call.request.method, sub) {
            (&Method::HEAD, None) => Ok(buckets::head(bucket)),
            (&Method::DELETE, None) => self.delete_bucket(bucket),
            (&Method::GET, None) => list::objects(call, bucket),
            (&Method::GET, Some("versions")) => list_versions::answer(call, bucket),
            (&Method::GET, Some("uploads")) => uploads::list(call, bucket),
            (&Method::POST, Some("delete")) => delete::many(call, bucket),
            (_, None) => Err(method_not_allowed(call)),
            (_, Some(sub)) => config::answer(call, bucket, sub).unwrap_or_else(|| Err(unsupported(call))),
        }
    }

    fn on_object(&self, call: &Call<'_>, bucket: &Arc<Bucket>, key: &str, sub: Option<&str>) -> Result<Reply, Fault> {
        if key.len() > 1_024 {
            return Err(Fault::new(400, "KeyTooLongError", "Your key is too long")
                .member("Size", key.len().to_string())
                .member("MaxSizeAllowed", "1024"));
        }
        let version = call.version(sub)?;
        let copying = call.request.headers.contains_key("x-amz-copy-source");
        match (&call.request.method, sub) {
            (&Method::GET, None) => get::object(call, bucket, (key, version), true),
            (&Method::HEAD, None) => get::object(call, bucket, (key, version), false),
            (&Method::PUT, None) if copying => copy::object(self, call, bucket, key),
            (&Method::PUT, None) => put::object(call, bucket, key),
            (&Method::DELETE, None) => delete::one(call, bucket, key, version),
            (&Method::POST, Some("uploads")) => multipart::create(call, bucket, key),
            (&Method::PUT, Some("uploadId")) if copying => copy::part(self, call, bucket, key),
            (&Method::PUT, Some("uploadId")) => multipart::upload_part(call, bucket, key),
            (&Method::POST, Some("uploadId")) => multipart::complete(call, bucket, key),
            (&Method::DELETE, Some("uploadId")) => multipart::abort(call, bucket, key),
            (&Method::GET, Some("uploadId")) => uploads::parts(call, bucket, key),
            (&Method::GET, Some("acl")) => bucket.object(key, version).map(|_| config::owner_acl()),
            (&Method::GET, Some("tagging")) => tags::get(bucket, key, version),
            (&Method::PUT, Some("tagging")) => tags::put(call, bucket, key, version),
            (&Method::DELETE, Some("tagging")) => tags::delete(call, bucket, key, version),
            (_, None) => Err(method_not_allowed(call)),
            (_, Some(_)) => Err(unsupported(call)),
        }
    }

    fn bucket(&self, name: &str) -> Result<Arc<Bucket>, Fault> {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.get(name).cloned().ok_or_else(|| no_bucket(name))
    }
}

impl<'a> Call<'a> {
    fn read(local: &'a Arc<Local>, request: &'a Request) -> Result<Self, Fault> {
        let (bucket, key) = address(request);
        let mut query = BTreeMap::new();
        let mut subs = Vec::new();
        for (name, value) in request.query() {
            // Part of the signature, or the SDK's note of which operation it meant.
            if name == "x-id"
                || name.to_ascii_lowercase().starts_with("x-amz-")
                || presigned::V2.contains(&name.as_str())
            {
                continue;
            }
            if !PARAMETERS.contains(&name.as_str()) {
                subs.push(name.clone());
            }
            query.insert(name, value);
        }
        subs.dedup();
        if let [first, second, ..] = &subs[..] {
            let message = format!("Conflicting query string parameters: {first}, {second}");
            return Err(Fault::new(400, "InvalidArgument", message));
        }
        Ok(Self { request, local, bucket, key, sub: subs.pop(), query })
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A whole number, `default` when it is not given, capped at 1,000 as S3 does.
    fn limit(&self, name: &'static str) -> Result<usize, Fault> {
        match self.param(name).map(str::parse::<i32>) {
            None => Ok(1_000),
            Some(Ok(number)) if number >= 0 => Ok(usize::try_from(number).unwrap_or_default().min(1_000)),
            Some(_) => Err(Fault::new(
                400,
                "InvalidArgument",
                format!("Provided {name} not an integer or within integer range"),
            )
            .member("ArgumentName", name)),
        }
    }

    /// The body as XML with that root.
    fn document(&self, root: &str) -> Result<Element, Fault> {
        integrity::verify(self.request)?;
        Element::parse(&self.request.body).filter(|element| element.name == root).ok_or_else(malformed_xml)
    }

    fn check_owner(&self, header: &str) -> Result<(), Fault> {
        match self.request.header(header) {
            Some(owner) if owner != ACCOUNT => Err(Fault::new(403, "AccessDenied", "Access Denied")),
            _ => Ok(()),
        }
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingRouting.html>
    fn check_region(&self, bucket: &Bucket) -> Result<(), Fault> {
        let region = bucket.region();
        if region == self.request.region || presigned::is_v2(self.request) {
            return Ok(());
        }
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.";
        Err(Fault::new(301, "PermanentRedirect", message)
            .member("Endpoint", format!("s3.{region}.amazonaws.com"))
            .member("Bucket", &bucket.name)
            .header("x-amz-bucket-region", region))
    }

    /// The version of an object that is asked for.
    fn version(&self, sub: Option<&str>) -> Result<Option<&str>, Fault> {
        let invalid = |message: &str| {
            let fault = Fault::new(400, "InvalidArgument", message).member("ArgumentName", "versionId");
            Err(fault.member("ArgumentValue", self.param("versionId").unwrap_or_default()))
        };
        let takes = match sub {
            None => [Method::GET, Method::HEAD, Method::DELETE].contains(&self.request.method),
            Some(sub) => ["acl", "tagging"].contains(&sub),
        };
        match self.param("versionId") {
            None => Ok(None),
            Some("") => invalid("Version id cannot be the empty string"),
            Some(_) if !takes => invalid("This operation does not accept a version-id."),
            Some(version) => Ok(Some(version)),
        }
    }
}

/// Bucket and key, from the host (`bucket.localhost`, `bucket.s3.…`) or the path.
fn address(request: &Request) -> (Option<String>, Option<String>) {
    let path = request.path.strip_prefix('/').unwrap_or(&request.path);
    let filled = |text: &str| (!text.is_empty()).then(|| percent_decode(text));
    let host = request.header("host").map(guard::host_name);
    if let Some(bucket) = host.as_deref().and_then(virtual_bucket) {
        return (Some(bucket.to_owned()), filled(path));
    }
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    (filled(bucket), filled(key))
}

fn virtual_bucket(host: &str) -> Option<&str> {
    let name = match host.strip_suffix(".localhost") {
        Some(name) => name,
        None => host
            .strip_suffix(".amazonaws.com")
            .filter(|name| *name == "s3" || name.starts_with("s3.") || name.contains(".s3"))?,
    };
    if name == "s3" || name.starts_with("s3.") || name.starts_with("s3-") {
        return None;
    }
    let end = name.find(".s3.").or_else(|| name.find(".s3-")).or_else(|| name.strip_suffix(".s3").map(str::len));
    Some(&name[..end.unwrap_or(name.len())])
}

/// A document in S3's namespace.
fn xml(element: &Element) -> Reply {
    Reply::xml(200, element.document(NAMESPACE)).with("content-type", "application/xml")
}

fn owner(name: &str) -> Element {
    Element::new(name, vec![Element::leaf("ID", OWNER), Element::leaf("DisplayName", "local")])
}

/// `2026-11-21T03:14:15.000Z`
fn date(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// `Sat, 21 Nov 2026 03:14:15 GMT`
fn http_date(time: jiff::Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn unsupported(call: &Call<'_>) -> Fault {
    Fault::unsupported("S3", &format!("{} ?{}", call.request.method, call.sub.as_deref().unwrap_or_default()))
}

fn method_not_allowed(call: &Call<'_>) -> Fault {
    Fault::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        .member("Method", call.request.method.as_str())
}

fn malformed_xml() -> Fault {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    Fault::new(400, "MalformedXML", message)
}

fn no_bucket(name: &str) -> Fault {
    Fault::new(404, "NoSuchBucket", "The specified bucket does not exist").member("BucketName", name)
}

fn no_key(key: &str) -> Fault {
    Fault::new(404, "NoSuchKey", "The specified key does not exist.").member("Key", key)
}

fn no_version(key: &str, version: &str) -> Fault {
    Fault::new(404, "NoSuchVersion", "The specified version does not exist.")
        .member("Key", key)
        .member("VersionId", version)
}

fn disk(error: &std::io::Error) -> Fault {
    Fault::new(500, "InternalError", format!("the local cloud cannot use its disk: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_can_name_the_bucket() {
        let cases = [
            ("photos.localhost", Some("photos")),
            ("a.b.localhost", Some("a.b")),
            ("photos.s3.localhost", Some("photos")),
            ("photos.s3.eu-west-1.amazonaws.com", Some("photos")),
            ("photos.s3.amazonaws.com", Some("photos")),
            ("s3.localhost", None),
            ("s3.eu-west-1.amazonaws.com", None),
            ("iam.amazonaws.com", None),
            ("localhost", None),
            ("127.0.0.1", None),
        ];
        for (host, bucket) in cases {
            assert_eq!(virtual_bucket(host), bucket, "{host}");
        }
    }

    #[test]
    fn parameters_are_sorted() {
        assert!(PARAMETERS.is_sorted());
    }
}
