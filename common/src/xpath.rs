//! Recognises XPath that was typed where CSS is expected, and translates its common forms to CSS.

use std::fmt::Write;

/// Whether a text that is not CSS is probably XPath. Ignores text in quotes.
pub fn is_xpath(text: &str) -> bool {
    let text = text.trim();
    let bare = without_quoted(text);

    let begins = ["/", "./", "../", "@", "(/", "(./"].iter().any(|start| bare.starts_with(start));
    let holds =
        ["//", "/@", "[@", "text()", "[contains(", "[starts-with(", "[position()", "[last()"];

    // Only at the beginning of a step: `li:first-child::text` has no axis.
    let axes = [
        "child::",
        "descendant::",
        "parent::",
        "ancestor::",
        "following-sibling::",
        "preceding-sibling::",
        "self::",
    ];

    let has_axis = |axis: &&str| bare.starts_with(*axis) || bare.contains(&format!("/{axis}"));
    begins || holds.iter().any(|part| bare.contains(part)) || axes.iter().any(has_axis)
}

/// The column expression for an XPath: `//a/@href` → `a::attr(href)`. `None`: CSS cannot say it.
pub fn expression(text: &str) -> Option<String> {
    let (path, take) = split_take(text.trim());
    Some(format!("{}{take}", selector(&path)?))
}

/// The selector for an XPath of elements: `//div[@class="x"]/a` → `div.x > a`; empty for the record
/// itself. `None`: CSS cannot say it.
pub fn selector(text: &str) -> Option<String> {
    let text = text.trim();
    let (text, from_here) = match text.strip_prefix('.') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => (rest, true),
        _ => (text, false),
    };

    // Step by step: each begins with its separator, the first may have none.
    let mut css = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (combinator, after) = match (rest.strip_prefix("//"), rest.strip_prefix('/')) {
            (Some(after), _) => (" ", after),
            (None, Some(after)) => (" > ", after),
            (None, None) if css.is_empty() => (" ", rest),
            (None, None) => return None,
        };

        let end = end_of_step(after)?;
        let (step, combinator) = axis(&after[..end], combinator)?;

        let first = css.is_empty();
        match (first, combinator) {
            // `./a` is a child of the record; `/html` and `//a` may be anywhere.
            (true, " > ") if from_here => css.push_str("> "),
            (true, " > " | " ") => {}
            (_, combinator) => {
                css.push_str(if first { combinator.trim_start() } else { combinator })
            }
        }

        css.push_str(&compound(step)?);
        rest = &after[end..];
    }
    Some(css)
}

/// Splits an XPath into the path of an element and the part to take from it: `//a/@href` → `//a`,
/// `::attr(href)`.
fn split_take(text: &str) -> (String, String) {
    let text = unwrapped(text);
    // In a predicate a bracket precedes the `@`: nothing is taken there.
    if let Some((path, name)) = text.rsplit_once('@')
        && (path.is_empty() || path.ends_with('/'))
        && is_name(name)
    {
        return (path_before(path), format!("::attr({name})"));
    }

    match text.strip_suffix("text()") {
        Some(path) if path.is_empty() || path.ends_with('/') => {
            (path_before(path), "::text".into())
        }
        _ => (text.into(), "::text".into()),
    }
}

/// The path before the last step, without the `/` or `//` that led to it.
fn path_before(path: &str) -> String {
    path.strip_suffix("//").or(path.strip_suffix('/')).unwrap_or(path).into()
}

/// Removes functions that only make a text, or trim it: `string(//a)` → `//a`.
fn unwrapped(text: &str) -> &str {
    let text = text.trim();
    for name in ["string(", "normalize-space(", "("] {
        if let Some(inner) = text.strip_prefix(name).and_then(|rest| rest.strip_suffix(')')) {
            return unwrapped(inner);
        }
    }
    text
}

