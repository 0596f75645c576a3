"""A person with a browser: tells three things, gets them back with their sources, edits one, forgets one, sleeps, asks
the weights, undoes the night; on a dark screen, with keys alone, and with a token where one is needed. Chromium from
the system's packages; screenshots go to $HIPPO_SCREENSHOTS where it is set.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)"),
]
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 120_000
NIGHT_MS = 2_400_000  # three minutes where the machine has nothing else to do
WIDTHS = (400, 1600)
PAGES = ("/", "/memories", "/facts", "/places", "/sleep", "/status")
UNREADABLE = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
FITS = "document.documentElement.scrollWidth - document.documentElement.clientWidth <= 1"
UNNAMED = (
    "[...document.querySelectorAll('button, a, input, textarea')].filter(e => e.offsetParent && "
    "!(e.ariaLabel || e.innerText || e.labels?.length || e.title)).map(e => e.outerHTML.slice(0, 120))"
)


@contextmanager
def _server(home: Path, *options: str) -> Iterator[str]:
    command = [sys.executable, "-W", "ignore", "-m", "hippo_cli", "serve", "--port", "0", "--no-nights", *options]
    process = subprocess.Popen([*command, "--home", str(home)], stderr=subprocess.PIPE, text=True)
    drain = None
    try:
        assert process.stderr is not None
        url = next((line[line.index("http://") :].split()[0] for line in process.stderr if "http://" in line), None)
        assert url, f"the server ended with {process.wait()}"
        drain = threading.Thread(target=process.stderr.read, daemon=True)
        drain.start()
        yield url
    finally:
        process.terminate()
        process.wait(30)
        if drain is not None:
            drain.join()
        process.stderr.close()


class Person:
    """Someone at a page."""

    def __init__(self, page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("console", lambda m: self.complaints.append(f"console: {m.text}") if m.type == "error" else None)
        page.on("request", lambda r: self.complaints.append(f"elsewhere: {r.url}") if self._foreign(r.url) else None)

    def _foreign(self, address: str) -> bool:
        return address.startswith("http") and not address.startswith(self.url)

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)
        self.page.get_by_role("main").wait_for()

    def comes_to_be(self, expression: str) -> bool:
        """Whether the page makes this true within seconds."""
        try:
            self.page.wait_for_function(expression, timeout=10_000)
        except playwright.TimeoutError:
            return False
        return True

    def begin_talk(self) -> None:
        """The chat with nothing said in it yet."""
        self.go("/")
        self.page.get_by_role("button", name="New talk").click()
        playwright.expect(self.page.get_by_role("button", name="Why")).to_have_count(0)

    def memory(self, text: str):
        """The card of a memory."""
        return self.page.get_by_role("article").filter(has_text=text)

    def say(self, text: str) -> str:
        """Send a message; returns the answer once it is complete."""
        answers = self.page.get_by_role("button", name="Why")
        before = answers.count()
        box = self.page.get_by_label("Message")
        box.fill(text)
        box.press("Enter")
        answers.nth(before).wait_for()
        return self.page.get_by_role("log").inner_text()

    def picture(self, name: str) -> None:
        folder = os.environ.get("HIPPO_SCREENSHOTS")
        if not folder:
            return
        size = self.page.viewport_size
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.wait_for_timeout(400)
            self.page.screenshot(path=Path(folder) / f"{name}-{width}.png")
        self.page.set_viewport_size(size)


@contextmanager
def _visitor(url: str, **screen: object) -> Iterator[Person]:
    with (
        playwright.sync_playwright() as driver,
        driver.chromium.launch(executable_path=CHROMIUM, args=SWITCHES) as browser,
        browser.new_context(viewport={"width": 1200, "height": 900}, **screen) as context,
    ):
        yield Person(context.new_page(), url)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    with _server(tmp_path / "home") as url, _visitor(url) as visitor:
        yield visitor


@pytest.fixture
def person_with_models(tmp_path: Path, real_models_dir: Path) -> Iterator[Person]:
    """At a server whose model is unpacked already, and keeps what else is made of it for the next run."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(real_models_dir, target_is_directory=True)
    with _server(home) as url, _visitor(url) as visitor:
        yield visitor


def _tell_and_mend(person: Person) -> None:
    person.begin_talk()
    person.say("My sister Ana works at the clinic.")
    person.say("I adopted a cat named Miso.")
    person.say("The kitchen is north of the hallway and the garden is east of the hallway.")
    person.go("/")  # a reload: the talk of this tab is still there
    person.page.get_by_role("log").get_by_text("I adopted a cat named Miso.").wait_for()
    person.begin_talk()  # nothing is left of the talk, everything of the memory
    answer = person.say("Where does Ana work?")
    assert "clinic" in answer.split("Where does Ana work?")[1].lower()
    beside = person.page.get_by_label("What the answer rests on")
    beside.get_by_text("My sister Ana works at the clinic.").first.wait_for()
    person.picture("chat")

    person.go("/facts")
    person.page.get_by_text("Ana — works at — clinic").click()
    value = person.page.get_by_label("It should say")
    value.fill("bakery")
    person.page.get_by_role("button", name="Save").click()
    person.page.get_by_text("Ana — works at — bakery").wait_for()
    person.picture("facts")
    person.begin_talk()
    assert "bakery" in person.say("Where does Ana work?").lower()

    person.go("/places")
    playwright.expect(person.page.get_by_role("button", name="Show the way")).to_be_enabled(timeout=PATIENCE_MS)
    for label, name in (("From", "kitchen"), ("To", "garden")):
        field = person.page.get_by_label(label, exact=True)
        field.fill(name)
        person.page.get_by_role("option", name=name).click()
    person.page.get_by_role("button", name="Show the way").click()
    person.page.get_by_text("kitchen → hallway → garden").wait_for()
    person.picture("places")

    person.go("/memories")
    card = person.memory("Miso")
    card.get_by_role("button", name="Pin").click()
    card.get_by_role("button", name="Unpin").wait_for()
    line = person.page.get_by_label("A new memory")
    line.fill("Okay, thanks!")
    line.press("Enter")
    person.memory("Okay, thanks!").get_by_text("not kept: no content words").wait_for()
    person.picture("memories")
    card.get_by_role("button", name="Forget").click()
    sure = person.page.get_by_role("dialog")
    sure.get_by_text("gone for good").wait_for()
    sure.get_by_role("button", name="Forget").click()
    card.get_by_role("button", name="Undo").click()
    card.get_by_role("button", name="Forget").click()
    sure.get_by_role("button", name="Forget").click()
    card.get_by_role("button", name="Undo").wait_for()
    person.go("/facts")  # the page is left before the moment is over: the memory goes all the same
    person.go("/memories")
    person.memory("hallway").wait_for()
    playwright.expect(person.memory("Miso")).to_have_count(0, timeout=PATIENCE_MS)
    person.begin_talk()
    assert "miso" not in person.say("What is my cat called?").split("What is my cat called?")[1].lower()


