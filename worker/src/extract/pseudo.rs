//! Pseudo-classes that depend on the document alone: `:link`, `:any-link`, `:checked`, `:disabled`,
//! `:enabled`, `:lang()`.
//!
//! Implements the HTML standard ("Pseudo-classes") for a page that no user has touched, with the
//! language ranges of Selectors level 4.

use std::fmt;

use cssparser::{CowRcStr, ParseError, Parser as Input, ToCss, Token, match_ignore_ascii_case};
use html5ever::{Namespace, ns};
use scraper::selector::{CssLocalName, CssString, PseudoElement};
use selectors::parser::{self, SelectorImpl, SelectorParseErrorKind};

use super::reader::Element;

/// The dialect of selectors that a recipe may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect;

impl SelectorImpl for Dialect {
    type ExtraMatchingData<'a> = ();
    type AttrValue = CssString;
    type Identifier = CssLocalName;
    type LocalName = CssLocalName;
    type NamespacePrefix = CssLocalName;
    type NamespaceUrl = Namespace;
    type BorrowedNamespaceUrl = Namespace;
    type BorrowedLocalName = CssLocalName;
    type NonTSPseudoClass = PseudoClass;
    type PseudoElement = PseudoElement;
}

/// A pseudo-class that the `selectors` crate lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PseudoClass {
    /// `:link` and `:any-link`: no page was visited.
    Link,
    Checked,
    Disabled,
    Enabled,
    /// The ranges of `:lang()`, in lower case.
    Lang(Vec<String>),
}

impl parser::NonTSPseudoClass for PseudoClass {
    fn is_active_or_hover(&self) -> bool {
        false
    }

    fn is_user_action_state(&self) -> bool {
        false
    }
}

impl ToCss for PseudoClass {
    fn to_css<W: fmt::Write>(&self, out: &mut W) -> fmt::Result {
        match self {
            PseudoClass::Link => out.write_str(":any-link"),
            PseudoClass::Checked => out.write_str(":checked"),
            PseudoClass::Disabled => out.write_str(":disabled"),
            PseudoClass::Enabled => out.write_str(":enabled"),
            PseudoClass::Lang(ranges) => write!(out, ":lang({})", ranges.join(", ")),
        }
    }
}

/// The features of CSS that a recipe's selectors may use.
pub(super) struct Parser;

type Failed = ParseError<SelectorParseErrorKind>;

fn unsupported() -> Failed {
    ParseError::custom(SelectorParseErrorKind::UnsupportedPseudoClassOrElement)
}

impl<'i> parser::Parser<'i> for Parser {
    type Impl = Dialect;
    type Error = SelectorParseErrorKind;

    fn parse_is_and_where(&self) -> bool {
        true
    }

    fn parse_has(&self) -> bool {
        true
    }

    fn parse_nth_child_of(&self) -> bool {
        true
    }

    fn parse_non_ts_pseudo_class(&self, name: CowRcStr<'i>) -> Result<PseudoClass, Failed> {
        match_ignore_ascii_case! { &name,
            "link" | "any-link" => Ok(PseudoClass::Link),
            "checked" => Ok(PseudoClass::Checked),
            "disabled" => Ok(PseudoClass::Disabled),
            "enabled" => Ok(PseudoClass::Enabled),
            _ => Err(unsupported()),
        }
    }

    fn parse_non_ts_functional_pseudo_class(
        &self,
        name: CowRcStr<'i>,
        input: &mut Input<'i>,
        _after_part: bool,
    ) -> Result<PseudoClass, Failed> {
        if !name.eq_ignore_ascii_case("lang") {
            return Err(unsupported());
        }

        let ranges = input.parse_comma_separated(|input| match input.next()? {
            Token::Ident(range) | Token::QuotedString(range) => Ok(range.to_ascii_lowercase()),
            _ => Err(unsupported()),
        })?;

        Ok(PseudoClass::Lang(ranges))
    }
}