/// The end of the first step of a path: the next `/` outside brackets and quotes. `None`: they are
/// not closed, or there are alternatives (`|`).
fn end_of_step(path: &str) -> Option<usize> {
    // Negative after a bracket that was never opened, which then ends as an error.
    let mut depth = 0i32;
    let mut quote = None;

    for (at, c) in path.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth -= 1,
            (None, '/') if depth == 0 => return Some(at),
            // A union of paths would need a list of selectors.
            (None, '|') if depth == 0 => return None,
            _ => {}
        }
    }

    (depth == 0 && quote.is_none()).then_some(path.len())
}

/// Splits the axis off a step. Returns the rest, and the combinator for the axis.
fn axis<'a>(step: &'a str, combinator: &'static str) -> Option<(&'a str, &'static str)> {
    match step.split_once("::") {
        None => Some((step, combinator)),
        Some(("child", step)) => Some((step, combinator)),
        Some(("descendant" | "descendant-or-self", step)) => Some((step, " ")),
        Some(("following-sibling", step)) => Some((step, " ~ ")),
        Some(_) => None,
    }
}

/// The CSS for a step without its axis: `div[@class="x"][1]` → `div.x:nth-of-type(1)`.
fn compound(step: &str) -> Option<String> {
    let (name, mut rest) = step.split_at(step.find('[').unwrap_or(step.len()));
    if name != "*" && !is_name(name) {
        return None;
    }

    let mut css = String::new();
    while let Some(inner) = rest.strip_prefix('[') {
        let end = end_of_bracket(inner)?;
        for part in inner[..end].split(" and ") {
            css.push_str(&predicate(part.trim(), name)?);
        }

        rest = &inner[end + 1..];
    }

    if !rest.is_empty() {
        return None;
    }

    // CSS needs no `*` in front of a class, an attribute or a pseudo-class.
    let any = name == "*" && !css.is_empty();
    Some(if any { css } else { format!("{name}{css}") })
}

fn end_of_bracket(inner: &str) -> Option<usize> {
    let mut depth = 0;
    let mut quote = None;

    for (at, c) in inner.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The CSS for a predicate, the text in the brackets of a step on elements named `name`.
fn predicate(text: &str, name: &str) -> Option<String> {
    // XPath counts only the elements that match the name of the step.
    let of_type = if name == "*" { "child" } else { "of-type" };

    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return Some(format!(":nth-{of_type}({text})"));
    }

    if text == "last()" {
        return Some(format!(":last-{of_type}"));
    }

    if let Some(number) = text.strip_prefix("position()=").or(text.strip_prefix("position() = ")) {
        return predicate(number, name);
    }

    if let Some(inner) = text.strip_prefix("not(").and_then(|rest| rest.strip_suffix(')')) {
        return Some(format!(":not({})", predicate(inner.trim(), name)?));
    }

    if let Some(inner) = text.strip_prefix("contains(").and_then(|rest| rest.strip_suffix(')')) {
        let (attribute, value) = arguments(inner)?;
        // For a class, XPath users nearly always mean the whole name.
        return Some(if attribute == "class" && is_name(value) {
            format!(".{value}")
        } else {
            attr(attribute, "*=", value)
        });
    }

    if let Some(inner) = text.strip_prefix("starts-with(").and_then(|rest| rest.strip_suffix(')')) {
        let (attribute, value) = arguments(inner)?;
        return Some(attr(attribute, "^=", value));
    }

    if let Some(attribute) = text.strip_prefix('@') {
        let Some((attribute, value)) = attribute.split_once('=') else {
            return is_name(attribute).then(|| format!("[{attribute}]"));
        };
        let attribute = attribute.trim();
        let value = unquoted(value.trim())?;
        return match attribute {
            "id" if is_name(value) => Some(format!("#{value}")),
            "class" if value.split(' ').all(is_name) => {
                Some(value.split(' ').fold(String::new(), |mut css, class| {
                    write!(css, ".{class}").expect("writing to memory does not fail");
                    css
                }))
            }
            attribute => is_name(attribute).then(|| attr(attribute, "=", value)),
        };
    }

    // Anything else is a path that must match something.
    let (inner, combinator) = match text.strip_prefix(".//") {
        Some(inner) => (inner, ""),
        None => (text.strip_prefix("./").unwrap_or(text), "> "),
    };
    // CSS has no other functions or comparisons.
    if inner.contains("()") || inner.contains('=') {
        return None;
    }
    Some(format!(":has({combinator}{})", selector(inner)?))
}

