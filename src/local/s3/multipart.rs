//! Multipart uploads: create, upload a part, complete, abort.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use md5::Digest as _;

use super::super::checksum::{Algorithm, Hasher};
use super::super::wire::{Fault, Reply};
use super::super::xml::Element;
use super::attributes::Attributes;
use super::bucket::{Bucket, New, Staged, now};
use super::model::{Checksum, Object, Part, Upload};
use super::put::{quoted, with_checksum};
use super::uploads::{find, no_upload};
use super::{Call, condition, disk, integrity, malformed_xml, notify, xml};

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const SMALLEST_PART: u64 = 5 << 20;

pub(super) fn create(call: &Call<'_>, bucket: &Bucket, key: &str) -> Result<Reply, Fault> {
    let request = call.request;
    let chosen = request.header("x-amz-checksum-algorithm");
    let algorithm = match chosen {
        Some(name) => Algorithm::parse(name).ok_or_else(unknown_algorithm)?,
        None => Algorithm::Crc64Nvme,
    };
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#Full-object-checksums
    let composite = match (request.header("x-amz-checksum-type"), algorithm) {
        (None | Some("FULL_OBJECT"), Algorithm::Crc64Nvme)
        | (Some("FULL_OBJECT"), Algorithm::Crc32 | Algorithm::Crc32c) => false,
        (None | Some("COMPOSITE"), Algorithm::Crc32 | Algorithm::Crc32c | Algorithm::Sha1 | Algorithm::Sha256) => true,
        (Some(kind), _) => {
            let message =
                format!("The {kind} checksum type cannot be used with the {} checksum algorithm.", algorithm.name());
            return Err(Fault::new(400, "InvalidRequest", message));
        }
    };
    let upload = Upload {
        // As opaque and long as AWS's.
        id: [uuid::Uuid::new_v4().simple().to_string(), uuid::Uuid::new_v4().simple().to_string()].concat(),
        key: key.to_owned(),
        started: now(),
        attributes: Attributes::read(request)?,
        algorithm,
        composite,
        chosen: chosen.is_some(),
        parts: BTreeMap::new(),
    };
    let fields = [("Bucket", bucket.name.as_str()), ("Key", key), ("UploadId", &upload.id)];
    let result =
        Element::new("InitiateMultipartUploadResult", fields.map(|(name, text)| Element::leaf(name, text)).into());
    let mut reply = xml(&result).with("x-amz-server-side-encryption", "AES256");
    if upload.chosen {
        let kind = if composite { "COMPOSITE" } else { "FULL_OBJECT" };
        reply = reply.with("x-amz-checksum-algorithm", algorithm.name()).with("x-amz-checksum-type", kind);
    }
    bucket.begin_upload(upload)?;
    Ok(reply)
}

pub(super) fn upload_part(call: &Call<'_>, bucket: &Bucket, key: &str) -> Result<Reply, Fault> {
    let given = integrity::verify(call.request)?;
    let shown = given.clone();
    let part = store_part(call, bucket, key, &call.request.body, given)?;
    let mut reply = Reply::empty(200).with("etag", quoted(&part.etag)).with("x-amz-server-side-encryption", "AES256");
    if let Some(checksum) = shown {
        reply = reply.with(checksum.algorithm.header(), &checksum.value);
    }
    Ok(reply)
}

/// Keeps `bytes` as the part that the request's query names.
pub(super) fn store_part(
    call: &Call<'_>,
    bucket: &Bucket,
    key: &str,
    bytes: &[u8],
    given: Option<Checksum>,
) -> Result<Part, Fault> {
    let (upload, number) = (find(call, bucket, key)?, part_number(call)?);
    let checksum = match given {
        Some(given) if given.algorithm == upload.algorithm => given.value,
        Some(given) if upload.chosen => {
            let (want, got) = (upload.algorithm.name().to_lowercase(), given.algorithm.name().to_lowercase());
            let message =
                format!("Checksum Type mismatch occurred, expected checksum Type: {want}, actual checksum Type: {got}");
            return Err(Fault::new(400, "InvalidRequest", message));
        }
        _ => upload.algorithm.of(bytes),
    };
    bucket.add_part(&upload.id, number, bucket.stage(bytes)?, checksum)
}

pub(super) fn complete(call: &Call<'_>, bucket: &Bucket, key: &str) -> Result<Reply, Fault> {
    let request = call.request;
    let upload = find(call, bucket, key)?;
    // The checksum headers of this request are the whole object's, not its body's.
    let given = integrity::given(&request.headers)?;
    let document = Element::parse(&request.body)
        .filter(|root| root.name == "CompleteMultipartUpload")
        .ok_or_else(malformed_xml)?;
    let parts = chosen_parts(&document, &upload)?;
    let (staged, checksum) = assemble(bucket, &upload, &parts)?;
    if let Some(given) = given.filter(|given| given.algorithm == checksum.algorithm) {
        integrity::compare(&given, checksum.value.split('-').next().unwrap_or_default())?;
    }
    let announced = request.header("x-amz-mp-object-size");
    if announced.is_some_and(|size| size.parse() != Ok(staged.size)) {
        let message = "The provided 'x-amz-mp-object-size' header does not match what was computed.";
        return Err(Fault::new(400, "InvalidRequest", message));
    }
    let Upload { attributes, id, .. } = upload.clone();
    let sizes = parts.iter().map(|part| part.size).collect();
    let new = New { key: key.to_owned(), attributes, checksum, parts: sizes };
    let check = |current: Option<&Object>| condition::write(&request.headers, key, current);
    let object = bucket.commit(staged, new, Some(&id), check)?;
    notify::of_object(call, bucket, "ObjectCreated:CompleteMultipartUpload", &object);
    let host = request.header("host").unwrap_or("localhost");
    let location = format!("http://{host}/{}/{}", bucket.name, super::super::wire::percent_encode(key, b"/"));
    let fields = [
        ("Location", location.as_str()),
        ("Bucket", &bucket.name),
        ("Key", key),
        ("ETag", &quoted(&object.etag)),
        (object.checksum.algorithm.element(), &object.checksum.value),
        ("ChecksumType", object.checksum.kind()),
    ];
    let result =
        Element::new("CompleteMultipartUploadResult", fields.map(|(name, text)| Element::leaf(name, text)).into());
    let reply = with_checksum(xml(&result), &object.checksum).with("x-amz-server-side-encryption", "AES256");
    Ok(bucket.show_version(reply, object.version.as_deref()))
}

