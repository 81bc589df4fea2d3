//! CBOR as RPC v2 uses it: strings, numbers, flags, times under tag 1, lists and maps from strings.
//!
//! Read into JSON: a time becomes its seconds, bytes become base64, and a number that JSON does not have
//! becomes its name. <https://www.rfc-editor.org/rfc/rfc8949>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minicbor::data::{Tag, Type};
use minicbor::decode::Error;
use minicbor::{Decoder, Encoder};
use serde_json::{Map, Number, Value};

use super::document::{Document, seconds};
use super::unreadable;
use crate::local::wire::Fault;

/// Deeper than any input; keeps a hostile body from exhausting the stack.
const MAX_DEPTH: usize = 32;

/// The input of an operation; an empty body is an empty structure.
pub(super) fn decode(body: &[u8]) -> Result<Value, Fault> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let mut decoder = Decoder::new(body);
    let value = value(&mut decoder, 0).map_err(|error| unreadable(format!("the body is not CBOR: {error}")))?;
    if decoder.position() < body.len() {
        return Err(unreadable("the body is more than one CBOR value"));
    }
    Ok(value)
}

fn value(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, Error> {
    if depth > MAX_DEPTH {
        return Err(Error::message("it is nested too deeply"));
    }
    Ok(match decoder.datatype()? {
        Type::Bool => decoder.bool()?.into(),
        Type::Null => {
            decoder.null()?;
            Value::Null
        }
        Type::Undefined => {
            decoder.undefined()?;
            Value::Null
        }
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => decoder.u64()?.into(),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => decoder.i64()?.into(),
        Type::F16 | Type::F32 | Type::F64 => {
            let number = decoder.f64()?;
            match Number::from_f64(number) {
                Some(number) => number.into(),
                None if number.is_nan() => "NaN".into(),
                None if number > 0.0 => "Infinity".into(),
                None => "-Infinity".into(),
            }
        }
        Type::String | Type::StringIndef => text(decoder)?.into(),
        Type::Bytes | Type::BytesIndef => {
            let parts = decoder.bytes_iter()?.collect::<Result<Vec<_>, _>>()?;
            STANDARD.encode(parts.concat()).into()
        }
        Type::Array | Type::ArrayIndef => {
            let mut left = decoder.array()?;
            let mut items = Vec::new();
            while more(decoder, &mut left)? {
                items.push(value(decoder, depth + 1)?);
            }
            items.into()
        }
        Type::Map | Type::MapIndef => {
            let mut left = decoder.map()?;
            let mut members = Map::new();
            while more(decoder, &mut left)? {
                let name = text(decoder)?;
                members.insert(name, value(decoder, depth + 1)?);
            }
            members.into()
        }
        Type::Tag if decoder.tag()? == Tag::new(1) => match value(decoder, depth + 1)? {
            time @ Value::Number(_) => time,
            _ => return Err(Error::message("a time must be a number")),
        },
        other => return Err(Error::message(format!("a value of the type {other}"))),
    })
}

fn text(decoder: &mut Decoder<'_>) -> Result<String, Error> {
    decoder.str_iter()?.collect()
}

/// Whether a list or map goes on; steps over the end of one without a length.
fn more(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, Error> {
    match left {
        Some(0) => Ok(false),
        Some(left) => {
            *left -= 1;
            Ok(true)
        }
        None if decoder.datatype()? == Type::Break => decoder.skip().map(|()| false),
        None => Ok(true),
    }
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// A floating number of s.
    Seconds,
    /// A whole number of ms.
    Milliseconds,
}

/// An answer.
pub(super) fn encode(document: &Document) -> Vec<u8> {
    encode_with(document, Times::Seconds)
}

pub(super) fn encode_with(document: &Document, times: Times) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    // Writing into memory does not fail.
    let _ = write(&mut encoder, document, times);
    encoder.into_writer()
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write(encoder: &mut Encoder<Vec<u8>>, document: &Document, times: Times) -> Written {
    match document {
        Document::Nothing => encoder.map(0)?,
        Document::Flag(flag) => encoder.bool(*flag)?,
        Document::Whole(number) => encoder.i64(*number)?,
        Document::Float(number) => encoder.f64(*number)?,
        Document::Text(text) => encoder.str(text)?,
        Document::Bytes(bytes) => encoder.bytes(bytes)?,
        Document::Time(ms) if times == Times::Milliseconds => encoder.tag(Tag::new(1))?.i64(*ms)?,
        Document::Time(ms) => encoder.tag(Tag::new(1))?.f64(seconds(*ms))?,
        Document::List(items) => {
            encoder.array(length(items))?;
            return items.iter().try_for_each(|item| write(encoder, item, times));
        }
        Document::Map(members) | Document::Pairs(members) => {
            encoder.map(length(members))?;
            return members.iter().try_for_each(|(name, value)| {
                encoder.str(name)?;
                write(encoder, value, times)
            });
        }
    };
    Ok(())
}

fn length<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}
