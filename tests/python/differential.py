#!/usr/bin/env python3
"""Writes random documents and the rows that BeautifulSoup over html5lib finds in them.

usage: differential.py DIR COUNT SEED      writes DIR/in/doc_N.html, and DIR/expected.jsonl with one line a document:
                                           {"file": NAME, "rows": [{"id", "title", "text"}, …]}
       differential.py --classes DIR       the same for the documents of CLASSES, with "rule" and "standard" in each line

CLASSES are the cases where html5lib 1.1 departs from today's HTML standard, each with the rule and the texts by the
standard. The random documents have none of them, so that the two parsers must agree on every one.
"""
import json, os, random, sys, warnings
from bs4 import BeautifulSoup

warnings.filterwarnings("ignore")

WORDS = ["sheaf", "볏단", "сноп", "稲の束", "😀", "a\tb", "two\nlines", "CR\rLF\r\n", " ", "", "x &amp y", "1 < 2", "&", "&#"]
REFERENCES = ["&amp;", "&lt;", "&notit;", "&not", "&notin;", "&#1;", "&#13;", "&#0;", "&#x80;", "&#xD800;", "&#x110000;",
              "&#65", "&#x41;", "&nbsp;", "&CounterClockwiseContourIntegral;", "&nosuch;", "&AMP", "&NotEqualTilde;", "\x01"]
BLOCKS = ["p", "div", "ul", "ol", "li", "dl", "dt", "dd", "h1", "h3", "section", "blockquote", "pre", "center", "form",
          "address", "fieldset", "button", "figure", "listing", "article"]
FORMATTING = ["a", "b", "i", "em", "font", "nobr", "code", "u", "strong", "small", "tt"]
INLINE = ["span", "unknown", "x-custom", "label", "sub", "object", "marquee", "applet", "ruby", "rt", "rp"]
TABLE = ["table", "tbody", "thead", "tfoot", "tr", "td", "th", "caption", "colgroup"]
VOID = ["br", "hr", "img", "input", "wbr", "col", "embed", "image", "param", "meta", "link"]
RAW = ["script", "style", "xmp", "iframe", "noembed", "noframes", "textarea", "title"]
STRAY = ["</p>", "</br>", "</nosuch>", "</table>", "</b>", "</a>", "</h2>", "</form>", "</doc>", "</li>", "</td>", "</div>",
         "</body>", "<html lang=x>", "<body class=y>", "<head>", "</head>", "<!-- a -- b -->", "<!-->", "<!--->", "<!x>",
         "<?php 1 ?>", "</ x>", "<!DOCTYPE html>", "<3", "<>", "</>", "<![CDATA[no]]>", "<frameset>", "<frame>"]


