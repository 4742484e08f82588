//! The recipe's CSS: compiled once, matched against every element.
//!
//! Uses the `selectors` crate beneath scraper, as that matches the elements of any reader. It also
//! has four things that scraper's own `Selector` lacks: the position of an error, a leading
//! combinator (`> p`), caches that live as long as a document (without them `:nth-child` is
//! quadratic), and room for more pseudo-classes ([`super::pseudo`]).
//!
//! Classes and ids are case-sensitive even in quirks mode: a record must not depend on a doctype.

use cssparser::{BasicParseErrorKind, ParseErrorKind, Token};
use html5ever::LocalName;
use selectors::matching::{
    MatchingContext, MatchingForInvalidation, MatchingMode, NeedsSelectorFlags, QuirksMode,
    SelectorCaches, matches_selector_list,
};
use selectors::parser::{Component, ParseRelative, Selector, SelectorList, SelectorParseErrorKind};

use SelectorParseErrorKind::{DanglingCombinator, EmptySelector};

use super::pseudo::{Dialect, Parser};
use super::reader::{Element, Matched};
use super::setup::{Place, SetupError};
use sheaf_common::xpath::{self, is_xpath};

/// A compiled selector group.
pub(super) struct Css {
    list: SelectorList<Dialect>,
    /// Set if the whole group is one lowercase element name. Comparing that is faster than
    /// matching.
    name: Option<LocalName>,
}

impl Css {
    /// Compiles the selector of the records.
    ///
    /// # Errors
    /// [`SetupError::Selector`].
    pub(super) fn record(text: &str) -> Result<Css, SetupError> {
        Css::compile(text, Place::Record, ParseRelative::No)
    }

    /// Compiles the selector of a column. It may begin with a combinator, which is then relative to
    /// the record.
    ///
    /// # Errors
    /// [`SetupError::Selector`].
    pub(super) fn column(text: &str, name: &str) -> Result<Css, SetupError> {
        Css::compile(text, Place::Column(name.into()), ParseRelative::ForScope)
    }

    fn compile(text: &str, place: Place, relative: ParseRelative) -> Result<Css, SetupError> {
        let list = SelectorList::parse(&Parser, &mut cssparser::Parser::new(text), relative)
            .map_err(|error| explain(text, place, relative, &error.kind))?;
        let name = only_name(&list);
        Ok(Css { list, name })
    }

    /// The element name, if the selector is nothing else.
    pub(super) fn name(&self) -> Option<&LocalName> {
        self.name.as_ref()
    }

    /// Whether the selector matches `element`. `scope` is the element for `:scope`; `None`: the
    /// root.
    pub(super) fn matches<'a, E: Element<'a>>(
        &self,
        element: E,
        scope: Option<E>,
        caches: &mut SelectorCaches,
    ) -> bool {
        // The usual case: comparing a name is cheaper than matching.
        if let Some(name) = &self.name {
            return element.is_named(name);
        }

        let mut context = MatchingContext::new(
            MatchingMode::Normal,
            None,
            caches,
            QuirksMode::NoQuirks,
            NeedsSelectorFlags::No,
            MatchingForInvalidation::No,
        );

        context.scope_element = scope.map(Element::identity);
        matches_selector_list(&self.list, &Matched::of(element), &mut context)
    }
}

/// The element name, if `list` is nothing else. Names with capitals do not count, as their match
/// depends on the namespace.
fn only_name(list: &SelectorList<Dialect>) -> Option<LocalName> {
    let [selector] = list.slice() else { return None };
    let mut parts = selector.iter_raw_match_order();
    match (parts.next(), parts.next()) {
        (Some(Component::LocalName(part)), None) if part.name == part.lower_name => {
            Some(part.name.0.clone())
        }
        _ => None,
    }
}

type Kind = ParseErrorKind<<Parser as selectors::Parser<'static>>::Error>;

const ATTRIBUTES: &str = "attributes are selected as `[href]`, `[href=\"x\"]`, `[href^=\"http\"]`";
const NAMESPACES: &str = "select by the name alone, as `a`: it matches in every namespace";