impl PseudoClass {
    pub(super) fn matches<'a, E: Element<'a>>(&self, element: E) -> bool {
        match self {
            PseudoClass::Link => is_one_of(element, &["a", "area"]) && has(element, "href"),
            PseudoClass::Checked => is_checked(element),
            PseudoClass::Disabled => can_be_disabled(element) && is_disabled(element),
            PseudoClass::Enabled => can_be_disabled(element) && !is_disabled(element),
            PseudoClass::Lang(ranges) => language(element)
                .is_some_and(|language| ranges.iter().any(|range| is_in_range(language, range))),
        }
    }
}

/// Whether an element is in the HTML namespace, so that names are compared in lower case.
fn is_html<'a, E: Element<'a>>(element: E) -> bool {
    *element.namespace() == ns!(html)
}

fn is_one_of<'a, E: Element<'a>>(element: E, names: &[&str]) -> bool {
    is_html(element) && names.contains(&element.name())
}

/// Whether an element has an attribute without a namespace.
fn has<'a, E: Element<'a>>(element: E, attribute: &str) -> bool {
    element.attribute_in(&ns!(), attribute).is_some()
}

/// The ancestors of an element, the nearest first.
fn around<'a, E: Element<'a>>(element: E) -> impl Iterator<Item = E> {
    std::iter::successors(element.parent(), |around| around.parent())
}

fn is_checked<'a, E: Element<'a>>(element: E) -> bool {
    let is_box = || {
        let kind = element.attribute_in(&ns!(), "type").unwrap_or_default();
        kind.eq_ignore_ascii_case("checkbox") || kind.eq_ignore_ascii_case("radio")
    };

    (is_one_of(element, &["input"]) && is_box() && has(element, "checked"))
        || (is_one_of(element, &["option"]) && has(element, "selected"))
}

fn can_be_disabled<'a, E: Element<'a>>(element: E) -> bool {
    is_one_of(element, &["button", "input", "select", "textarea", "optgroup", "option", "fieldset"])
}

/// "Actually disabled": by the element's own attribute, by that of an option's group, or by that of
/// a fieldset around a control.
fn is_disabled<'a, E: Element<'a>>(element: E) -> bool {
    if has(element, "disabled") {
        return true;
    }

    match element.name() {
        "optgroup" => false,
        "option" => {
            let parent = element.parent();
            parent.is_some_and(|parent| is_one_of(parent, &["optgroup"]) && has(parent, "disabled"))
        }
        _ => is_in_disabled_fieldset(element),
    }
}

/// Whether an element is in a disabled fieldset, and not in the first legend of that fieldset.
fn is_in_disabled_fieldset<'a, E: Element<'a>>(element: E) -> bool {
    let mut child = element;
    for ancestor in around(element) {
        if is_one_of(ancestor, &["fieldset"]) && has(ancestor, "disabled") {
            let mut children = std::iter::successors(ancestor.first_child(), |child| child.next());
            let legend = children.find(|child| is_one_of(*child, &["legend"]));

            if legend.is_none_or(|legend| legend.identity() != child.identity()) {
                return true;
            }
        }

        child = ancestor;
    }
    false
}

/// The language of an element: its own, or that of its nearest ancestor with one.
fn language<'a, E: Element<'a>>(element: E) -> Option<&'a str> {
    // `xml:lang` takes precedence over `lang`.
    let own = |element: E| {
        let of_xml = element.attribute_in(&ns!(xml), "lang");
        of_xml.or_else(|| {
            let is_known = is_html_or_svg(element);
            element.attribute_in(&ns!(), "lang").filter(|_| is_known)
        })
    };

    std::iter::once(element).chain(around(element)).find_map(own)
}

fn is_html_or_svg<'a, E: Element<'a>>(element: E) -> bool {
    is_html(element) || *element.namespace() == ns!(svg)
}

