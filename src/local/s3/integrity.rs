//! Whether a body is what its client says it is: `Content-MD5`, `x-amz-content-sha256`, `x-amz-checksum-*`.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use sha2::Digest as _;

use super::super::checksum::Algorithm;
use super::super::wire::{Fault, Request};
use super::model::Checksum;

/// Checks the request's body; returns the checksum it came with.
pub(super) fn verify(request: &Request) -> Result<Option<Checksum>, Fault> {
    verify_md5(request)?;
    // `UNSIGNED-PAYLOAD` and `STREAMING-…` are not hashes.
    if let Some(hash) = request.header("x-amz-content-sha256").filter(|hash| hash.len() == 64) {
        let computed = hex::encode(sha2::Sha256::digest(&request.body));
        if !hash.eq_ignore_ascii_case(&computed) {
            let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
            return Err(Fault::new(400, "XAmzContentSHA256Mismatch", message)
                .member("ClientComputedContentSHA256", hash)
                .member("S3ComputedContentSHA256", computed));
        }
    }
    let given = given(&request.headers)?;
    if let Some(given) = &given {
        compare(given, &given.algorithm.of(&request.body))?;
    }
    Ok(given)
}

/// The checksum the headers name; more than one is refused.
pub(super) fn given(headers: &HeaderMap) -> Result<Option<Checksum>, Fault> {
    let found = Algorithm::ALL.into_iter().filter_map(|algorithm| {
        headers.get(algorithm.header()).map(|value| (algorithm, value.to_str().unwrap_or_default()))
    });
    let found: Vec<_> = found.collect();
    let announced = headers.get("x-amz-sdk-checksum-algorithm").and_then(|value| value.to_str().ok());
    match (&found[..], announced) {
        ([], Some(_)) => Err(invalid(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
        )),
        ([], None) => Ok(None),
        ([(algorithm, _)], Some(name)) if Algorithm::parse(name) != Some(*algorithm) => {
            Err(invalid("Value for x-amz-sdk-checksum-algorithm header is invalid."))
        }
        ([(algorithm, value)], _) => {
            if STANDARD.decode(value).is_ok_and(|raw| raw.len() == algorithm.width()) {
                Ok(Some(Checksum { algorithm: *algorithm, value: (*value).to_owned(), composite: false }))
            } else {
                Err(invalid(&format!("Value for {} header is invalid.", algorithm.header())))
            }
        }
        _ => Err(invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")),
    }
}

/// `BadDigest` when the computed value is another one.
pub(super) fn compare(given: &Checksum, computed: &str) -> Result<(), Fault> {
    if given.value == computed {
        Ok(())
    } else {
        Err(Fault::new(
            400,
            "BadDigest",
            format!("The {} you specified did not match the calculated checksum.", given.algorithm.name()),
        ))
    }
}

fn verify_md5(request: &Request) -> Result<(), Fault> {
    let Some(header) = request.header("content-md5") else { return Ok(()) };
    let expected = STANDARD.decode(header).ok().filter(|raw| raw.len() == 16);
    let expected =
        expected.ok_or_else(|| Fault::new(400, "InvalidDigest", "The Content-MD5 you specified was invalid."))?;
    if md5::Md5::digest(&request.body).as_slice() == expected {
        Ok(())
    } else {
        Err(Fault::new(400, "BadDigest", "The Content-MD5 you specified did not match what we received."))
    }
}

fn invalid(message: &str) -> Fault {
    Fault::new(400, "InvalidRequest", message)
}