/// Turns the parser's error into one with a position, a reason and a hint.
fn explain(text: &str, place: Place, relative: ParseRelative, kind: &Kind) -> SetupError {
    if is_xpath(text) {
        return SetupError::XPath { selector: text.into(), css: xpath::selector(text), place };
    }

    let unread = matches!(kind, ParseErrorKind::Custom(EmptySelector | DanglingCombinator));
    let (mut byte, mut token) = locate(text, relative, unread);
    // An unclosed bracket is shown where it opens; any other early end at the end.
    let ends = matches!(kind, ParseErrorKind::Basic(BasicParseErrorKind::EndOfInput));
    if ends && !token.starts_with(['[', '(']) {
        (byte, token) = (text.len(), String::new());
    }

    let end = token.is_empty();
    let found = if end { "the selector ends".to_string() } else { format!("got `{token}`") };

    let mut hint = None;
    let reason = match kind {
        ParseErrorKind::Custom(kind) => match kind {
            EmptySelector if text.trim().is_empty() => "the selector is empty".into(),
            DanglingCombinator if end || token == "," => "nothing follows the combinator".into(),
            EmptySelector | DanglingCombinator => {
                hint = tag(text);
                format!("expected a selector, {found}")
            }
            SelectorParseErrorKind::ClassNeedsIdent if token == "." => {
                byte += 1;
                "expected a class name after `.`".into()
            }
            SelectorParseErrorKind::ClassNeedsIdent => {
                format!("expected a class name after `.`, {found}")
            }
            SelectorParseErrorKind::ExpectedNamespace => {
                hint = Some(NAMESPACES.into());
                format!("namespace prefixes are not supported, {found}")
            }
            SelectorParseErrorKind::UnsupportedPseudoClassOrElement => {
                let before = text[..byte].trim_end_matches(':');
                let colons = byte - before.len();
                byte = before.len();
                token.insert_str(0, &":".repeat(colons));
                hint = instead_of(&token);
                not_static(&token)
            }
            SelectorParseErrorKind::PseudoElementExpectedColon
            | SelectorParseErrorKind::PseudoElementExpectedIdent
            | SelectorParseErrorKind::NoIdentForPseudo => {
                format!("expected a name after `:`, {found}")
            }
            SelectorParseErrorKind::NoQualifiedNameInAttributeSelector
            | SelectorParseErrorKind::UnexpectedTokenInAttributeSelector
            | SelectorParseErrorKind::ExpectedBarInAttr
            | SelectorParseErrorKind::BadValueInAttr
            | SelectorParseErrorKind::InvalidQualNameInAttr => {
                hint = Some(ATTRIBUTES.into());
                "cannot read the attribute selector".into()
            }
            _ => format!("unexpected part of a selector, {found}"),
        },
        ParseErrorKind::Basic(_) if end => "the selector ends too early".into(),
        ParseErrorKind::Basic(_) => {
            hint = tag(text);
            format!("expected a selector, {found}")
        }
    };

    let hint = hint.or_else(|| leading_combinator(text, &place));
    let at = text[..byte].chars().count();
    SetupError::Selector { place, selector: text.into(), at, reason, hint }
}

/// The byte offset and the text of the token at which parsing `text` fails; at the end, the length
/// of `text` and an empty string.
///
/// The parser does not report where it failed, but it stops after the token that it could not use.
/// For some errors it stops before that token: then the caller passes `unread`.
fn locate(text: &str, relative: ParseRelative, unread: bool) -> (usize, String) {
    let mut input = cssparser::Parser::new(text);
    let start = input.position();
    if !matches!(relative, ParseRelative::No) {
        input.skip_whitespace();
        let state = input.state();
        if !matches!(input.next(), Ok(Token::Delim('>' | '+' | '~'))) {
            input.reset(&state);
        }
    }

    // The first token after a selector is the culprit, unless it is a comma.
    while Selector::parse(&Parser, &mut input).is_ok() && matches!(input.next(), Ok(Token::Comma)) {
    }
    let stop = input.slice_from(start).len();

    // Tokenize again, now that it is known where to stop.
    let mut tokens = cssparser::Parser::new(text);
    let start = tokens.position();
    let mut last = (text.len(), String::new());
    loop {
        let state = tokens.state();
        let begin = tokens.slice_from(start).len();
        if begin >= stop && !unread && !last.1.is_empty() {
            return last;
        }

        match tokens.next_including_whitespace() {
            Ok(Token::WhiteSpace(_)) => {}
            Ok(_) if unread && begin >= stop => {
                return (begin, tokens.slice_from(state.position()).into());
            }
            Err(_) if unread => return (text.len(), String::new()),
            Ok(_) => last = (begin, tokens.slice_from(state.position()).into()),
            Err(_) => return last,
        }
    }
}

/// Why a pseudo-class or pseudo-element cannot be used.
fn not_static(token: &str) -> String {
    const OF_A_USER: [&str; 12] = [
        "active",
        "autofill",
        "focus",
        "focus-visible",
        "focus-within",
        "fullscreen",
        "hover",
        "indeterminate",
        "target",
        "user-invalid",
        "user-valid",
        "visited",
    ];

    if token.starts_with("::") {
        return format!(
            "`{token}` selects a part of an element; only whole elements can be selected"
        );
    }

    if OF_A_USER.contains(&token.trim_start_matches(':').trim_end_matches('(')) {
        format!("`{token}` depends on what a user does and never matches in a file")
    } else {
        format!("`{token}` is not supported")
    }
}

