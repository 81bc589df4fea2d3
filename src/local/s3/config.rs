//! A bucket's settings: what deploying tools write and read back.
//!
//! A new bucket has AWS's defaults of today: public access blocked, encrypted with SSE-S3, ACLs off.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html>

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::wire::{Fault, Reply};
use super::super::xml::Element;
use super::bucket::Bucket;
use super::buckets::required;
use super::notification::{self, Receiver};
use super::versions::{self, Versioning};
use super::{Call, integrity, lifecycle, malformed_xml, owner, tags, xml};

/// The settings, as they are kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Config {
    pub(super) region: String,
    pub(super) created: Timestamp,
    pub(super) tags: BTreeMap<String, String>,
    /// The whole document, each rule with an id.
    pub(super) lifecycle: Option<Element>,
    public_access: Option<PublicAccess>,
    /// The bucket key switch of the default encryption; the algorithm is always AES256.
    bucket_key: bool,
    policy: Option<String>,
    /// `BucketOwnerEnforced`, unless deleted.
    ownership: Option<String>,
    /// Who is told of what happens to objects.
    #[serde(default)]
    pub(super) receivers: Vec<Receiver>,
    /// Whether the default bus is told of all of it, too.
    #[serde(default)]
    pub(super) event_bridge: bool,
    #[serde(default)]
    pub(super) versioning: Option<Versioning>,
    /// The whole document.
    #[serde(default)]
    cors: Option<Element>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "these are the four switches of AWS")]
struct PublicAccess {
    block_acls: bool,
    ignore_acls: bool,
    block_policy: bool,
    restrict: bool,
}

impl Config {
    pub(super) fn new(region: String, created: Timestamp) -> Self {
        let all = PublicAccess { block_acls: true, ignore_acls: true, block_policy: true, restrict: true };
        Self {
            region,
            created,
            public_access: Some(all),
            ownership: Some("BucketOwnerEnforced".into()),
            ..Self::default()
        }
    }
}

/// Answers `GET|PUT|DELETE /bucket?{sub}`; `None` for a setting that is not kept here.
pub(super) fn answer(call: &Call<'_>, bucket: &Bucket, sub: &str) -> Option<Result<Reply, Fault>> {
    Some(match (&call.request.method, sub) {
        (&Method::GET, "tagging") => get_tags(bucket),
        (&Method::PUT, "tagging") => put_tags(call, bucket),
        (&Method::DELETE, "tagging") => change(bucket, 204, |config| config.tags.clear()),
        (&Method::GET, "lifecycle") => lifecycle::get(bucket),
        (&Method::PUT, "lifecycle") => lifecycle::put(call, bucket),
        (&Method::DELETE, "lifecycle") => change(bucket, 204, |config| config.lifecycle = None),
        (&Method::GET, "publicAccessBlock") => get_public_access(bucket),
        (&Method::PUT, "publicAccessBlock") => put_public_access(call, bucket),
        (&Method::DELETE, "publicAccessBlock") => change(bucket, 204, |config| config.public_access = None),
        (&Method::GET, "encryption") => Ok(get_encryption(bucket)),
        (&Method::PUT, "encryption") => put_encryption(call, bucket),
        // There is no unencrypted bucket any more; deleting goes back to the default.
        (&Method::DELETE, "encryption") => change(bucket, 204, |config| config.bucket_key = false),
        (&Method::GET, "policy") => get_policy(bucket),
        (&Method::PUT, "policy") => put_policy(call, bucket),
        (&Method::DELETE, "policy") => change(bucket, 204, |config| config.policy = None),
        (&Method::GET, "ownershipControls") => get_ownership(bucket),
        (&Method::PUT, "ownershipControls") => put_ownership(call, bucket),
        (&Method::DELETE, "ownershipControls") => change(bucket, 204, |config| config.ownership = None),
        (&Method::GET | &Method::PUT, "versioning") => versions::answer(call, bucket),
        (&Method::GET | &Method::PUT, "notification") => notification::answer(call, bucket),
        (&Method::GET, "cors") => get_cors(bucket),
        (&Method::PUT, "cors") => put_cors(call, bucket),
        (&Method::DELETE, "cors") => change(bucket, 204, |config| config.cors = None),
        (&Method::GET, "acl") => Ok(owner_acl()),
        _ => return None,
    })
}

