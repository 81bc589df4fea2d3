//! One call in three protocols is one call; what they write is read by a second reader.

#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::json;

use super::*;

fn request(path: &str, headers: &[(&'static str, &str)], body: &[u8]) -> Request {
    let header =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    Request {
        method: Method::POST,
        path: path.into(),
        raw_query: String::new(),
        headers: headers.iter().map(header).collect::<HeaderMap>(),
        body: Bytes::copy_from_slice(body),
        region: "eu-west-1".into(),
        request_id: "id".into(),
        peer: std::net::Ipv4Addr::LOCALHOST.into(),
    }
}

const CBOR: [(&str, &str); 1] = [("smithy-protocol", "rpc-v2-cbor")];
const PATH: &str = "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm";

fn answer() -> Document {
    let metric = Document::map().with("Name", "a<b").with("Threshold", 1.5);
    Document::map()
        .with("Metrics", vec![metric])
        .with("Since", Document::Time(1_500))
        .with("Periods", 3_i64)
        .with("On", true)
        .with("Extended", Document::Pairs(vec![("p90".to_owned(), 2.0.into())]))
}

fn body(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

#[test]
fn cbor_is_read_with_and_without_lengths() {
    // {"AlarmName": "cpu", "Threshold": 1.5 (half), "At": 1(1.5), "Names": ["a", "b"], "Big": -500, "None": null}
    let definite = hex::decode(
        "a669416c61726d4e616d6563637075695468726573686f6c64f93e00624174c1f93e00654e616d65738261616162634269673901f3644e6f6e65f6",
    )
    .unwrap();
    // The same beginning, map, list and one string in chunks.
    let streamed =
        hex::decode("bf69416c61726d4e616d657f62637061 75ff654e616d65739f61616162ffff".replace(' ', "")).unwrap();
    let call = Call::read(&request(PATH, &CBOR, &definite)).unwrap();
    assert_eq!(call.operation, "PutMetricAlarm");
    let wanted =
        json!({"AlarmName": "cpu", "Threshold": 1.5, "At": 1.5, "Names": ["a", "b"], "Big": -500, "None": null});
    assert_eq!(call.input, wanted);
    let call = Call::read(&request(PATH, &CBOR, &streamed)).unwrap();
    assert_eq!(call.input, json!({"AlarmName": "cpu", "Names": ["a", "b"]}));
    assert_eq!(Call::read(&request(PATH, &CBOR, b"")).unwrap().input, json!({}));
}

#[test]
fn broken_cbor_is_refused() {
    let nested = [vec![0x81; 100], vec![0x01]].concat();
    let endless = hex::decode("9b7fffffffffffffff01").unwrap();
    for body in [b"\xa1\x61".as_slice(), b"\x01", b"\xa0\xa0", b"\xa1\x01\x02", &nested, &endless, b"\xc1\x61\x61"] {
        let fault = Call::read(&request(PATH, &CBOR, body)).unwrap_err();
        assert_eq!((fault.status, fault.code), (400, "SerializationException"), "{body:?}");
    }
}

#[test]
fn what_is_written_as_cbor_is_read_again() {
    let read = cbor::decode(&cbor::encode(&answer())).unwrap();
    assert_eq!(
        read,
        json!({"Metrics": [{"Name": "a<b", "Threshold": 1.5}], "Since": 1.5, "Periods": 3, "On": true,
               "Extended": {"p90": 2.0}})
    );
    let odd = Document::List(vec![f64::NAN.into(), f64::NEG_INFINITY.into()]);
    assert_eq!(cbor::decode(&cbor::encode(&odd)).unwrap(), json!(["NaN", "-Infinity"]));
}

#[test]
fn query_parameters_become_lists_and_structures() {
    let body = "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=a+b&Period=60&Dimensions.member.2.Name=B\
                &Dimensions.member.10.Name=C&Dimensions.member.1.Name=A&Dimensions.member.1.Value=1&Empty=\
                &Map.entry.1.key=k&Map.entry.1.value=v";
    let call = Call::read(&request("/", &[], body.as_bytes())).unwrap();
    assert_eq!(call.operation, "PutMetricAlarm");
    assert_eq!(
        call.input,
        json!({"AlarmName": "a b", "Period": "60", "Empty": "", "Map": {"k": "v"},
               "Dimensions": [{"Name": "A", "Value": "1"}, {"Name": "B"}, {"Name": "C"}]})
    );
    let deep = format!("A{}=1", ".a".repeat(50));
    assert_eq!(Call::read(&request("/", &[], deep.as_bytes())).unwrap_err().code, "SerializationException");
}

#[test]
fn an_answer_leaves_in_the_protocol_of_its_call() {
    let call = |protocol| Call { protocol, operation: "Describe".into(), input: json!({}) };
    let xml = body(&call(Protocol::Query).reply(&answer(), "urn:x", "id"));
    assert!(xml.contains("<Metrics><member><Name>a&lt;b</Name><Threshold>1.5</Threshold></member></Metrics>"), "{xml}");
    assert!(xml.contains("<Since>1970-01-01T00:00:01.500Z</Since>"), "{xml}");
    assert!(xml.contains("<entry><key>p90</key><value>2</value></entry>"), "{xml}");
    let json = call(Protocol::Json).reply(&answer(), "urn:x", "id");
    assert_eq!(serde_json::from_slice::<Value>(&json.body).unwrap()["Since"], json!(1.5));
    let none = call(Protocol::Cbor).reply(&Document::Nothing, "urn:x", "id");
    assert!(none.body.is_empty() && !none.headers.contains_key("content-type"));
    assert_eq!(none.headers["smithy-protocol"], "rpc-v2-cbor");
    assert!(!body(&call(Protocol::Query).reply(&Document::Nothing, "urn:x", "id")).contains("DescribeResult"));
}

#[test]
fn a_fault_has_the_code_of_query_in_a_header_and_its_shape_inside() {
    let fault = || Fault::new(400, "ValidationError", "no").member("__type", "ValidationException");
    let reply = Protocol::Cbor.refuse(fault(), "id");
    assert_eq!(reply.headers["x-amzn-query-error"], "ValidationError;Sender");
    let wanted = json!({"__type": "ValidationException", "message": "no"});
    assert_eq!(cbor::decode(&reply.body).unwrap(), wanted);
    let reply = Protocol::Json.refuse(fault(), "id");
    assert_eq!(serde_json::from_slice::<Value>(&reply.body).unwrap()["__type"], "ValidationException");
    assert!(body(&Protocol::Query.refuse(fault(), "id")).contains("<Code>ValidationError</Code>"));
}

#[test]
fn a_packed_body_is_unpacked() {
    let plain = b"Action=PutMetricData&Namespace=a";
    let mut gzip = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut packed = vec![0; gzip.gzip_compress_bound(plain.len())];
    let size = gzip.gzip_compress(plain, &mut packed).unwrap();
    packed.truncate(size);
    let headers = [("content-encoding", "gzip")];
    assert_eq!(Call::read(&request("/", &headers, &packed)).unwrap().input, json!({"Namespace": "a"}));
    assert_eq!(Call::read(&request("/", &headers, b"no")).unwrap_err().code, "SerializationException");
    let huge = [packed.as_slice(), &u32::MAX.to_le_bytes()].concat();
    assert_eq!(Call::read(&request("/", &headers, &huge)).unwrap_err().status, 413);
}
