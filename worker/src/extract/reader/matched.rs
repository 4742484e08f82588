//! An element of any tree, as the `selectors` crate wants it.

use std::marker::PhantomData;

use html5ever::{Namespace, ns};
use scraper::selector::{CssLocalName, CssString, PseudoElement};
use selectors::OpaqueElement;
use selectors::attr::{AttrSelectorOperation, CaseSensitivity, NamespaceConstraint};
use selectors::bloom::BloomFilter;
use selectors::matching::{ElementSelectorFlags, MatchingContext};

use super::Element;
use crate::extract::pseudo::{Dialect, PseudoClass};

/// An element for selectors of [`Dialect`]. No document here has shadow trees, parts, slots or
/// states: only browsers have these.
#[derive(Debug, Clone, Copy)]
pub(in crate::extract) struct Matched<'a, E> {
    element: E,
    document: PhantomData<&'a ()>,
}

impl<'a, E: Element<'a>> Matched<'a, E> {
    pub(in crate::extract) fn of(element: E) -> Self {
        Matched { element, document: PhantomData }
    }
}

impl<'a, E: Element<'a>> selectors::Element for Matched<'a, E> {
    type Impl = Dialect;

    fn opaque(&self) -> OpaqueElement {
        self.element.identity()
    }

    fn parent_element(&self) -> Option<Self> {
        self.element.parent().map(Matched::of)
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
        self.element.previous().map(Matched::of)
    }

    fn next_sibling_element(&self) -> Option<Self> {
        self.element.next().map(Matched::of)
    }

    fn first_element_child(&self) -> Option<Self> {
        self.element.first_child().map(Matched::of)
    }

    fn is_html_element_in_html_document(&self) -> bool {
        *self.element.namespace() == ns!(html)
    }

    fn has_local_name(&self, name: &CssLocalName) -> bool {
        self.element.is_named(&name.0)
    }

    fn has_namespace(&self, namespace: &Namespace) -> bool {
        self.element.namespace() == namespace
    }

    fn is_same_type(&self, other: &Self) -> bool {
        self.element.is_type_of(other.element)
    }

    fn attr_matches(
        &self,
        namespace: &NamespaceConstraint<&Namespace>,
        name: &CssLocalName,
        operation: &AttrSelectorOperation<&CssString>,
    ) -> bool {
        let namespace = match namespace {
            NamespaceConstraint::Any => None,
            NamespaceConstraint::Specific(namespace) => Some(*namespace),
        };
        self.element.has_attribute(namespace, &name.0, |value| operation.eval_str(value))
    }

    fn match_non_ts_pseudo_class(
        &self,
        class: &PseudoClass,
        _context: &mut MatchingContext<'_, Dialect>,
    ) -> bool {
        class.matches(self.element)
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
        PseudoClass::Link.matches(self.element)
    }

    fn is_html_slot_element(&self) -> bool {
        false
    }

    fn has_id(&self, id: &CssLocalName, case: CaseSensitivity) -> bool {
        self.element.has_id(&id.0, case)
    }

    fn has_class(&self, name: &CssLocalName, case: CaseSensitivity) -> bool {
        self.element.has_class(&name.0, case)
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
        self.element.is_empty()
    }

    fn is_root(&self) -> bool {
        self.element.is_root()
    }

    fn add_element_unique_hashes(&self, _filter: &mut BloomFilter) -> bool {
        false
    }
}
