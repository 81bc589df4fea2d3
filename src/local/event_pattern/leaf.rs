//! What a value may be: one entry of the lists at the ends of a pattern.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>

use std::net::IpAddr;

use serde_json::Value;

#[derive(Debug, Clone)]
pub(super) enum Leaf {
    Null,
    Flag(bool),
    Number(f64),
    Text(Text),
    /// Comparisons that must all hold.
    Numeric(Vec<(Comparison, f64)>),
    Exists(bool),
    Cidr(IpAddr, u32),
    AnythingBut(Vec<Leaf>),
}

#[derive(Debug, Clone)]
pub(super) enum Text {
    Is(String),
    Begins(String),
    Ends(String),
    /// The parts between the asterisks.
    Like(Vec<String>),
    /// The same for lower-case letters.
    AnyCase(Box<Text>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Leaf {
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(Self::Null),
            Value::Bool(flag) => Ok(Self::Flag(*flag)),
            Value::Number(_) | Value::String(_) => Self::plain(value),
            Value::Array(_) => Err("a list in a list".to_owned()),
            Value::Object(members) => {
                let mut members = members.iter();
                match (members.next(), members.next()) {
                    (Some((operator, operand)), None) => Self::operation(operator, operand),
                    _ => Err("an expression has exactly one operator".to_owned()),
                }
            }
        }
    }

    fn plain(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Ok(Self::Text(Text::Is(text.clone()))),
            value => value.as_f64().map(Self::Number).ok_or_else(|| format!("{value} is neither text nor number")),
        }
    }

    fn operation(operator: &str, operand: &Value) -> Result<Self, String> {
        match operator {
            "exists" => operand.as_bool().map(Self::Exists).ok_or_else(|| "exists takes true or false".to_owned()),
            "numeric" => numeric(operand).map(Self::Numeric),
            "cidr" => cidr(operand).ok_or_else(|| format!("{operand} is not a range of addresses")),
            "anything-but" => anything_but(operand).map(Self::AnythingBut),
            _ => Text::read(operator, operand, true).map(Self::Text),
        }
    }

    /// Whether a value that is there, and neither list nor object, fits.
    pub(super) fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Flag(flag) => value.as_bool() == Some(*flag),
            Self::Number(wanted) => value.as_f64().is_some_and(|number| Comparison::Equal.holds(number, *wanted)),
            Self::Text(text) => value.as_str().is_some_and(|value| text.fits(value)),
            Self::Numeric(all) => {
                value.as_f64().is_some_and(|number| all.iter().all(|(how, than)| how.holds(number, *than)))
            }
            Self::Exists(wanted) => *wanted,
            Self::Cidr(network, length) => {
                let address = value.as_str().and_then(|text| text.parse().ok());
                address.is_some_and(|address| within(address, *network, *length))
            }
            Self::AnythingBut(none) => !none.iter().any(|leaf| leaf.fits(value)),
        }
    }

    /// Whether it fits that there is no value.
    pub(super) fn fits_nothing(&self) -> bool {
        matches!(self, Self::Exists(false))
    }
}

impl Text {
    /// `nested`: whether the operand may itself be an expression that ignores case.
    fn read(operator: &str, operand: &Value, nested: bool) -> Result<Self, String> {
        if let (true, "prefix" | "suffix", Some(inner)) = (nested, operator, operand.as_object()) {
            let inner = inner.get("equals-ignore-case").filter(|_| inner.len() == 1).and_then(Value::as_str);
            let inner = inner.ok_or_else(|| format!("{operator} takes text or equals-ignore-case"))?;
            return Self::of(operator, &inner.to_lowercase()).map(|text| Self::AnyCase(Box::new(text)));
        }
        let text = operand.as_str().ok_or_else(|| format!("{operator} takes text"));
        match operator {
            "equals-ignore-case" => Ok(Self::AnyCase(Box::new(Self::Is(text?.to_lowercase())))),
            "prefix" | "suffix" | "wildcard" => Self::of(operator, text?),
            _ => Err(format!("there is no operator \"{operator}\"")),
        }
    }

    fn of(operator: &str, text: &str) -> Result<Self, String> {
        match operator {
            "prefix" => Ok(Self::Begins(text.to_owned())),
            "suffix" => Ok(Self::Ends(text.to_owned())),
            _ => wildcard(text).map(Self::Like),
        }
    }

    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Is(text) => value == text,
            Self::Begins(text) => value.starts_with(text),
            Self::Ends(text) => value.ends_with(text),
            Self::Like(parts) => like(value, parts),
            Self::AnyCase(text) => text.fits(&value.to_lowercase()),
        }
    }
}

