//! `application/vnd.amazon.eventstream`: messages with headers, one after the other.
//!
//! All numbers are big-endian: total length, length of the headers, CRC-32 of these eight bytes, headers,
//! payload, CRC-32 of everything before.
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>

use bytes::{BufMut as _, Bytes, BytesMut};

/// What a stream of them calls itself.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// The type of a header's value that is a text.
const STRING: u8 = 7;
/// Two lengths and two checksums.
const FRAME: usize = 16;

/// One event as a message.
pub(crate) fn event(kind: &str, content_type: &str, payload: &[u8]) -> Bytes {
    message([(":event-type", kind), (":content-type", content_type), (":message-type", "event")], payload)
}

/// An error in the middle of a stream; nothing follows it.
pub(crate) fn exception(kind: &str, payload: &[u8]) -> Bytes {
    let headers = [(":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception")];
    message(headers, payload)
}

fn message(given: [(&str, &str); 3], payload: &[u8]) -> Bytes {
    let mut headers = BytesMut::new();
    for (name, value) in given {
        headers.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        headers.put_slice(name.as_bytes());
        headers.put_u8(STRING);
        headers.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        headers.put_slice(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let mut message = BytesMut::with_capacity(FRAME + headers.len() + payload.len());
    message.put_u32(length(FRAME + headers.len() + payload.len()));
    message.put_u32(length(headers.len()));
    message.put_u32(crc32fast::hash(&message));
    message.put_slice(&headers);
    message.put_slice(payload);
    message.put_u32(crc32fast::hash(&message));
    message.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_framed_and_summed() {
        let message = event("InvokeComplete", "application/json", b"{}");
        let number = |at: usize| message[at..at + 4].iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
        let headers = number(4) as usize;
        assert_eq!(number(0) as usize, message.len());
        assert_eq!(number(8), crc32fast::hash(&message[..8]));
        assert_eq!(&message[12..24], b"\x0b:event-type");
        assert_eq!(&message[24..41], b"\x07\x00\x0eInvokeComplete");
        assert_eq!(&message[12 + headers..message.len() - 4], b"{}");
        assert_eq!(number(message.len() - 4), crc32fast::hash(&message[..message.len() - 4]));
    }
}
