//! The nodes below a node in document order, and their text, by the DOM standard.
//!
//! Walks without recursion, so that deep nesting cannot overflow the stack. The contents of a
//! `<template>` are not its descendants (HTML standard, "template contents"): the walk skips their
//! texts and elements.

use ego_tree::{NodeId, NodeRef};
use scraper::{ElementRef, Node};

/// The nodes below a node, in document order, each with its depth below that node.
struct Descendants<'a> {
    top: NodeId,
    at: NodeRef<'a, Node>,
    depth: usize,
}

impl<'a> Descendants<'a> {
    fn of(node: NodeRef<'a, Node>) -> Self {
        Descendants { top: node.id(), at: node, depth: 0 }
    }
}

impl<'a> Iterator for Descendants<'a> {
    type Item = (usize, NodeRef<'a, Node>);

    fn next(&mut self) -> Option<(usize, NodeRef<'a, Node>)> {
        // The contents of a template are a fragment below it.
        if let Some(child) = self.at.first_child().filter(|child| !child.value().is_fragment()) {
            self.at = child;
            self.depth += 1;
            return Some((self.depth, child));
        }

        // Climb until a sibling follows, but not past the top.
        let mut at = self.at;
        let mut depth = self.depth;
        while at.id() != self.top {
            if let Some(sibling) = at.next_sibling() {
                self.at = sibling;
                self.depth = depth;
                return Some((depth, sibling));
            }

            at = at.parent()?;
            depth -= 1;
        }

        None
    }
}

/// The elements below a node, in document order, each with its depth below that node.
pub(super) fn elements<'a>(
    node: NodeRef<'a, Node>,
) -> impl Iterator<Item = (usize, ElementRef<'a>)> {
    Descendants::of(node).filter_map(|(depth, node)| Some((depth, ElementRef::wrap(node)?)))
}

/// The texts below a node, in document order: scripts and styles included, comments not.
pub(super) fn texts<'a>(node: NodeRef<'a, Node>) -> impl Iterator<Item = &'a str> {
    Descendants::of(node).filter_map(|(_, node)| node.value().as_text().map(|text| &*text.text))
}