pub(super) fn abort(call: &Call<'_>, bucket: &Bucket, key: &str) -> Result<Reply, Fault> {
    let upload = find(call, bucket, key)?;
    let mut contents = bucket.contents()?;
    if !contents.uploads.contains_key(&upload.id) {
        return Err(no_upload());
    }
    bucket.end_upload(&mut contents, &upload.id);
    Ok(Reply::empty(204))
}

/// The parts the client wants in the object, each checked against what was uploaded.
fn chosen_parts<'a>(document: &Element, upload: &'a Upload) -> Result<Vec<&'a Part>, Fault> {
    let mut chosen: Vec<(u16, &Part)> = Vec::new();
    for element in document.all("Part") {
        let number: u16 =
            element.value("PartNumber").and_then(|number| number.parse().ok()).ok_or_else(malformed_xml)?;
        let etag = element.value("ETag").ok_or_else(malformed_xml)?.trim_matches('"');
        if chosen.last().is_some_and(|(last, _)| *last >= number) {
            let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
            return Err(Fault::new(400, "InvalidPartOrder", message).member("UploadId", &upload.id));
        }
        let invalid = || {
            let message = "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
            Fault::new(400, "InvalidPart", message)
                .member("UploadId", &upload.id)
                .member("PartNumber", number.to_string())
                .member("ETag", etag)
        };
        let part = upload.parts.get(&number).filter(|part| part.etag == etag).ok_or_else(invalid)?;
        // A checksum of another algorithm than the upload's matches no part.
        let mut others = Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != upload.algorithm);
        if others.any(|algorithm| element.value(algorithm.element()).is_some()) {
            return Err(invalid());
        }
        match element.value(upload.algorithm.element()) {
            Some(checksum) if checksum != part.checksum => return Err(invalid()),
            None if upload.composite => {
                let name = upload.algorithm.name().to_lowercase();
                let message = format!(
                    "The upload was created using a {name} checksum. The complete request must include the checksum for each part. It was missing for part {number} in the request."
                );
                return Err(Fault::new(400, "InvalidRequest", message));
            }
            _ => chosen.push((number, part)),
        }
    }
    let [start @ .., _] = &chosen[..] else { return Err(malformed_xml()) };
    if let Some((number, part)) = start.iter().find(|(_, part)| part.size < SMALLEST_PART) {
        return Err(Fault::new(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
            .member("ProposedSize", part.size.to_string())
            .member("MinSizeAllowed", SMALLEST_PART.to_string())
            .member("PartNumber", number.to_string())
            .member("ETag", &part.etag));
    }
    Ok(chosen.into_iter().map(|(_, part)| part).collect())
}

/// Joins the parts, a piece at a time.
fn assemble(bucket: &Bucket, upload: &Upload, parts: &[&Part]) -> Result<(Staged, Checksum), Fault> {
    let algorithm = upload.algorithm;
    let mut file = bucket.staging()?;
    let (mut size, mut whole, mut tags) = (0, Hasher::new(algorithm), md5::Md5::new());
    let mut buffer = vec![0; 1 << 20];
    for part in parts {
        let mut source = bucket.open_part(part)?;
        loop {
            let count = source.read(&mut buffer).map_err(|error| disk(&error))?;
            if count == 0 {
                break;
            }
            file.write_all(&buffer[..count]).map_err(|error| disk(&error))?;
            if !upload.composite {
                whole.update(&buffer[..count]);
            }
        }
        size += part.size;
        tags.update(hex::decode(&part.etag).unwrap_or_default());
    }
    let value = if upload.composite {
        let joined = algorithm.composite(parts.iter().map(|part| part.checksum.as_str()));
        let joined = joined.ok_or_else(|| Fault::new(500, "InternalError", "a part's checksum is damaged"))?;
        format!("{joined}-{}", parts.len())
    } else {
        whole.finish()
    };
    let etag = format!("{}-{}", hex::encode(tags.finalize()), parts.len());
    Ok((Staged { file, size, etag }, Checksum { algorithm, value, composite: upload.composite }))
}

fn part_number(call: &Call<'_>) -> Result<u16, Fault> {
    let number =
        call.param("partNumber").and_then(|number| number.parse().ok()).filter(|number| (1..=10_000).contains(number));
    number.ok_or_else(|| {
        Fault::new(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
            .member("ArgumentName", "partNumber")
            .member("ArgumentValue", call.param("partNumber").unwrap_or_default())
    })
}

pub(super) fn unknown_algorithm() -> Fault {
    Fault::new(
        400,
        "InvalidRequest",
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
    )
}
