//! An element of a page: scraper's, with the pseudo-classes of [`crate::extract::pseudo`].

use std::fmt;

use html5ever::{Namespace, ns};
use scraper::ElementRef;
use scraper::selector::{CssLocalName, CssString, PseudoElement};
use selectors::OpaqueElement;
use selectors::attr::{AttrSelectorOperation, CaseSensitivity, NamespaceConstraint};
use selectors::bloom::BloomFilter;
use selectors::matching::{ElementSelectorFlags, MatchingContext};

use super::tree;
use crate::extract::pseudo::{Dialect, PseudoClass};
use crate::extract::reader::{AttributeName, Element};

/// An element under the selectors of [`Dialect`]. What it does not say itself is as scraper has it.
#[derive(Clone, Copy)]
pub(in crate::extract) struct PageElement<'a>(ElementRef<'a>);

impl<'a> PageElement<'a> {
    pub(super) fn of(element: ElementRef<'a>) -> Self {
        PageElement(element)
    }
}

impl<'a> Element<'a> for PageElement<'a> {
    fn name(self) -> &'a str {
        self.0.value().name()
    }

    fn elements(self) -> impl Iterator<Item = Self> {
        tree::elements(*self.0).map(|(_, element)| element)
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

    /// As `getAttribute` finds it: on HTML elements by the name in lower case.
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
}

impl fmt::Debug for PageElement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl selectors::Element for PageElement<'_> {
    type Impl = Dialect;

    fn opaque(&self) -> OpaqueElement {
        self.0.opaque()
    }

    fn parent_element(&self) -> Option<Self> {
        self.0.parent_element().map(PageElement)
    }

    fn parent_node_is_shadow_root(&self) -> bool {
        false
    }

    fn containing_shadow_host(&self) -> Option<Self> {
        None
    }

    fn is_pseudo_element(&self) -> bool {
        false
    }

    fn prev_sibling_element(&self) -> Option<Self> {
        self.0.prev_sibling_element().map(PageElement)
    }

    fn next_sibling_element(&self) -> Option<Self> {
        self.0.next_sibling_element().map(PageElement)
    }

    fn first_element_child(&self) -> Option<Self> {
        self.0.first_element_child().map(PageElement)
    }

    fn is_html_element_in_html_document(&self) -> bool {
        self.0.is_html_element_in_html_document()
    }

    fn has_local_name(&self, name: &CssLocalName) -> bool {
        self.0.has_local_name(name)
    }

    fn has_namespace(&self, namespace: &Namespace) -> bool {
        self.0.has_namespace(namespace)
    }

    fn is_same_type(&self, other: &Self) -> bool {
        self.0.is_same_type(&other.0)
    }

    fn attr_matches(
        &self,
        namespace: &NamespaceConstraint<&Namespace>,
        name: &CssLocalName,
        operation: &AttrSelectorOperation<&CssString>,
    ) -> bool {
        self.0.attr_matches(namespace, name, operation)
    }

    fn match_non_ts_pseudo_class(
        &self,
        class: &PseudoClass,
        _context: &mut MatchingContext<'_, Dialect>,
    ) -> bool {
        class.matches(*self)
    }

    fn match_pseudo_element(
        &self,
        _element: &PseudoElement,
        _context: &mut MatchingContext<'_, Dialect>,
    ) -> bool {
        false
    }

    fn apply_selector_flags(&self, _flags: ElementSelectorFlags) {}

    fn is_link(&self) -> bool {
        PseudoClass::Link.matches(*self)
    }

    fn is_html_slot_element(&self) -> bool {
        false
    }

    fn has_id(&self, id: &CssLocalName, case: CaseSensitivity) -> bool {
        self.0.has_id(id, case)
    }

    fn has_class(&self, name: &CssLocalName, case: CaseSensitivity) -> bool {
        selectors::Element::has_class(&self.0, name, case)
    }

    fn has_custom_state(&self, _name: &CssLocalName) -> bool {
        false
    }

    fn imported_part(&self, _name: &CssLocalName) -> Option<CssLocalName> {
        None
    }

    fn is_part(&self, _name: &CssLocalName) -> bool {
        false
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_root(&self) -> bool {
        self.0.is_root()
    }

    fn add_element_unique_hashes(&self, _filter: &mut BloomFilter) -> bool {
        false
    }
}