def test_a_person_tells_asks_edits_and_forgets(person: Person) -> None:
    _tell_and_mend(person)
    for path in PAGES:
        person.go(path)
        for width in WIDTHS:
            person.page.set_viewport_size({"width": width, "height": 800})
            # Charts and graphs follow the window a moment later.
            assert person.comes_to_be(FITS), f"{path} needs to be scrolled sideways at {width} px"
        assert person.page.evaluate(UNNAMED) == [], f"{path} has controls that a screen reader cannot name"
    assert person.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_and_reached_by_keys(tmp_path: Path, scheme: str) -> None:
    with _server(tmp_path / "home") as url, _visitor(url, color_scheme=scheme) as person:
        person.begin_talk()
        person.say("Ana works at the clinic.")
        person.say("Where does Ana work?")
        for path in PAGES:
            person.go(path)
            person.page.wait_for_load_state("networkidle")
            person.page.get_by_text("Looking …").wait_for(state="detached")
            assert person.page.evaluate(UNREADABLE) == [], f"{path} on a {scheme} screen"
        person.go("/memories")
        person.page.keyboard.press("Tab")
        assert person.page.evaluate("document.activeElement.innerText") == "Skip to the page"
        for _ in range(3):
            person.page.keyboard.press("Tab")
        assert person.page.evaluate("document.activeElement.ariaLabel") == "Facts"
        person.page.keyboard.press("Enter")
        person.page.wait_for_url("**/facts")
        assert person.complaints == []


def test_where_others_can_reach_it_a_person_shows_a_token_and_sees_their_own_memory(tmp_path: Path) -> None:
    from hippo_mem.serve.access import Tokens

    home = tmp_path / "home"
    home.mkdir()
    (_, ana), (_, ben) = Tokens(home).issue("ana"), Tokens(home).issue("ben")
    with _server(home, "--host", "0.0.0.0") as url:
        for token, others in ((ana, None), (ben, "Ana sells bread.")):
            with _visitor(url) as person:
                person.page.goto(url)
                person.page.get_by_label("Token").fill("hippo_wrong")
                person.page.get_by_role("button", name="Enter").click()
                person.page.get_by_text("This token is not valid.").wait_for()
                person.complaints.clear()  # the refusal, which a console shows
                person.page.get_by_label("Token").fill(token)
                person.page.get_by_role("button", name="Enter").click()
                if others is None:
                    person.say("Ana sells bread.")
                person.go("/memories")
                person.page.get_by_text(
                    "Ana sells bread." if others is None else "Nothing is remembered yet."
                ).wait_for()
                assert person.complaints == []


@pytest.mark.real_model
def test_a_person_lets_it_sleep_and_goes_back(person_with_models: Person) -> None:
    person = person_with_models
    _tell_and_mend(person)
    person.go("/sleep")
    person.page.get_by_role("button", name="Sleep now").click()
    person.page.get_by_role("button", name="Stop").wait_for()
    person.page.get_by_text(re.compile("^Asleep: (?!starting)")).wait_for(timeout=NIGHT_MS)
    person.picture("sleeping")
    person.page.get_by_text(re.compile("The night was kept")).wait_for(timeout=NIGHT_MS)
    person.page.get_by_role("button", name="Report").click()
    person.page.get_by_title("Report of the night").wait_for()
    person.picture("night")
    person.go("/status")
    answered_by = person.page.get_by_text("int8", exact=True)  # the night has been checked on it, in the background
    while not answered_by.count():
        person.page.get_by_role("button", name="Look again").click()
        person.page.wait_for_timeout(2_000)
    person.picture("status")
    person.begin_talk()
    person.page.get_by_label("Memory on or off").click()
    off = person.say("Where does my sister Ana work?")
    assert "bakery" in off.rsplit("Where does my sister Ana work?", 1)[1].lower()
    assert "the weights, learned asleep" in off
    person.go("/sleep")
    person.page.get_by_role("button", name="Undo").click()
    person.page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    person.page.get_by_text("the base model speaks alone again").wait_for()
    person.begin_talk()
    person.page.get_by_label("Memory on or off").click()
    again = person.say("Where does my sister Ana work?")
    assert "bakery" not in again.rsplit("Where does my sister Ana work?", 1)[1].lower()
    assert person.complaints == []
