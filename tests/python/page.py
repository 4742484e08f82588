"""The page of `sheaf serve` in a real browser.

    page.py SHEAF CHROMIUM FOLDER

Starts the service SHEAF (a program; further words are its first arguments) with its data below FOLDER, and does what
users do. Prints each check; exits 1 at the first that fails, with a picture of the page in FOLDER/failed.png.
"""

import hashlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

sheaf, chromium, folder = shlex.split(sys.argv[1]), shutil.which(sys.argv[2]), Path(sys.argv[3])
expect.set_options(timeout=15_000)

FULL, READ = "full-0123456789abcdef-token", "read-0123456789abcdef-token"
HOSTILE = "shop/<img src=x onerror=alert(1)>\u202egpj.html"
GOOD = b'<doc id="1" title="One">Some text.</doc>\n'


class Service:
    """A running service, and requests to it past the page."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.token = None
        self.process = None

    def start(self, *options):
        command = [*sheaf, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", folder / "data", "-p", "2"]
        log = open(folder / "service.log", "ab")
        self.process = subprocess.Popen([*command, *options], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"{self.base}/readyz").close()
                return
            except OSError:
                ends = self.process.poll() is not None or time.monotonic() > deadline
                assert not ends, (folder / "service.log").read_text()
                time.sleep(0.02)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(30)

    def ask(self, method, path, body=None, kind="application/json"):
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from error

    def submit(self, name, files, **job):
        """A job with `files`: pairs of a path and its content. Each content is sent once."""
        contents = {hashlib.sha256(content).hexdigest(): content for content in {content for _, content in files}}
        for sha256, content in contents.items():
            self.ask("PUT", f"/v1/contents/{sha256}", content, "application/octet-stream")
        inputs = [
            {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            for path, content in files
        ]
        return self.ask("POST", "/v1/jobs", {"name": name, "inputs": {"files": inputs}, **job})["id"]

    def until(self, id, *states):
        deadline = time.monotonic() + 30
        while (job := self.ask("GET", f"/v1/jobs/{id}"))["state"] not in states:
            assert time.monotonic() < deadline, f"job {id} is {job['state']}, not one of {states}"
            time.sleep(0.05)
        return job


service = Service()
checks = []


def check(function):
    checks.append(function)
    return function


def files(name, amount, content=GOOD):
    return [(f"{name}/wiki_{index:05}.html", content) for index in range(amount)]


def slow(name):
    """Files that take some seconds: large ones, of which each is its own."""
    content = b"".join(b'<doc id="%d" title="T">%s</doc>\n' % (i, name.encode() * 40) for i in range(2000))
    return [(f"{name}/large_{index:04}.html", content) for index in range(400)]


def state(page):
    return page.locator("main .title .state")


def overflow(page):
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def open_page(page, path):
    page.evaluate("path => { location.hash = path; }", path)


# --- what users do, in this order -------------------------------------------------------------------------------------


@check
def an_empty_service_says_how_to_begin(page):
    page.goto(service.base)
    expect(page.locator(".empty")).to_contain_text("sheaf submit")
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#about")).to_contain_text("free")


@check
def jobs_appear_and_end_without_a_reload(page):
    page.evaluate("window.isSame = true")
    broken = [("b/zip.gz", b"\x1f\x8b\x08\x00 no gzip"), (HOSTILE, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)]
    service.submit("feeds", files("feeds", 40) + broken)
    row = page.locator("tr.job", has_text="feeds")
    expect(row.locator(".state")).to_have_text("done with failures")
    expect(row).to_contain_text("42 files")
    expect(page.locator("#said")).to_have_text("feeds is done with failures: 2 of 42 files failed.")
    assert page.evaluate("window.isSame")


@check
def the_keyboard_opens_a_job(page):
    page.keyboard.press("j")
    expect(page.locator("tr.job a.name").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("feeds")
    page.keyboard.press("?")
    expect(page.locator("#keys-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys-dialog")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("h1")).to_have_text("Jobs")
    page.locator("tr.job a.name").first.click()
    expect(page.locator("h1")).to_have_text("feeds")


@check
def a_job_shows_figures_recipe_and_failures(page):
    expect(page.locator("[data-figure=files]")).to_have_text("42")
    expect(page.locator("[data-figure=rows]")).to_have_text("40")
    expect(page.locator("[data-figure=failed]")).to_have_text("2")
    expect(page.locator(".facts").first).to_contain_text("::attr(title)")
    expect(page.locator(".kind")).to_have_count(2)
    lines = page.locator(".files tbody tr")
    expect(lines).to_have_count(2)
    # What files are called is text, and cannot turn the direction of writing.
    expect(page.locator(".files")).to_contain_text("<img src=x onerror=alert(1)>\\u{202e}gpj.html")
    assert page.locator("main img").count() == 0
    page.keyboard.press("/")
    page.keyboard.type("zip")
    expect(lines).to_have_count(1)
    page.keyboard.press("Escape")
    expect(lines).to_have_count(2)
    page.locator(".kind").first.click()
    expect(lines).to_have_count(1)
    expect(page.locator(".actions")).to_contain_text("Retry 1 ")
    page.locator(".kind[aria-pressed=true]").click()
    expect(lines).to_have_count(2)


@check
def outputs_are_downloaded_whole(page):
    with page.expect_download() as download:
        page.get_by_role("button", name="Download final.xlsx").click()
    assert download.value.suggested_filename == "final.xlsx"
    content = Path(download.value.path()).read_bytes()
    expect(page.locator(".hash")).to_have_text(hashlib.sha256(content).hexdigest())
    with page.expect_download() as download:
        page.get_by_role("button", name="Job log").click()
    assert b"not" in Path(download.value.path()).read_bytes()


@check
def a_job_is_paused_and_goes_on(page):
    id = service.submit("slow", slow("one"))
    open_page(page, f"/jobs/{id}")
    expect(state(page)).to_have_text("running")
    # Several times: the answer to the button and the events may come in any order.
    for _ in range(3):
        page.get_by_role("button", name="Pause").click()
        expect(state(page)).to_have_text("paused")
        expect(page.locator("#waits-title")).to_be_visible()
        page.get_by_role("button", name="Resume").click()
        expect(state(page)).to_have_text("running")
    # Live: the figures move, and so does the plot.
    before = page.locator("[data-figure=bytes]").text_content()
    expect(page.locator("[data-figure=bytes]")).not_to_have_text(before)
    expect(page.locator("svg.plot path.line")).to_be_attached()
    expect(page.locator("svg.plot")).to_contain_text("MB/s")


@check
def a_job_is_cancelled_by_keyboard(page):
    page.locator("h1").focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Cancel…":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#ask-field")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#ask-dialog")).to_be_hidden()
    expect(state(page)).to_have_text("running")
    page.keyboard.press("Enter")
    page.keyboard.type("wrong folder")
    page.keyboard.press("Enter")
    expect(state(page)).to_have_text("cancelled")
    expect(page.locator(".why")).to_contain_text("wrong folder")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


@check
def ten_thousand_failed_files_stay_quick(page):
    broken = [(f"many/wiki_{index:05}.gz", b"\x1f\x8b\x08\x00 no gzip") for index in range(10_000)]
    id = service.submit("many failures", broken)
    open_page(page, f"/jobs/{id}")
    service.until(id, "done-with-failures")
    expect(state(page)).to_have_text("done with failures")
    place = page.locator(".place")
    expect(place).to_have_text("1–50 of 10,000")
    assert page.locator(".files tbody tr").count() == 50
    begun = time.monotonic()
    page.get_by_role("button", name="Last").click()
    expect(place).to_have_text("9,951–10,000 of 10,000")
    page.locator("#file-search").fill("wiki_04321")
    expect(place).to_have_text("1–1 of 1")
    page.locator("#file-search").fill("")
    expect(place).to_have_text("1–50 of 10,000")
    page.locator("h1").focus()
    page.keyboard.press("n")
    expect(place).to_have_text("51–100 of 10,000")
    assert time.monotonic() - begun < 5


@check
def lists_are_filtered_by_state_and_name(page):
    open_page(page, "/")
    expect(page.locator("tr.job")).to_have_count(3)
    page.locator("#job-state").select_option("cancelled")
    expect(page.locator("tr.job")).to_have_count(1)
    expect(page.locator("tr.job")).to_contain_text("slow")
    page.locator("#job-state").select_option("")
    page.locator("#job-search").fill("FEED")
    expect(page.locator("tr.job")).to_have_count(1)
    page.locator("#job-search").fill("nothing of that name")
    expect(page.locator(".empty")).to_contain_text("No job matches")
    page.get_by_role("link", name="Show all jobs").click()
    expect(page.locator("tr.job")).to_have_count(3)


CONTRAST = """() => {
    const numbers = (text) => {
        const found = /^rgba?\\(([^)]+)\\)$/.exec(text);
        return found ? found[1].split(/[ ,/]+/).map(Number) : null;
    };
    const light = ([r, g, b]) => [r, g, b].reduce((sum, value, index) => {
        const part = value / 255;
        const linear = part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        return sum + linear * [0.2126, 0.7152, 0.0722][index];
    }, 0);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = numbers(getComputedStyle(at).backgroundColor);
            if (colour && (colour[3] ?? 1) === 1) return colour;
        }
        return [255, 255, 255];
    };
    const bad = [];
    for (const element of document.querySelectorAll("body *")) {
        const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!hasText || !element.checkVisibility() || element.disabled) continue;
        const style = getComputedStyle(element);
        const colour = numbers(element instanceof SVGElement ? style.fill : style.color);
        if (!colour) continue;
        const [one, other] = [light(colour), light(ground(element))].sort((a, b) => b - a);
        if ((one + 0.05) / (other + 0.05) < 4.5) bad.push(`${element.tagName} ${element.textContent.slice(0, 40)}`);
    }
    return bad;
}"""


@check
def pages_fit_phones_and_both_schemes(page):
    failures = next(job["id"] for job in service.ask("GET", "/v1/jobs")["jobs"] if job["name"] == "feeds")
    grounds = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for path, heading in (("/", "Jobs"), (f"/jobs/{failures}", "feeds"), ("/workers", "Workers")):
            for width in (360, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                open_page(page, path)
                expect(page.locator("h1")).to_have_text(heading)
                expect(page.locator("tbody tr").first).to_be_visible()
                assert overflow(page) <= 0, f"{path} is {overflow(page)} px wider than {width}"
                assert page.evaluate(CONTRAST) == [], f"{path} in {scheme}: {page.evaluate(CONTRAST)}"
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2, grounds
    expect(page.locator("table.workers")).to_contain_text("of 2 slots")


@check
def a_restart_is_noticed_and_mended(page):
    open_page(page, "/")
    expect(page.locator("tr.job")).to_have_count(3)
    service.stop(signal.SIGKILL)
    expect(page.locator("#link")).to_have_text("reconnecting")
    expect(page.locator("#offline")).to_be_visible()
    service.start()
    # Before the page is there again: it cannot have heard of it.
    id = service.submit("meanwhile", files("meanwhile", 3))
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("tr.job", has_text="meanwhile").locator(".state")).to_have_text("done")
    open_page(page, f"/jobs/{id}")
    page.get_by_role("button", name="Remove…").click()
    page.get_by_role("button", name="Remove the job").click()
    expect(page.locator("main")).to_contain_text("This job was removed.")


@check
def a_token_is_asked_for(page):
    service.stop()
    tokens = folder / "tokens"
    tokens.write_text(f"full {FULL}\nread {READ}\n")
    tokens.chmod(0o600)
    service.start("--token-file", tokens)
    service.token = FULL
    page.goto("about:blank")
    page.goto(service.base)
    field = page.locator("#token-field")
    expect(field).to_be_focused()
    assert page.locator("tr.job").count() == 0
    field.fill("wrong-0123456789abcdef-token")
    page.keyboard.press("Enter")
    expect(page.locator("#token-why")).to_contain_text("does not take this token")
    field.fill(FULL)
    page.keyboard.press("Enter")
    expect(page.locator("tr.job")).to_have_count(3)
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#no-token")).to_be_hidden()
    assert FULL not in page.content()
    page.locator("tr.job", has_text="feeds").locator("a.name").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download final.xlsx").click()
    assert Path(download.value.path()).read_bytes()[:2] == b"PK"


@check
def a_reader_gets_no_buttons(page):
    page.goto("about:blank")
    page.goto(f"{service.base}/#token={READ}")
    expect(page.locator("#about")).to_contain_text("read only")
    assert "token" not in page.url, page.url
    page.locator("tr.job", has_text="feeds").locator("a.name").click()
    expect(page.locator("[data-figure=files]")).to_have_text("42")
    expect(page.locator(".actions button")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download final.xlsx").click()
    assert download.value.suggested_filename == "final.xlsx"
    assert Path(download.value.path()).read_bytes()[:2] == b"PK"


# --- how they are run -------------------------------------------------------------------------------------------------

#: Where answers are missing or refused on purpose. Chromium reports these as errors by itself.
REFUSED = {"a_restart_is_noticed_and_mended", "a_token_is_asked_for", "a_reader_gets_no_buttons"}


def main():
    service.start()
    said, hosts = [], set()
    with sync_playwright() as playwright:
        # Chromium's sandbox does not run as root, and the pages here are our own.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_context(reduced_motion="reduce").new_page()
        page.on("console", lambda message: said.append((message.type, message.text)))
        page.on("pageerror", lambda error: said.append(("exception", str(error))))
        page.on("request", lambda request: hosts.add("/".join(request.url.split("/", 3)[:3])))
        try:
            for function in checks:
                begun = time.monotonic()
                function(page)
                wrong = [
                    f"{kind}: {text}"
                    for kind, text in said
                    if function.__name__ not in REFUSED or not text.startswith("Failed to load resource")
                ]
                assert not wrong, f"the console of the browser says: {wrong}"
                said.clear()
                print(f"ok {function.__name__} {time.monotonic() - begun:.1f} s", flush=True)
        except BaseException:
            page.screenshot(path=folder / "failed.png")
            print(f"FAILED {function.__name__}; the console says: {said}", flush=True)
            raise
        finally:
            browser.close()
    others = {host for host in hosts if host.startswith("http") and host != service.base}
    assert not others, f"the page asks other hosts: {others}"


try:
    main()
finally:
    if service.process and service.process.poll() is None:
        service.process.kill()