class Generator:
    """One random document; `rest` bounds its size."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.rest, self.number = self.random.randint(20, 120), 0

    def document(self):
        head = self.random.choice(["", "<!DOCTYPE html>", "<html><head><title>t</title></head><body>", "<!DOCTYPE html>\n<p>"])
        return head + "".join(self.record() for _ in range(self.random.randint(1, 3))) + self.random.choice(["", "</body>", "x"])

    def record(self):
        self.number += 1
        title = self.random.choice(["", " title=x", f' title="{self.text()}"', f" title='{self.reference()}'", " TITLE"])
        close = self.random.choice(["</doc>"] * 6 + ["", "</DOC >"])
        return f"<doc id={self.number}{title}>{self.content(0)}{close}"

    def content(self, depth):
        return "".join(self.piece(depth) for _ in range(self.random.randint(0, 6)))

    def piece(self, depth):
        self.rest -= 1
        if self.rest < 0 or depth > 7:
            return self.text()
        kinds = [(9, self.text), (3, self.reference), (1, lambda: f"<{self.pick(VOID)}>"), (1, lambda: self.pick(STRAY)),
                 (6, lambda: self.element(BLOCKS, depth)), (6, lambda: self.element(FORMATTING, depth)),
                 (2, lambda: self.element(INLINE, depth)), (4, lambda: self.element(TABLE, depth)),
                 (1, lambda: self.raw(depth)), (1, lambda: self.select()), (1, lambda: self.foreign(depth)),
                 (1, lambda: f"<noscript>{self.content(depth + 1)}</noscript>"), (1, self.misnested),
                 (1, lambda: self.record() if depth < 4 else "")]
        weights, makers = zip(*kinds)
        return self.random.choices(makers, weights)[0]()

    def element(self, names, depth):
        name = self.pick(names)
        close = self.random.choices([f"</{name}>", "", f"</{self.pick(names)}>"], [8, 2, 1])[0]
        return f"<{name}{self.random.choice(['', ' a=1', ' a a=2'])}>{self.content(depth + 1)}{close}"

    def raw(self, depth):
        name = self.pick(RAW)
        return f"<{name}>{self.text()}<b>{self.reference()}</b><!-- --></{name}>"

    def select(self):
        options = "".join(f"<option>{self.text()}{self.random.choice(['', '</option>'])}" for _ in range(self.random.randint(0, 3)))
        return f"<select>{self.random.choice(['', '<optgroup>'])}{options}</select>"

    def foreign(self, depth):
        outer, inner = self.random.choice([("svg", "g"), ("svg", "title"), ("svg", "foreignObject"), ("math", "mi"), ("math", "mrow")])
        cdata = self.random.choice(["", "<![CDATA[a<b&amp;]]>"]) if inner in ("g", "mrow") else ""
        return f"<{outer}><{inner}>{self.text()}{cdata}</{inner}></{outer}>"

    def misnested(self):
        first, second = self.pick(FORMATTING), self.pick(FORMATTING + BLOCKS)
        return f"<{first}>{self.text()}<{second}>{self.text()}</{first}>{self.text()}</{second}>"

    def text(self):
        return self.pick(WORDS) + self.random.choice(["", " "]) + self.pick(WORDS)

    def reference(self):
        return self.pick(REFERENCES)

    def pick(self, names):
        return self.random.choice(names)


# name: (the rule of the HTML standard that html5lib 1.1 does not follow, the document, the texts of its records by the
# standard)
SPECIAL = "13.2.4.2: the element is in the category special, so an unknown end tag outside it is ignored"
CLOSES_P = '13.2.6.4.7, "in body": the start tag closes a p element'
CLASSES = {
    "template": ("4.12.3: what is inside a template is not its child", "<doc>a<template>b<p>c</template>d</doc>", ["ad"]),
    "special-main": (SPECIAL, "<doc>a<main>b</doc>c", ["abc"]),
    "special-summary": (SPECIAL, "<doc>a<summary>b</doc>c", ["abc"]),
    "special-figcaption": (SPECIAL, "<doc>a<figcaption>b</doc>c", ["abc"]),
    "closes-p-search": (CLOSES_P, "<p><doc>a<search>b</search></doc>c", ["a"]),
    "closes-p-dialog": (CLOSES_P, "<p><doc>a<dialog>b", ["a"]),
    "isindex": ("16.2: isindex is no more than an unknown element", '<doc>a<isindex prompt="x">b</doc>', ["ab"]),
    "select": ('13.2.6.4.7 since 2025: the content of a select is parsed as "in body"',
               "<select><doc>a<b>c</b></doc></select>", ["ac"]),
    "foster-parenting": ("13.2.6.4.9: foster parenting stays on until the token is done, implied end tags included",
                         "<doc><table>  <p><dt>x", ["x  "]),
    "adoption-in-table": ("13.2.6.4.7, adoption agency: the common ancestor takes the last node, by foster parenting if need be",
                          "<table><em><small><fieldset></em></table><doc>x", ["x"]),
    "adoption-inner-loop": ("13.2.6.4.7, adoption agency: past three, the inner loop removes formatting elements and goes on",
                            "<doc><nobr><code><rt><tt><a><h3></nobr></h3>x</tt>y", ["xy"]),
}


def rows(html):
    soup = BeautifulSoup(html.replace("\r\n", "\n").replace("\r", "\n").strip(), "html5lib")
    return [{"id": d.get("id"), "title": d.get("title"), "text": d.text} for d in soup.find_all("doc")]


def main(folder, documents):
    os.makedirs(f"{folder}/in", exist_ok=True)
    with open(f"{folder}/expected.jsonl", "w", encoding="utf-8") as expected:
        for name, html, more in documents:
            with open(f"{folder}/in/{name}", "w", encoding="utf-8", newline="") as f:
                f.write(html)
            print(json.dumps({"file": name, "rows": rows(html), **more}), file=expected)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--classes":
        main(sys.argv[2], ((f"{name}.html", html, {"rule": rule, "standard": texts})
                           for name, (rule, html, texts) in CLASSES.items()))
    elif len(sys.argv) == 4:
        count, seed = int(sys.argv[2]), int(sys.argv[3])
        main(sys.argv[1], ((f"doc_{n}.html", Generator(seed * 1_000_003 + n).document(), {}) for n in range(count)))
    else:
        sys.exit(__doc__)