/// The two arguments of a function: an attribute and a value.
fn arguments(inner: &str) -> Option<(&str, &str)> {
    let (attribute, value) = inner.split_once(',')?;
    let attribute = attribute.trim().strip_prefix('@').filter(|name| is_name(name))?;
    Some((attribute, unquoted(value.trim())?))
}

fn unquoted(value: &str) -> Option<&str> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = value.strip_prefix(quote)?.strip_suffix(quote)?;
    // CSS would need escapes for these.
    (!inner.contains(['"', '\'', '\\'])).then_some(inner)
}

fn attr(name: &str, operator: &str, value: &str) -> String {
    format!("[{name}{operator}\"{value}\"]")
}

/// Whether the text is a name, written alike in XPath and CSS.
fn is_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(is_letter)
}

fn without_quoted(text: &str) -> String {
    let mut quote = None;
    let is_bare = |c: &char| match quote {
        Some(open) => {
            if *c == open {
                quote = None;
            }
            false
        }
        None => {
            if matches!(c, '"' | '\'') {
                quote = Some(*c);
            }
            quote.is_none()
        }
    };

    text.chars().filter(is_bare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_forms_become_css() {
        let cases = [
            ("//a/@href", "a::attr(href)"),
            ("@href", "::attr(href)"),
            ("./@id", "::attr(id)"),
            (".", "::text"),
            ("text()", "::text"),
            (".//h2/text()", "h2::text"),
            ("./h2//text()", "> h2::text"),
            ("h1/a/text()", "h1 > a::text"),
            ("/html/body/div[2]/p", "html > body > div:nth-of-type(2) > p::text"),
            ("//*[@id='main']//td[last()]", "#main td:last-of-type::text"),
            ("//div[@class=\"a b\"]/span", "div.a.b > span::text"),
            ("//div[contains(@class, 'price')]", "div.price::text"),
            ("//a[starts-with(@href,'http://')]/@href", "a[href^=\"http://\"]::attr(href)"),
            ("//a[@href and not(@rel='nofollow')]", "a[href]:not([rel=\"nofollow\"])::text"),
            ("//tr[td]", "tr:has(> td)::text"),
            ("//tr[.//a]", "tr:has(a)::text"),
            ("//dt/following-sibling::dd", "dt ~ dd::text"),
            ("string(//h1)", "h1::text"),
            ("normalize-space(.//p)", "p::text"),
            ("(//p)[1]", ""),
            ("//a[text()='more']", ""),
            ("//a/..", ""),
            ("//a | //b", ""),
            ("//p/ancestor::div", ""),
        ];

        for (xpath, css) in cases {
            assert!(is_xpath(xpath) || xpath == "." || xpath == "h1/a/text()", "{xpath}");
            assert_eq!(expression(xpath).unwrap_or_default(), css, "{xpath}");
        }
    }

    #[test]
    fn css_is_no_xpath() {
        for css in [
            "a",
            "a[href^=\"http://x\"]",
            "a > b",
            ".a::text",
            "a::attr(href)",
            "p:nth-child(2)",
            "a:contains(b)",
            "li:first-child::x",
            "p:last()",
        ] {
            assert!(!is_xpath(css), "{css}");
        }
    }

    #[test]
    fn any_text_is_survived() {
        let pieces = [
            "/", "//", "a", "[", "]", "@", "'", "\"", "(", ")", "=", "::", ".", "text()", "한",
            " and ", "|", ",",
        ];

        let mut seed = 7u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..(seed >> 60) {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
            }
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);

            let _ = (is_xpath(&text), expression(&text), selector(&text));
        }
    }
}
