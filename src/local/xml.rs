//! XML as the S3 and Query dialects need it: a document read into a tree of elements, and written back.
//!
//! Attributes and namespaces are dropped; neither dialect gives them a meaning on the way in.

use std::fmt::{self, Write as _};

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::{Deserialize, Serialize};

use super::wire::escape_xml;

/// One element: its local name, its own text, its child elements in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

/// Deeper than any document of these services; keeps a hostile body from exhausting the stack.
const MAX_DEPTH: usize = 32;

impl Element {
    /// An element with children.
    pub(crate) fn new(name: impl Into<String>, children: Vec<Self>) -> Self {
        Self { name: name.into(), text: String::new(), children }
    }

    /// An element with text.
    pub(crate) fn leaf(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), children: Vec::new() }
    }

    /// The same element under another name.
    #[must_use]
    pub(crate) fn renamed(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Reads a document; `None` when it is not well-formed.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_str(std::str::from_utf8(bytes).ok()?);
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) if root.is_none() && open.len() < MAX_DEPTH => {
                    open.push(Self::leaf(local_name(tag.local_name().as_ref()), ""));
                }
                Event::Empty(tag) if root.is_none() => {
                    close(&mut open, &mut root, Self::leaf(local_name(tag.local_name().as_ref()), ""));
                }
                // A second root, or too deep. A document type could define entities; no AWS client sends one.
                Event::Start(_) | Event::Empty(_) | Event::DocType(_) => return None,
                Event::End(_) => {
                    let done = open.pop()?;
                    close(&mut open, &mut root, done);
                }
                Event::Text(text) => add_text(&mut open, &text.xml10_content())?,
                Event::CData(text) => add_text(&mut open, &text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let resolved = match reference.resolve_char_ref().ok()? {
                        Some(char) => char.to_string(),
                        None => quick_xml::escape::resolve_predefined_entity(&reference.xml10_content())?.to_owned(),
                    };
                    add_text(&mut open, &resolved)?;
                }
                Event::Eof => return root.filter(|_| open.is_empty()),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }

    /// The first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of that name, in order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of that name, without surrounding white space.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim())
    }

    /// A document of this element, in `namespace`.
    pub(crate) fn document(&self, namespace: &str) -> String {
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let _ = self.write(&mut text, Some(namespace));
        text
    }

    fn write(&self, out: &mut String, namespace: Option<&str>) -> fmt::Result {
        let Self { name, text, children } = self;
        match namespace {
            Some(namespace) => write!(out, "<{name} xmlns=\"{namespace}\">")?,
            None => write!(out, "<{name}>")?,
        }
        if children.is_empty() {
            out.push_str(&escape_xml(text));
        }
        for child in children {
            child.write(out, None)?;
        }
        write!(out, "</{name}>")
    }
}

fn local_name(name: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(name.as_ref()).into_owned()
}

fn close(open: &mut [Element], root: &mut Option<Element>, done: Element) {
    match open.last_mut() {
        Some(parent) => parent.children.push(done),
        None => *root = Some(done),
    }
}

/// `None` for text outside of the root element.
fn add_text(open: &mut [Element], text: &str) -> Option<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return None,
    }
    Some(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn reads_entities_namespaces_and_empty_elements() {
        let root = Element::parse(
            b"<?xml version='1.0'?>\n<a xmlns=\"u\"><b>1 &amp; &#50;</b><x:b/>\n<c><![CDATA[<]]></c></a>\n",
        )
        .unwrap();
        assert_eq!(root.name, "a");
        assert_eq!(root.all("b").map(|b| b.text.as_str()).collect::<Vec<_>>(), ["1 & 2", ""]);
        assert_eq!(root.value("c"), Some("<"));
    }

    #[test]
    fn refuses_what_is_not_one_well_formed_document() {
        for text in ["", "a", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "<!DOCTYPE a><a/>", "<a>&nope;</a>"] {
            assert_eq!(Element::parse(text.as_bytes()), None, "{text}");
        }
        let deep = "<a>".repeat(200) + &"</a>".repeat(200);
        assert_eq!(Element::parse(deep.as_bytes()), None);
    }

    #[test]
    fn writes_what_it_reads() {
        let root = Element::new("a", vec![Element::leaf("b", "<&>"), Element::new("c", vec![Element::leaf("d", "")])]);
        assert_eq!(Element::parse(root.document("urn:x").as_bytes()), Some(root));
    }
}