/// The owner's full control, the only ACL there is.
pub(super) fn owner_acl() -> Reply {
    // The type of a grantee is an attribute, which the element tree has no place for.
    let text = Element::new("AccessControlPolicy", vec![owner("Owner"), Element::leaf("AccessControlList", "@")])
        .document(super::NAMESPACE);
    let grantee = format!(
        "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>{0}</ID><DisplayName>local</DisplayName></Grantee><Permission>FULL_CONTROL</Permission></Grant>",
        super::OWNER,
    );
    Reply::xml(200, text.replace('@', &grantee)).with("content-type", "application/xml")
}

fn change(bucket: &Bucket, status: u16, change: impl FnOnce(&mut Config)) -> Result<Reply, Fault> {
    bucket.config.write(|config| {
        change(config);
        Ok(Reply::empty(status))
    })
}

fn missing(bucket: &Bucket, code: &'static str, message: &str) -> Fault {
    Fault::new(404, code, message).member("BucketName", &bucket.name)
}

fn get_tags(bucket: &Bucket) -> Result<Reply, Fault> {
    let tags = bucket.config.read(|config| config.tags.clone());
    if tags.is_empty() {
        Err(missing(bucket, "NoSuchTagSet", "The TagSet does not exist"))
    } else {
        Ok(xml(&tags::document(&tags)))
    }
}

fn put_tags(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    let tags = tags::from_document(&call.document("Tagging")?, tags::BUCKET_LIMIT)?;
    change(bucket, 204, |config| config.tags = tags)
}

fn get_public_access(bucket: &Bucket) -> Result<Reply, Fault> {
    let access = bucket.config.read(|config| config.public_access);
    let access = access.ok_or_else(|| {
        missing(bucket, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
    })?;
    let fields = [
        ("BlockPublicAcls", access.block_acls),
        ("IgnorePublicAcls", access.ignore_acls),
        ("BlockPublicPolicy", access.block_policy),
        ("RestrictPublicBuckets", access.restrict),
    ];
    let children = fields.map(|(name, on)| Element::leaf(name, on.to_string()));
    Ok(xml(&Element::new("PublicAccessBlockConfiguration", children.into())))
}

fn put_public_access(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    let document = call.document("PublicAccessBlockConfiguration")?;
    let on = |name| match document.value(name) {
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(malformed_xml()),
        None => Ok(false),
    };
    let access = PublicAccess {
        block_acls: on("BlockPublicAcls")?,
        ignore_acls: on("IgnorePublicAcls")?,
        block_policy: on("BlockPublicPolicy")?,
        restrict: on("RestrictPublicBuckets")?,
    };
    change(bucket, 200, |config| config.public_access = Some(access))
}

fn get_encryption(bucket: &Bucket) -> Reply {
    let bucket_key = bucket.config.read(|config| config.bucket_key);
    let default = Element::new("ApplyServerSideEncryptionByDefault", vec![Element::leaf("SSEAlgorithm", "AES256")]);
    let rule = Element::new("Rule", vec![default, Element::leaf("BucketKeyEnabled", bucket_key.to_string())]);
    xml(&Element::new("ServerSideEncryptionConfiguration", vec![rule]))
}

fn put_encryption(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    let document = call.document("ServerSideEncryptionConfiguration")?;
    let mut rules = document.all("Rule");
    let (Some(rule), None) = (rules.next(), rules.next()) else { return Err(malformed_xml()) };
    let bucket_key = rule.value("BucketKeyEnabled") == Some("true");
    if let Some(default) = rule.child("ApplyServerSideEncryptionByDefault") {
        match required(default, "SSEAlgorithm")? {
            "AES256" => {}
            kms @ ("aws:kms" | "aws:kms:dsse") => {
                return Err(Fault::unsupported("S3", &format!("default encryption {kms}")));
            }
            _ => return Err(malformed_xml()),
        }
    }
    change(bucket, 200, |config| config.bucket_key = bucket_key)
}

fn get_policy(bucket: &Bucket) -> Result<Reply, Fault> {
    let policy = bucket.config.read(|config| config.policy.clone());
    let policy = policy.ok_or_else(|| missing(bucket, "NoSuchBucketPolicy", "The bucket policy does not exist"))?;
    Ok(Reply::empty(200).with("content-type", "application/json").body(policy))
}

fn put_policy(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    integrity::verify(call.request)?;
    let malformed = |message: &str| Fault::new(400, "MalformedPolicy", message);
    let text = String::from_utf8(call.request.body.to_vec())
        .map_err(|_| malformed("Policies must be valid JSON and the first byte must be '{'"))?;
    let policy: Value = serde_json::from_str(&text)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| malformed("Policies must be valid JSON and the first byte must be '{'"))?;
    if text.len() > 20_480 {
        return Err(malformed("Policy exceeds the maximum allowed document size."));
    }
    let statements = super::super::iam::one_or_many(&policy["Statement"]);
    if statements.is_empty() {
        return Err(malformed("Missing required field Statement"));
    }
    for statement in &statements {
        for (field, negated) in [("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource")] {
            if statement.get(field).is_none() && statement.get(negated).is_none() {
                return Err(malformed(&format!("Missing required field {field}")));
            }
        }
        if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
            return Err(malformed("Invalid effect"));
        }
        let own = format!("arn:aws:s3:::{}", bucket.name);
        let resources = super::super::iam::one_or_many(&statement["Resource"]);
        let inside = |resource: &Value| {
            let name = resource.as_str().unwrap_or_default();
            name == own || name.starts_with(&format!("{own}/")) || name.contains('*')
        };
        if !resources.iter().all(|resource| inside(resource)) {
            return Err(malformed("Policy has invalid resource"));
        }
    }
    let blocked = bucket.config.read(|config| config.public_access.is_some_and(|access| access.block_policy));
    if blocked && statements.iter().any(|statement| is_public(statement)) {
        let message = "User is not authorized to perform: s3:PutBucketPolicy because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.";
        return Err(Fault::new(403, "AccessDenied", message));
    }
    change(bucket, 204, |config| config.policy = Some(text))
}

