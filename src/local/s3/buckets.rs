//! Buckets themselves: create, find, list, delete.
//!
//! Names are global on AWS; here every name that is taken is one's own.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>

use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError};

use super::super::wire::{Fault, Reply};
use super::super::xml::Element;
use super::bucket::{Bucket, now};
use super::config::Config;
use super::{Call, S3, date, malformed_xml, owner, tags, xml};

impl S3 {
    pub(super) fn create_bucket(&self, call: &Call<'_>, name: &str) -> Result<Reply, Fault> {
        check_name(name)?;
        let request = call.request;
        for header in ["x-amz-bucket-object-lock-enabled", "x-amz-acl"] {
            match request.header(header) {
                None | Some("false" | "private") => {}
                Some(value) => return Err(Fault::unsupported("S3", &format!("CreateBucket with {header}: {value}"))),
            }
        }
        let body = if request.body.is_empty() { None } else { Some(call.document("CreateBucketConfiguration")?) };
        let constraint =
            body.as_ref().and_then(|body| body.value("LocationConstraint")).filter(|region| !region.is_empty());
        let mut config = Config::new(region(&request.region, constraint)?, now());
        if let Some(list) = body.as_ref().and_then(|body| body.child("Tags")) {
            config.tags = tags::from_elements(list.all("Tag"), tags::BUCKET_LIMIT)?;
        }
        match request.header("x-amz-object-ownership") {
            None | Some("BucketOwnerEnforced") => {}
            Some(other) => return Err(Fault::unsupported("S3", &format!("object ownership {other}"))),
        }
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = buckets.get(name) {
            // The oldest region keeps its oldest habit: creating one's own bucket again succeeds.
            if mine.region() != "us-east-1" || config.region != "us-east-1" {
                let message = "Your previous request to create the named bucket succeeded and you already own it.";
                return Err(Fault::new(409, "BucketAlreadyOwnedByYou", message).member("BucketName", name));
            }
        } else {
            buckets.insert(name.to_owned(), Arc::new(Bucket::create(&self.dir.join(name), config)?));
        }
        Ok(Reply::empty(200).with("location", format!("/{name}")))
    }

    pub(super) fn delete_bucket(&self, bucket: &Bucket) -> Result<Reply, Fault> {
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        let mut contents = bucket.contents()?;
        if !contents.objects.is_empty() || !contents.hidden.is_empty() {
            let message = "The bucket you tried to delete is not empty";
            return Err(Fault::new(409, "BucketNotEmpty", message).member("BucketName", &bucket.name));
        }
        bucket.erase()?;
        contents.gone = true;
        buckets.remove(&bucket.name);
        Ok(Reply::empty(204))
    }

    pub(super) fn bucket_location(&self, name: &str) -> Result<Reply, Fault> {
        let region = self.bucket(name)?.region();
        // us-east-1 has no constraint.
        Ok(xml(&Element::leaf("LocationConstraint", if region == "us-east-1" { "" } else { &region })))
    }

    pub(super) fn list_buckets(&self, call: &Call<'_>) -> Result<Reply, Fault> {
        let prefix = call.param("prefix").unwrap_or_default();
        let limit = match call.param("max-buckets").map(str::parse::<usize>) {
            None => usize::MAX,
            Some(Ok(limit)) if (1..=10_000).contains(&limit) => limit,
            Some(_) => return Err(Fault::new(400, "InvalidArgument", "max-buckets must be between 1 and 10000")),
        };
        let after = call.param("continuation-token").unwrap_or_default();
        let region = call.param("bucket-region");
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        let mut rest = buckets
            .values()
            .filter(|bucket| bucket.name.starts_with(prefix) && bucket.name.as_str() > after)
            .filter(|bucket| region.is_none_or(|region| bucket.region() == region));
        let page: Vec<_> = rest.by_ref().take(limit).collect();
        let more = rest.next().is_some();
        let shown = page.iter().map(|bucket| {
            let created = bucket.config.read(|config| config.created);
            let fields =
                [("Name", bucket.name.clone()), ("CreationDate", date(created)), ("BucketRegion", bucket.region())];
            Element::new("Bucket", fields.map(|(name, text)| Element::leaf(name, text)).into())
        });
        let mut children = vec![owner("Owner"), Element::new("Buckets", shown.collect())];
        if let (true, Some(last)) = (more, page.last()) {
            children.push(Element::leaf("ContinuationToken", &last.name));
        }
        if !prefix.is_empty() {
            children.push(Element::leaf("Prefix", prefix));
        }
        Ok(xml(&Element::new("ListAllMyBucketsResult", children)))
    }
}

