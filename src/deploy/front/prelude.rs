//! What a streamed answer says of itself before its body: a JSON document, then eight zero bytes.
//!
//! Nothing else tells such a stream from one that is all body (`InvokeWithResponseStream` does not say the type its
//! function gave), so bytes are held back only for as long as they could be a head.
//! <https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html>

use serde_json::Value;

use super::answer::{headers_of, status_of};

pub(super) const END: [u8; 8] = [0; 8];
/// What a head may say.
const MEMBERS: [&str; 3] = ["statusCode", "headers", "cookies"];
/// Bytes. Whatever is larger is no head.
const MOST: usize = 256 * 1024;

/// Status and headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// In their order; a name may come several times.
    pub(crate) headers: Vec<(String, String)>,
}

/// The beginning of a stream.
#[derive(Debug, Default)]
pub(crate) struct Prelude {
    held: Vec<u8>,
    known: bool,
}

impl Prelude {
    /// Takes the next bytes. What comes back is the head, when it has just been found, and what is body.
    pub(crate) fn push(&mut self, bytes: Vec<u8>) -> (Option<Head>, Vec<u8>) {
        if self.known {
            return (None, bytes);
        }
        self.held.extend(bytes);
        if let Some(at) = end(&self.held) {
            let head = serde_json::from_slice(&self.held[..at]).ok().and_then(|document| head(&document));
            self.known = true;
            let mut body = std::mem::take(&mut self.held);
            if head.is_some() {
                body.drain(..at + END.len());
            }
            return (head, body);
        }
        if self.held.len() < MOST && may_be_head(&self.held) { (None, Vec::new()) } else { (None, self.rest()) }
    }

    /// What was held back when the stream has ended: then it is body.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        self.known = true;
        std::mem::take(&mut self.held)
    }
}

/// Where the document ends.
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(END.len()).position(|window| *window == END)
}

fn head(document: &Value) -> Option<Head> {
    let members = document.as_object()?;
    let status = members.get("statusCode").map_or(Some(200), status_of)?;
    Some(Head { status, headers: headers_of(document, None) })
}

/// Whether it begins as a document with one of the members does.
fn may_be_head(bytes: &[u8]) -> bool {
    let mut rest = bytes.trim_ascii_start();
    for mark in [b'{', b'"'] {
        match rest.split_first() {
            None => return true,
            Some((first, after)) if *first == mark => rest = after.trim_ascii_start(),
            // An empty document.
            Some((b'}', after)) if mark == b'"' => return after.iter().all(|byte| *byte == 0),
            Some(_) => return false,
        }
    }
    let name = rest.split(|byte| *byte == b'"').next().unwrap_or_default();
    let whole = name.len() < rest.len();
    MEMBERS.iter().any(|member| if whole { member.as_bytes() == name } else { member.as_bytes().starts_with(name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte by byte: what is known of the head, and the body up to each point.
    fn read(stream: &[u8]) -> (Option<Head>, Vec<u8>, usize) {
        let mut prelude = Prelude::default();
        let (mut found, mut body, mut longest) = (None, Vec::new(), 0);
        for byte in stream {
            let (head, part) = prelude.push(vec![*byte]);
            found = found.or(head);
            longest = longest.max(prelude.held.len());
            body.extend(part);
        }
        body.extend(prelude.rest());
        (found, body, longest)
    }

    #[test]
    fn a_head_is_cut_off_wherever_the_parts_begin() {
        let stream =
            [br#" {"statusCode": 201, "headers": {"x-a": "b"}, "cookies": ["c=1", "d=2"]}"#.as_slice(), &END, b"body"];
        let (head, body, _) = read(&stream.concat());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let type_ = pair("content-type", "application/json");
        let headers = vec![pair("x-a", "b"), pair("set-cookie", "c=1"), pair("set-cookie", "d=2"), type_];
        assert_eq!((head, body.as_slice()), (Some(Head { status: 201, headers }), b"body".as_slice()));
        let (head, body, _) = read(&[b"{}".as_slice(), &END].concat());
        assert_eq!((head.map(|head| head.status), body.len()), (Some(200), 0));
    }

    #[test]
    fn what_is_no_head_is_not_held_back() {
        for (stream, most) in
            [("text", 0), (r#"["statusCode"]"#, 0), (r#"{"status": 1}"#, 9), ("{}\n", 2), (r#"{"h": "#, 3)]
        {
            let (head, body, longest) = read(stream.as_bytes());
            assert_eq!((head, body.as_slice()), (None, stream.as_bytes()), "{stream}");
            assert!(longest <= most, "{stream}: {longest}");
        }
        let (head, body, _) = read(br#"{"statusCode": 200}"#);
        assert_eq!(
            (head, body.as_slice()),
            (None, br#"{"statusCode": 200}"#.as_slice()),
            "a document that has no end of a head"
        );
    }
}
