//! What a function has of its layers: which versions, and whether they fit.

use serde::{Deserialize, Serialize};

use super::super::super::ACCOUNT;
use super::super::super::wire::Fault;
use super::super::body::{Body, invalid, refused};
use super::super::model::{Code, State};
use super::super::unzip::MOST_UNZIPPED;
use super::{LayerRef, foreign};

/// "Up to five layers", <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const MOST: usize = 5;

const PATTERN: &str = "(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:layer:\
                       [a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)";

/// A layer version that a function has. It is the function's own copy: the version may be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Attached {
    /// With the version.
    pub(in super::super) arn: String,
    pub(in super::super) code: Code,
}

/// The layers a request asks for: `None` when it says nothing about them.
pub(in super::super) fn asked(state: &State, body: &Body, region: &str) -> Result<Option<Vec<Attached>>, Fault> {
    let Some(arns) = body.texts("Layers")? else { return Ok(None) };
    if arns.len() > MOST {
        return Err(refused(format!("Cannot reference more than {MOST} layers.")));
    }
    let shown = format!("[{}]", arns.join(", "));
    let mut attached: Vec<Attached> = Vec::new();
    for arn in &arns {
        let (layer, number) = versioned(arn, &shown, "layers")?;
        // What a function has already it keeps, also when the version is gone? Not on AWS: "Deleted
        // versions can no longer be viewed or added to functions."
        let code = find(state, arn, layer, number, region)?;
        let same = attached.iter().find(|other| other.arn.rsplit_once(':').is_some_and(|(other, _)| other == layer));
        if let Some(other) = same {
            return Err(refused(format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function. {} \
                 and {arn} are versions of the same layer.",
                other.arn
            )));
        }
        attached.push(Attached { arn: arn.clone(), code });
    }
    Ok(Some(attached))
}

/// Code and layers share what a function may have unzipped.
pub(in super::super) fn fits(code: &Code, layers: &[Attached]) -> Result<(), Fault> {
    let together: u64 = layers.iter().map(|layer| layer.code.unzipped).sum();
    if together > MOST_UNZIPPED {
        return Err(refused(format!("Layers consume more than the available size of {MOST_UNZIPPED} bytes")));
    }
    let all = together + code.unzipped;
    if !layers.is_empty() && all > MOST_UNZIPPED {
        return Err(refused(format!(
            "Function code combined with layers exceeds the maximum allowed size of {MOST_UNZIPPED} bytes. The actual \
             size is {all} bytes."
        )));
    }
    Ok(())
}

/// The ARN of a layer version as the layer's ARN and the number. `shown` and `at` are what a refusal names.
pub(super) fn versioned<'a>(arn: &'a str, shown: &str, at: &str) -> Result<(&'a str, &'a str), Fault> {
    let unmatched = || {
        let constraint = format!(
            "Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have \
             length greater than or equal to 1, Member must satisfy regular expression pattern: {PATTERN}, Member must \
             not be null]"
        );
        invalid(shown, at, &constraint)
    };
    let (layer, number) = arn.rsplit_once(':').ok_or_else(unmatched)?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = layer.split(':').collect();
    let well_formed = matches!(parts.as_slice(), ["arn", _, "lambda", _, account, "layer", name]
        if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty());
    if digits && well_formed { Ok((layer, number)) } else { Err(unmatched()) }
}

fn find(state: &State, arn: &str, layer: &str, number: &str, region: &str) -> Result<Code, Fault> {
    let parts: Vec<&str> = layer.split(':').collect();
    let (place, account) = (parts[3], parts[4]);
    if account != ACCOUNT {
        return Err(foreign());
    }
    if place != region {
        return Err(refused(format!(
            "Layers are not in the same region as the function. Layers are expected to be in region {region}."
        )));
    }
    let at = LayerRef::parse(layer, region)?;
    let number: Option<u64> = number.parse().ok();
    let version = number.and_then(|number| state.layer(&at)?.versions.get(&number));
    version.map(|version| version.code.clone()).ok_or_else(|| refused(format!("Layer version {arn} does not exist.")))
}