pub(super) fn head(bucket: &Bucket) -> Reply {
    Reply::empty(200).with("x-amz-bucket-region", bucket.region()).with("content-type", "application/xml")
}

/// The region a new bucket goes to.
fn region(endpoint: &str, constraint: Option<&str>) -> Result<String, Fault> {
    let illegal = |what: &str| {
        let message = format!(
            "The {what} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        Fault::new(400, "IllegalLocationConstraintException", message)
    };
    let constraint = constraint.map(|region| if region == "EU" { "eu-west-1" } else { region });
    match (endpoint, constraint) {
        ("us-east-1", None) => Ok("us-east-1".to_owned()),
        (_, None) => Err(illegal("unspecified")),
        (_, Some("us-east-1")) => Err(invalid_location("us-east-1")),
        // us-east-1 is the global endpoint, too.
        ("us-east-1", Some(region)) if is_region(region) => Ok(region.to_owned()),
        ("us-east-1", Some(region)) => Err(invalid_location(region)),
        (endpoint, Some(region)) if endpoint == region => Ok(region.to_owned()),
        (_, Some(region)) => Err(illegal(region)),
    }
}

fn invalid_location(region: &str) -> Fault {
    Fault::new(400, "InvalidLocationConstraint", "The specified location-constraint is not valid")
        .member("LocationConstraint", region)
}

/// `eu-west-1`, `us-gov-east-1`: the shape of a region, so that new ones work.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    (3..=4).contains(&parts.len())
        && parts[0].len() == 2
        && parts
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
        && parts.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn check_name(name: &str) -> Result<(), Fault> {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let legal = (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte))
        && edge(name.bytes().next())
        && edge(name.bytes().last())
        && !name.contains("..")
        && name.parse::<Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|suffix| name.ends_with(suffix));
    if legal {
        Ok(())
    } else {
        Err(Fault::new(400, "InvalidBucketName", "The specified bucket is not valid.").member("BucketName", name))
    }
}

/// The only child text `name` must have, for documents that are one switch.
pub(super) fn required<'a>(element: &'a Element, name: &str) -> Result<&'a str, Fault> {
    element.value(name).ok_or_else(malformed_xml)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules() {
        for good in ["abc", "my.bucket-1", "0ab", "rzap-000000000000-eu-west-1"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in
            ["ab", "Abc", "a_b", "-abc", "abc-", "a..b", "192.168.0.1", "xn--abc", "abc-s3alias", &"a".repeat(64)]
        {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_location_follows_the_endpoint() {
        let place = |endpoint, constraint| region(endpoint, constraint).map_err(|fault| fault.code);
        assert_eq!(place("us-east-1", None), Ok("us-east-1".into()));
        assert_eq!(place("us-east-1", Some("eu-west-1")), Ok("eu-west-1".into()));
        assert_eq!(place("us-east-1", Some("us-east-1")), Err("InvalidLocationConstraint"));
        assert_eq!(place("us-east-1", Some("moon")), Err("InvalidLocationConstraint"));
        assert_eq!(place("eu-west-1", Some("eu-west-1")), Ok("eu-west-1".into()));
        assert_eq!(place("eu-west-1", Some("EU")), Ok("eu-west-1".into()));
        assert_eq!(place("eu-west-1", None), Err("IllegalLocationConstraintException"));
        assert_eq!(place("eu-west-1", Some("eu-west-2")), Err("IllegalLocationConstraintException"));
    }
}
