//! An element of a page, backed by scraper's.

use std::fmt;

use html5ever::{LocalName, Namespace, ns};
use scraper::ElementRef;
use selectors::attr::CaseSensitivity;
use selectors::{Element as _, OpaqueElement};

use super::tree;
use crate::extract::reader::{AttributeName, Element};

/// An element of a page.
#[derive(Clone, Copy)]
pub(in crate::extract) struct PageElement<'a>(ElementRef<'a>);

impl<'a> PageElement<'a> {
    pub(super) fn of(element: ElementRef<'a>) -> Self {
        PageElement(element)
    }
}

impl fmt::Debug for PageElement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'a> Element<'a> for PageElement<'a> {
    fn identity(self) -> OpaqueElement {
        self.0.opaque()
    }

    fn name(self) -> &'a str {
        self.0.value().name()
    }

    fn is_named(self, name: &LocalName) -> bool {
        self.0.value().name.local == *name
    }

    fn namespace(self) -> &'a Namespace {
        &self.0.value().name.ns
    }

    fn is_type_of(self, other: Self) -> bool {
        self.0.is_same_type(&other.0)
    }

    fn parent(self) -> Option<Self> {
        self.0.parent_element().map(PageElement)
    }

    fn first_child(self) -> Option<Self> {
        self.0.first_element_child().map(PageElement)
    }

    fn previous(self) -> Option<Self> {
        self.0.prev_sibling_element().map(PageElement)
    }

    fn next(self) -> Option<Self> {
        self.0.next_sibling_element().map(PageElement)
    }

    fn is_root(self) -> bool {
        self.0.is_root()
    }

    fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    fn elements(self) -> impl Iterator<Item = Self> {
        tree::elements(*self.0).map(|(_, element)| PageElement(element))
    }

    fn text<'t>(self, gathered: &'t mut String) -> &'t str
    where
        'a: 't,
    {
        let mut texts = tree::texts(*self.0);
        let Some(first) = texts.next() else { return "" };
        let Some(second) = texts.next() else { return first };

        gathered.clear();
        gathered.push_str(first);
        gathered.push_str(second);
        gathered.extend(texts);
        gathered
    }

    /// Finds an attribute as `getAttribute` does: on HTML elements, by the name in lower case.
    fn attribute(self, name: &AttributeName) -> Option<&'a str> {
        let element = self.0.value();
        let plain = if element.name.ns == ns!(html) { &name.lower } else { &name.typed };

        let found = element.attrs.iter().find(|(key, _)| match &key.prefix {
            None => key.local == *plain,
            Some(prefix) => {
                let parts = name.parts.as_ref();
                parts.is_some_and(|(wanted, local)| {
                    **prefix == **wanted && key.local == *local && key.ns != ns!()
                })
            }
        });

        found.map(|(_, value)| &**value)
    }

    fn attribute_in(self, namespace: &Namespace, local: &str) -> Option<&'a str> {
        let mut attributes = self.0.value().attrs.iter();
        let found = attributes.find(|(key, _)| &*key.local == local && key.ns == *namespace);
        found.map(|(_, value)| &**value)
    }

    fn has_attribute(
        self,
        namespace: Option<&Namespace>,
        local: &LocalName,
        passes: impl Fn(&str) -> bool,
    ) -> bool {
        let is_in = |found: &Namespace| namespace.is_none_or(|namespace| namespace == found);
        let mut attributes = self.0.value().attrs.iter();
        attributes.any(|(key, value)| key.local == *local && is_in(&key.ns) && passes(value))
    }

    fn has_id(self, id: &LocalName, case: CaseSensitivity) -> bool {
        self.0.value().id().is_some_and(|own| case.eq(id.as_bytes(), own.as_bytes()))
    }

    fn has_class(self, class: &LocalName, case: CaseSensitivity) -> bool {
        self.0.value().has_class(class, case)
    }
}
