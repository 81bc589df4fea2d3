//! The `aws-chunked` body encoding, taken off before a service sees the request.
//!
//! SDKs send uploads as `size[;chunk-signature=…]\r\n data \r\n … 0 \r\n trailers \r\n`, with the
//! body's checksum in a trailer. What was a trailer becomes a header, so that a service verifies both
//! in one place. Chunk signatures are not checked, as no signature is here.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::wire::Fault;

/// Whether the headers say that the body is `aws-chunked`.
pub(crate) fn is_chunked(headers: &HeaderMap) -> bool {
    let streaming = text(headers, "x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-"));
    streaming || encodings(headers).any(|encoding| encoding.eq_ignore_ascii_case("aws-chunked"))
}

/// Decodes `body`; removes `aws-chunked` from `content-encoding` and adds the trailers to `headers`.
pub(crate) fn decode(headers: &mut HeaderMap, body: &Bytes) -> Result<Bytes, Fault> {
    let (data, trailers) = split(body)?;
    let announced = text(headers, "x-amz-decoded-content-length").and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length != data.len()) {
        return Err(incomplete());
    }
    let promised: Vec<String> = headers
        .get_all("x-amz-trailer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    if promised.iter().any(|name| !trailers.iter().any(|(found, _)| found == name)) {
        return Err(malformed_trailer());
    }
    for (name, value) in trailers.into_iter().filter(|(name, _)| promised.contains(name)) {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
            return Err(malformed_trailer());
        };
        headers.insert(name, value);
    }
    let rest: Vec<String> = encodings(headers)
        .filter(|encoding| !encoding.eq_ignore_ascii_case("aws-chunked"))
        .map(str::to_owned)
        .collect();
    match HeaderValue::try_from(rest.join(",")) {
        Ok(value) if !rest.is_empty() => headers.insert(header::CONTENT_ENCODING, value),
        _ => headers.remove(header::CONTENT_ENCODING),
    };
    Ok(data)
}

type Trailers = Vec<(String, String)>;

fn split(body: &Bytes) -> Result<(Bytes, Trailers), Fault> {
    let mut data = BytesMut::with_capacity(body.len());
    let mut rest = &body[..];
    loop {
        let line = take_line(&mut rest).ok_or_else(incomplete)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16)
            .map_err(|_| Fault::new(400, "InvalidChunkSizeError", "Only a hexadecimal chunk size is allowed"))?;
        if size == 0 {
            break;
        }
        let chunk = rest.get(..size).ok_or_else(incomplete)?;
        data.extend_from_slice(chunk);
        rest = rest[size..].strip_prefix(b"\r\n").ok_or_else(incomplete)?;
    }
    let mut trailers = Vec::new();
    while !rest.is_empty() {
        // Some clients end the last trailer with `\n` or nothing at all.
        let line = take_line(&mut rest).ok_or_else(malformed_trailer)?;
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or_else(malformed_trailer)?;
        trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok((data.freeze(), trailers))
}

fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let bytes = *rest;
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    if bytes.is_empty() {
        return None;
    }
    *rest = bytes.get(end + 1..).unwrap_or_default();
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    Some(line.trim_end_matches('\r'))
}

fn encodings(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|encoding| !encoding.is_empty())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn incomplete() -> Fault {
    Fault::new(
        400,
        "IncompleteBody",
        "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header",
    )
}

fn malformed_trailer() -> Fault {
    Fault::new(
        400,
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn signed_chunks_are_joined_and_the_trailer_becomes_a_header() {
        let mut headers = headers(&[
            ("content-encoding", "aws-chunked,gzip"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", "9"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
        ]);
        assert!(is_chunked(&headers));
        let body = b"5;chunk-signature=aa\r\nhello\r\n4;chunk-signature=bb\r\n you\r\n0;chunk-signature=cc\r\n\
            x-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:dd\r\n\r\n";
        assert_eq!(decode(&mut headers, &Bytes::from_static(body)).unwrap(), "hello you");
        assert_eq!(headers["x-amz-checksum-crc32"], "AAAAAA==");
        assert_eq!(headers["content-encoding"], "gzip");
        assert!(!headers.contains_key("x-amz-trailer-signature"));
    }

    #[test]
    fn a_cut_body_and_a_missing_trailer_are_refused() {
        let mut plain = headers(&[("x-amz-decoded-content-length", "5")]);
        for cut in ["5\r\nhel", "5\r\nhello\r\n", "3\r\nhel\r\n0\r\n\r\n"] {
            assert_eq!(
                decode(&mut plain, &Bytes::from_static(cut.as_bytes())).unwrap_err().code,
                "IncompleteBody",
                "{cut}"
            );
        }
        let mut promised = headers(&[("x-amz-trailer", "x-amz-checksum-crc32")]);
        let error = decode(&mut promised, &Bytes::from_static(b"0\r\n\r\n")).unwrap_err();
        assert_eq!(error.code, "MalformedTrailerError");
        let error = decode(&mut HeaderMap::new(), &Bytes::from_static(b"zz\r\n")).unwrap_err();
        assert_eq!(error.code, "InvalidChunkSizeError");
    }
}