/// A hint on how to replace a pseudo-class of jQuery or other tools.
fn instead_of(pseudo: &str) -> Option<String> {
    let name = pseudo.trim_start_matches(':').trim_end_matches('(');
    let hint = match name {
        "first" => "`:first-of-type` or `:first-child`; a column takes the first match anyway",
        "last" => "`:last-of-type` or `:last-child`",
        "eq" | "nth" => "`:nth-child(N)`, counted from 1",
        "even" | "odd" => "`:nth-child(even)` or `:nth-child(odd)`, counted from 1",
        "contains" | "-soup-contains" | "icontains" => {
            "elements cannot be selected by their text; select by element, class or attribute"
        }
        "text" | "attr" => {
            "`::text` and `::attr(NAME)` may appear once, at the end of a column's expression"
        }
        _ => return None,
    };
    Some(hint.into())
}

/// A hint for a tag such as `<doc>` in place of a selector.
fn tag(text: &str) -> Option<String> {
    let name: String = text
        .trim()
        .strip_prefix('<')?
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '-')
        .collect();

    (!name.is_empty()).then(|| format!("elements are selected by their name alone: `{name}`"))
}

/// A hint for a record that begins with a combinator, which only a column may.
fn leading_combinator(text: &str, place: &Place) -> Option<String> {
    let rest = text.trim_start().strip_prefix(['>', '+', '~'])?;
    (*place == Place::Record)
        .then(|| format!("a record is searched in the whole document: `{}`", rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    fn wrong(text: &str) -> (usize, String, Option<String>) {
        match Css::record(text).err().unwrap_or_else(|| panic!("`{text}` was taken")) {
            SetupError::Selector { at, reason, hint, .. } => (at, reason, hint),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn an_error_says_where_and_what() {
        assert_eq!(wrong("").1, "the selector is empty");
        assert_eq!(wrong("div.").0, 4);
        assert_eq!(wrong("div. > p").0, 4);
        assert_eq!(wrong("div >").1, "nothing follows the combinator");
        assert_eq!(wrong("ü, p:hover").0, 4);
        assert_eq!(
            wrong("p:hover").1,
            "`:hover` depends on what a user does and never matches in a file"
        );

        assert_eq!(wrong("p:valid").1, "`:valid` is not supported");
        assert!(wrong("p::first-line").1.starts_with("`::first-line` selects a part"));
        assert_eq!(wrong("a[href=").0, 1);
        assert_eq!(wrong("a[=x]").0, 1);
        assert_eq!(wrong("a $ b").0, 2);
        assert_eq!(wrong("a, , b").0, 3);
        assert_eq!(wrong("a b ]").0, 4);
        assert_eq!(wrong("<a>").0, 0);
        assert_eq!(wrong(".5").0, 0);

        assert!(wrong("<doc id=1>").2.unwrap().ends_with("`doc`"));
        assert!(wrong("p:eq(3)").2.unwrap().contains("nth-child"));
        assert!(wrong("> p").2.unwrap().contains("`p`"));
    }

    #[test]
    fn the_message_names_the_column_and_points() {
        let error = Css::column("div. > p", "price").err().unwrap();
        assert_eq!(
            error.to_string(),
            "column `price`: expected a class name after `.`, at character 5 of `div. > p`"
        );
        assert_eq!(error.pointer().unwrap(), "div. > p\n    ^");
    }

    #[test]
    fn xpath_is_told_the_css() {
        let error = Css::record("//div[@class='x']").err().unwrap();
        assert_eq!(
            error.to_string(),
            "record: `//div[@class='x']` is XPath, expected a CSS selector"
        );
        assert_eq!(error.hint().as_deref(), Some("in CSS: `div.x`"));
        assert!(Css::column("//a[text()='x']", "c").err().unwrap().hint().unwrap().contains("CSS"));
        assert!(matches!(Css::record("a[href='//x'"), Ok(_) | Err(SetupError::Selector { .. })));
    }

    #[test]
    fn combinators_may_lead_in_columns_only() {
        for text in [
            "> p",
            ":scope > p",
            "+ p",
            "p, > a",
            "li:nth-child(2n+1)",
            "a:has(> b)",
            "p:not(.x, #y)",
        ] {
            assert!(Css::column(text, "x").is_ok(), "{text}");
        }

        assert!(Css::record("> p").is_err());
        assert!(Css::column("> > p", "x").is_err());
    }

    #[test]
    fn any_text_compiles_or_is_explained() {
        let letters: Vec<char> =
            "ap.#[]=\"':()*>+~|,\\ \n\u{fc}\u{1f600}\0-0n^$!@{};/".chars().collect();
        let mut random = Rng::with_seed(1);
        for _ in 0..20_000 {
            let length = random.usize(..16);
            let text: String =
                (0..length).map(|_| letters[random.usize(..letters.len())]).collect();

            for error in
                [Css::record(&text).err(), Css::column(&text, "x").err()].into_iter().flatten()
            {
                match error {
                    SetupError::Selector { at, .. } => assert!(at <= text.chars().count()),
                    SetupError::XPath { .. } => {}
                    SetupError::Encoding { .. } => panic!("{error}"),
                }
            }
        }
    }
}