/// Extended filtering (RFC 4647, 3.3.2). A leading wildcard also matches nothing. `range` must be
/// in lower case.
fn is_in_range(language: &str, range: &str) -> bool {
    if language.is_empty() || range.is_empty() {
        return language.is_empty() && range.is_empty();
    }

    let mut tags = language.split('-').peekable();
    let mut wanted = range.split('-');
    let first = wanted.next().unwrap_or_default();
    let begins = tags.next().is_some_and(|tag| first == "*" || tag.eq_ignore_ascii_case(first));

    begins
        && wanted.filter(|part| *part != "*").all(|part| {
            // A single letter begins an extension, beyond which the search must not go.
            let mut passed = true;
            let found = tags.by_ref().find(|tag| {
                let is_part = tag.eq_ignore_ascii_case(part);
                passed &= is_part || tag.len() > 1;
                is_part || !passed
            });
            found.is_some_and(|tag| tag.eq_ignore_ascii_case(part))
        })
}

#[cfg(test)]
mod tests {
    use super::super::reader::Document;
    use super::super::reader::html::Page;
    use super::super::selectors::Css;
    use super::*;
    use ::selectors::matching::SelectorCaches;

    /// The ids of the elements that a selector matches.
    fn matched(markup: &str, selector: &str) -> String {
        let page = Page::of(markup);
        let css = Css::record(selector).unwrap_or_else(|error| panic!("{error}"));
        let mut caches = SelectorCaches::default();
        let elements = page.elements().map(|(_, element)| element);
        let matched = elements.filter(|element| css.matches(*element, None, &mut caches));
        matched.filter_map(|element| element.attribute_in(&ns!(), "id")).collect()
    }

    #[test]
    fn links_are_those_with_an_address() {
        let page = "<a id=1 href=x></a><a id=2></a><area id=3 href=''><link id=4 href=x><svg><a id=5 href=x></a></svg>";
        assert_eq!(matched(page, ":link"), "13");
        assert_eq!(matched(page, "a:any-link"), "1");
    }

    #[test]
    fn checked_is_what_the_page_says() {
        let page = "<input id=1 type=CheckBox checked><input id=2 type=radio><input id=3 checked>
            <select><option id=4 selected>a<option id=5>b</select>";
        assert_eq!(matched(page, ":checked"), "14");
        assert_eq!(matched(page, "input:not(:checked)"), "23");
    }

    #[test]
    fn controls_are_disabled_by_themselves_or_their_ancestors() {
        let page = "<input id=1 disabled><input id=2><p id=3 disabled>
            <select><optgroup id=4 disabled><option id=5>a</optgroup><option id=6></select>
            <fieldset id=7 disabled><legend><input id=8></legend><legend><input id=9></legend><button id=a></button></fieldset>";
        assert_eq!(matched(page, ":disabled"), "14579a");
        assert_eq!(matched(page, ":enabled"), "268");
    }

    #[test]
    fn a_language_is_that_of_the_nearest_element() {
        let page = "<div lang=de-DE id=1><p id=2><span lang=fr id=3><b id=4></b></span></p></div><p id=5><p lang='' id=6>";
        assert_eq!(matched(page, ":lang(de)"), "12");
        assert_eq!(matched(page, ":lang(fr, 'DE')"), "1234");
        assert_eq!(matched(page, "b:lang(fr)"), "4");
        assert_eq!(matched(page, ":lang('*-DE')"), "12");
        assert_eq!(matched(page, ":lang(d)"), "");
    }

    #[test]
    fn ranges_are_those_of_rfc_4647() {
        for language in ["de-DE", "de-Latn-DE", "de-DE-x-goethe", "de-Deva-DE"] {
            assert!(is_in_range(language, "de-de"), "{language}");
        }

        for language in ["de", "de-x-DE", "de-Deva", "en-DE"] {
            assert!(!is_in_range(language, "de-de"), "{language}");
        }
    }

    #[test]
    fn children_are_counted_among_those_that_match() {
        let page = "<ul><li id=1 class=x><li id=2><li id=3 class=x><li id=4 class=x></ul>";
        assert_eq!(matched(page, "li:nth-child(2 of .x)"), "3");
        assert_eq!(matched(page, "li:nth-last-child(-n+2 of .x)"), "34");
        assert_eq!(matched(page, "li:nth-child(even)"), "24");
    }
}
