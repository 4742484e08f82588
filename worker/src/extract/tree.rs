//! Descendants, texts and attributes, as the DOM standard has them.
//!
//! Walks from node to node without recursion, so that no depth of nesting overflows a stack. What
//! is inside a `<template>` is no descendant of it (HTML standard, "template contents"): neither
//! its text nor its elements are seen.

use ego_tree::{NodeId, NodeRef};
use html5ever::{LocalName, ns};
use scraper::{ElementRef, Node};

use super::selectors::is_html;

/// The nodes below a node, in document order.
pub(super) struct Descendants<'a> {
    top: NodeId,
    at: NodeRef<'a, Node>,
}

impl<'a> Descendants<'a> {
    pub(super) fn of(node: NodeRef<'a, Node>) -> Self {
        Descendants { top: node.id(), at: node }
    }
}

impl<'a> Iterator for Descendants<'a> {
    type Item = NodeRef<'a, Node>;

    fn next(&mut self) -> Option<NodeRef<'a, Node>> {
        let mut at = self.at;
        // A template's contents hang under it as a fragment.
        let mut next = at.first_child().filter(|child| !child.value().is_fragment());

        // Climbs until something follows, but not past the top.
        while next.is_none() && at.id() != self.top {
            next = at.next_sibling();
            if next.is_none() {
                at = at.parent()?;
            }
        }

        self.at = next?;
        next
    }
}

/// The elements below a node, in document order.
pub(super) fn elements<'a>(node: NodeRef<'a, Node>) -> impl Iterator<Item = ElementRef<'a>> {
    Descendants::of(node).filter_map(ElementRef::wrap)
}

/// All text inside `element`, scripts and styles included, comments not.
///
/// A text in one piece is borrowed from the tree; several are gathered in `gathered`.
pub(super) fn text<'a>(element: ElementRef<'a>, gathered: &'a mut String) -> &'a str {
    let mut texts =
        Descendants::of(*element).filter_map(|node| node.value().as_text().map(|text| &*text.text));
    let Some(first) = texts.next() else { return "" };
    let Some(second) = texts.next() else { return first };

    gathered.clear();
    gathered.push_str(first);
    gathered.push_str(second);
    gathered.extend(texts);
    gathered
}

/// The name of an attribute, ready to be looked up.
pub(super) struct AttributeName {
    typed: LocalName,
    lower: LocalName,
    /// The prefix and the local name of `typed`, if it has a colon: how `xlink:href` stands on an
    /// SVG element.
    parts: Option<(String, LocalName)>,
}

impl AttributeName {
    pub(super) fn new(typed: &str) -> Self {
        let parts = typed
            .split_once(':')
            .map(|(prefix, local)| (prefix.to_owned(), LocalName::from(local)));
        AttributeName { typed: typed.into(), lower: typed.to_ascii_lowercase().into(), parts }
    }

    /// The attribute's value, as `getAttribute` finds it: on HTML elements by the name in lower
    /// case.
    pub(super) fn of<'a>(&self, element: ElementRef<'a>) -> Option<&'a str> {
        let name = if is_html(&element) { &self.lower } else { &self.typed };

        let found = element.value().attrs.iter().find(|(key, _)| match &key.prefix {
            None => key.local == *name,
            Some(prefix) => {
                let parts = self.parts.as_ref();
                parts.is_some_and(|(wanted, local)| {
                    **prefix == **wanted && key.local == *local && key.ns != ns!()
                })
            }
        });

        found.map(|(_, value)| &**value)
    }
}
