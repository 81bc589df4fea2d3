//! The errors of SQS, each with its two names: the JSON protocol's and the Query protocol's.
//!
//! Clients of the JSON protocol find the older name in a header, because their callers still look for it.
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait>

use crate::local::wire::{Fault, Reply};
use crate::local::xml::Element;

const OLD_NAME: &str = "x-amzn-query-error";

/// What the documents of the Query protocol are in.
pub(super) const NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";

fn fault(status: u16, name: &'static str, old_name: &str, message: impl Into<String>) -> Fault {
    Fault::new(status, name, message).header(OLD_NAME, format!("{old_name};Sender"))
}

pub(super) fn no_queue() -> Fault {
    fault(400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
}

pub(super) fn queue_exists(attribute: &str) -> Fault {
    let message = format!("A queue already exists with the same name and a different value for attribute {attribute}");
    fault(400, "QueueNameExists", "QueueAlreadyExists", message)
}

pub(super) fn missing(parameter: &str) -> Fault {
    let message = format!("The request must contain the parameter {parameter}.");
    fault(400, "MissingRequiredParameterException", "MissingParameter", message)
}

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    fault(400, "InvalidParameterValueException", "InvalidParameterValue", message)
}

/// `Value x for parameter y is invalid. Reason: z`
pub(super) fn invalid_value(value: impl std::fmt::Display, parameter: &str, reason: &str) -> Fault {
    invalid(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
}

pub(super) fn unknown_attribute(name: &str) -> Fault {
    fault(400, "InvalidAttributeName", "InvalidAttributeName", format!("Unknown Attribute {name}."))
}

pub(super) fn attribute_name(message: impl Into<String>) -> Fault {
    fault(400, "InvalidAttributeName", "InvalidAttributeName", message)
}

pub(super) fn attribute_value(name: &str, reason: &str) -> Fault {
    let message = format!("Invalid value for the parameter {name}.{reason}");
    fault(400, "InvalidAttributeValue", "InvalidAttributeValue", message)
}

pub(super) fn bad_handle(handle: &str) -> Fault {
    let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
    fault(400, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", message)
}

pub(super) fn bad_contents() -> Fault {
    fault(
        400,
        "InvalidMessageContents",
        "InvalidMessageContents",
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD \
         | #x10000 to #x10FFFF",
    )
}

pub(super) fn over_limit(message: &str) -> Fault {
    fault(403, "OverLimit", "OverLimit", message)
}

pub(super) fn not_found(message: impl Into<String>) -> Fault {
    fault(404, "ResourceNotFoundException", "ResourceNotFoundException", message)
}

/// The faults of a whole batch.
pub(super) fn batch(name: &'static str, message: impl Into<String>) -> Fault {
    fault(400, name, &format!("AWS.SimpleQueueService.{name}"), message)
}

pub(super) fn disk(error: &std::io::Error) -> Fault {
    Fault::new(500, "InternalError", format!("the local cloud cannot read or write a queue's file: {error}"))
}

/// The name that the Query protocol and the entries of batches use.
pub(super) fn old_name(fault: &Fault) -> &str {
    let header = fault.headers.iter().find(|(name, _)| *name == OLD_NAME).map(|(_, value)| value.as_str());
    header.and_then(|value| value.split(';').next()).unwrap_or(fault.code)
}

/// The fault as a client of the Query protocol reads it.
pub(super) fn into_query(fault: &Fault, request_id: &str) -> Reply {
    // The one message that differs between the protocols.
    let gone = fault.code == "QueueDoesNotExist";
    let message =
        if gone { "The specified queue does not exist for this wsdl version." } else { fault.message.as_str() };
    let error = vec![
        Element::leaf("Type", if fault.status < 500 { "Sender" } else { "Receiver" }),
        Element::leaf("Code", old_name(fault)),
        Element::leaf("Message", message),
        Element::leaf("Detail", ""),
    ];
    let document =
        Element::new("ErrorResponse", vec![Element::new("Error", error), Element::leaf("RequestId", request_id)]);
    Reply::xml(fault.status, document.document(NAMESPACE))
}