/// What must not be: values, or one operator with one operand or several.
fn anything_but(operand: &Value) -> Result<Vec<Leaf>, String> {
    match operand {
        Value::Object(members) => {
            let mut members = members.iter();
            let (Some((operator, operand)), None) = (members.next(), members.next()) else {
                return Err("anything-but takes one operator".to_owned());
            };
            let one = |operand: &Value| {
                if matches!(operator.as_str(), "prefix" | "suffix") && operand == "" {
                    return Err(format!("anything-but {operator} takes text that is not empty"));
                }
                Text::read(operator, operand, false).map(Leaf::Text)
            };
            match operand {
                Value::Array(list) if !list.is_empty() => list.iter().map(one).collect(),
                operand => Ok(vec![one(operand)?]),
            }
        }
        Value::Array(list) if !list.is_empty() => {
            let leaves: Vec<Leaf> = list.iter().map(Leaf::plain).collect::<Result<_, _>>()?;
            let texts = list.iter().filter(|one| one.is_string()).count();
            if texts != 0 && texts != list.len() {
                return Err("anything-but takes text or numbers, not both".to_owned());
            }
            Ok(leaves)
        }
        operand => Leaf::plain(operand).map(|leaf| vec![leaf]),
    }
}

/// `["=", 5]`, or one or two bounds.
fn numeric(operand: &Value) -> Result<Vec<(Comparison, f64)>, String> {
    let wrong = || format!("numeric takes operators and numbers, not {operand}");
    let list = operand.as_array().ok_or_else(wrong)?;
    let pairs = list.chunks(2).map(|pair| {
        let [operator, number] = pair else { return Err(wrong()) };
        let comparison = operator.as_str().and_then(Comparison::read).ok_or_else(wrong)?;
        Ok((comparison, number.as_f64().ok_or_else(wrong)?))
    });
    let pairs: Vec<_> = pairs.collect::<Result<_, _>>()?;
    let lower =
        |at: usize| pairs.get(at).is_some_and(|(it, _)| matches!(it, Comparison::Greater | Comparison::AtLeast));
    let upper = |at: usize| pairs.get(at).is_some_and(|(it, _)| matches!(it, Comparison::Less | Comparison::AtMost));
    match pairs.len() {
        1 => Ok(pairs),
        2 if (lower(0) && upper(1)) || (upper(0) && lower(1)) => Ok(pairs),
        _ => Err(wrong()),
    }
}

impl Comparison {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "=" => Self::Equal,
            "<" => Self::Less,
            "<=" => Self::AtMost,
            ">" => Self::Greater,
            ">=" => Self::AtLeast,
            _ => return None,
        })
    }

    #[expect(clippy::float_cmp, reason = "the same number written twice is the same float")]
    fn holds(self, number: f64, than: f64) -> bool {
        match self {
            Self::Equal => number == than,
            Self::Less => number < than,
            Self::AtMost => number <= than,
            Self::Greater => number > than,
            Self::AtLeast => number >= than,
        }
    }
}

fn cidr(operand: &Value) -> Option<Leaf> {
    let (address, length) = operand.as_str()?.split_once('/')?;
    let (address, length): (IpAddr, u32) = (address.parse().ok()?, length.parse().ok()?);
    let most = if address.is_ipv4() { 32 } else { 128 };
    (length <= most).then_some(Leaf::Cidr(address, length))
}

fn within(address: IpAddr, network: IpAddr, length: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (address.to_bits() ^ network.to_bits()).checked_shr(32 - length).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            (address.to_bits() ^ network.to_bits()).checked_shr(128 - length).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// The parts between asterisks. A backslash takes the meaning from an asterisk or a backslash.
fn wildcard(text: &str) -> Result<Vec<String>, String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    let mut starred = false;
    while let Some(one) = chars.next() {
        let plain = match one {
            '*' if starred => return Err("two asterisks in a row".to_owned()),
            '*' => {
                parts.push(String::new());
                starred = true;
                continue;
            }
            '\\' => match chars.next() {
                Some(escaped @ ('*' | '\\')) => escaped,
                _ => return Err("a backslash stands only before an asterisk or a backslash".to_owned()),
            },
            plain => plain,
        };
        starred = false;
        if let Some(part) = parts.last_mut() {
            part.push(plain);
        }
    }
    Ok(parts)
}

/// Whether the text is these parts with anything in between. Taking each part as early as it comes leaves
/// the most for those after it.
fn like(text: &str, parts: &[String]) -> bool {
    let [first, middle @ .., last] = parts else { return parts.first().is_some_and(|only| text == only) };
    let Some(rest) = text.strip_prefix(first.as_str()) else { return false };
    let Some(mut rest) = rest.strip_suffix(last.as_str()) else { return false };
    middle.iter().all(|part| match rest.find(part.as_str()) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}
