//! `GetObject` and `HeadObject`.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use bytes::Bytes;

use super::super::wire::{Fault, Reply};
use super::attributes::SYSTEM;
use super::bucket::Bucket;
use super::condition::{self, Read};
use super::model::Object;
use super::put::{quoted, with_checksum};
use super::{Call, disk, http_date};

/// `with_body`: GET; otherwise HEAD, which answers the same without the bytes.
pub(super) fn object(
    call: &Call<'_>,
    bucket: &Bucket,
    (key, version): (&str, Option<&str>),
    with_body: bool,
) -> Result<Reply, Fault> {
    let request = call.request;
    let (object, file) = bucket.open_object(key, version)?;
    let stamp = |status| {
        let reply = Reply::empty(status)
            .with("etag", quoted(&object.etag))
            .with("last-modified", http_date(object.modified))
            .with("accept-ranges", "bytes");
        bucket.show_version(reply, object.version.as_deref())
    };
    if condition::read(&request.headers, &object)? == Read::NotModified {
        return Ok(stamp(304));
    }
    let part = call.param("partNumber").map(|number| part(&object, number)).transpose()?;
    let range = match (&part, request.header("range")) {
        (Some(_), Some(_)) => {
            return Err(Fault::new(
                400,
                "InvalidRequest",
                "Cannot specify both Range header and partNumber query parameter",
            ));
        }
        (Some(part), None) => Some(part.clone()),
        (None, Some(header)) => range(header, object.size)?,
        (None, None) => None,
    };
    let mut reply = object.attributes.show(stamp(if range.is_some() { 206 } else { 200 }));
    reply = reply.with("x-amz-server-side-encryption", "AES256");
    if let Some(range) = &range {
        reply = reply.with("content-range", content_range(range, object.size));
    }
    if part.is_some() && !object.parts.is_empty() {
        reply = reply.with("x-amz-mp-parts-count", object.parts.len().to_string());
    }
    // The checksum is that of the whole object, so it would be wrong for a part of it.
    let wanted = request.header("x-amz-checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"));
    if wanted && range.is_none() {
        reply = with_checksum(reply, &object.checksum);
    }
    for name in SYSTEM {
        if let Some(value) = call.param(&format!("response-{name}")) {
            reply = reply.with(name, value);
        }
    }
    let wanted = range.unwrap_or(0..object.size);
    let length = wanted.end - wanted.start;
    reply = reply.with("content-length", length.to_string());
    if with_body { Ok(reply.body(bytes(file, wanted)?)) } else { Ok(reply) }
}

fn bytes(mut file: File, range: Range<u64>) -> Result<Bytes, Fault> {
    let length = range.end - range.start;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.seek(SeekFrom::Start(range.start)).map_err(|error| disk(&error))?;
    file.take(length).read_to_end(&mut bytes).map_err(|error| disk(&error))?;
    Ok(bytes.into())
}

fn content_range(range: &Range<u64>, size: u64) -> String {
    if range.is_empty() { format!("bytes */{size}") } else { format!("bytes {}-{}/{size}", range.start, range.end - 1) }
}

/// `bytes=a-b`, `a-` or `-n`. `None` for what is no such range: HTTP says to ignore it, and S3 sends
/// the whole object when asked for several.
pub(super) fn range(header: &str, size: u64) -> Result<Option<Range<u64>>, Fault> {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|set| set.split_once('-')) else {
        return Ok(None);
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => return Ok(None),
        (Some(first), Some(last)) => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.trim().is_empty() => first..size,
        (None, Some(count)) if first.trim().is_empty() => match count {
            0 => size..size,
            count => size.saturating_sub(count)..size,
        },
        _ => return Ok(None),
    };
    if range.start >= size {
        return Err(Fault::new(416, "InvalidRange", "The requested range is not satisfiable")
            .member("RangeRequested", header)
            .member("ActualObjectSize", size.to_string())
            .header("content-range", format!("bytes */{size}")));
    }
    Ok(Some(range))
}

/// The bytes of one part of an object that was uploaded in parts.
fn part(object: &Object, number: &str) -> Result<Range<u64>, Fault> {
    let number: usize = number.parse().unwrap_or_default();
    if number == 0 {
        return Err(Fault::new(
            400,
            "InvalidArgument",
            "Part number must be an integer between 1 and 10000, inclusive",
        ));
    }
    let whole = [object.size];
    let sizes = if object.parts.is_empty() { &whole[..] } else { &object.parts[..] };
    let size = sizes.get(number - 1).ok_or_else(|| {
        Fault::new(416, "InvalidPartNumber", "The requested partnumber is not satisfiable")
            .member("PartNumberRequested", number.to_string())
            .member("ActualPartCount", sizes.len().to_string())
    })?;
    let start: u64 = sizes[..number - 1].iter().sum();
    Ok(start..start + size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let read = |header, size| range(header, size).map_err(|fault| fault.code);
        assert_eq!(read("bytes=0-3", 10), Ok(Some(0..4)));
        assert_eq!(read("bytes=8-99", 10), Ok(Some(8..10)));
        assert_eq!(read("bytes=8-", 10), Ok(Some(8..10)));
        assert_eq!(read("bytes=-3", 10), Ok(Some(7..10)));
        assert_eq!(read("bytes=-30", 10), Ok(Some(0..10)));
        assert_eq!(read("bytes=10-", 10), Err("InvalidRange"));
        assert_eq!(read("bytes=-0", 10), Err("InvalidRange"));
        assert_eq!(read("bytes=0-0", 0), Err("InvalidRange"));
        for ignored in ["bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b", "bytes=-"] {
            assert_eq!(read(ignored, 10), Ok(None), "{ignored}");
        }
        assert_eq!(read("bytes=0-18446744073709551615", 10), Ok(Some(0..10)));
    }
}