/// Open to everybody. AWS looks into conditions, too; here any condition counts as a restriction.
fn is_public(statement: &Value) -> bool {
    let principal = &statement["Principal"];
    let everybody =
        *principal == "*" || super::super::iam::one_or_many(&principal["AWS"]).iter().any(|name| **name == "*");
    statement["Effect"] == "Allow" && everybody && statement.get("Condition").is_none()
}

fn get_ownership(bucket: &Bucket) -> Result<Reply, Fault> {
    let ownership = bucket.config.read(|config| config.ownership.clone()).ok_or_else(|| {
        missing(bucket, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
    })?;
    let rule = Element::new("Rule", vec![Element::leaf("ObjectOwnership", ownership)]);
    Ok(xml(&Element::new("OwnershipControls", vec![rule])))
}

fn put_ownership(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    let document = call.document("OwnershipControls")?;
    match required(document.child("Rule").ok_or_else(malformed_xml)?, "ObjectOwnership")? {
        enforced @ "BucketOwnerEnforced" => change(bucket, 200, |config| config.ownership = Some(enforced.to_owned())),
        other @ ("BucketOwnerPreferred" | "ObjectWriter") => {
            Err(Fault::unsupported("S3", &format!("object ownership {other}")))
        }
        _ => Err(malformed_xml()),
    }
}

fn get_cors(bucket: &Bucket) -> Result<Reply, Fault> {
    let rules = bucket.config.read(|config| config.cors.clone());
    let rules =
        rules.ok_or_else(|| missing(bucket, "NoSuchCORSConfiguration", "The CORS configuration does not exist"))?;
    Ok(xml(&rules))
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html>
fn put_cors(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    let document = call.document("CORSConfiguration")?;
    if !(1..=100).contains(&document.children.len()) || document.children.iter().any(|rule| rule.name != "CORSRule") {
        return Err(malformed_xml());
    }
    for rule in &document.children {
        if rule.child("AllowedOrigin").is_none() || rule.child("AllowedMethod").is_none() {
            return Err(malformed_xml());
        }
        let invalid = |message: String| Err(Fault::new(400, "InvalidRequest", message));
        for method in rule.all("AllowedMethod").map(|method| method.text.trim()) {
            if !["GET", "PUT", "POST", "DELETE", "HEAD"].contains(&method) {
                return invalid(format!(
                    "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
                ));
            }
        }
        for origin in rule.all("AllowedOrigin").map(|origin| origin.text.trim()) {
            if origin.matches('*').count() > 1 {
                return invalid(format!("AllowedOrigin \"{origin}\" can not have more than one wildcard."));
            }
        }
    }
    change(bucket, 200, |config| config.cors = Some(document))
}
