"""A person with a browser: tells three things, gets them back with their sources, edits one, forgets one, sleeps, asks
the weights, undoes the night. Chromium from the system's packages; screenshots go to $HIPPO_SCREENSHOTS where it is
set.
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
WIDTHS = (400, 1600)


@contextmanager
def _server(home: Path) -> Iterator[str]:
    command = [sys.executable, "-W", "ignore", "-m", "hippo_cli", "serve", "--port", "0", "--no-nights"]
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


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    with (
        _server(tmp_path / "home") as url,
        playwright.sync_playwright() as driver,
        driver.chromium.launch(executable_path=CHROMIUM, args=SWITCHES) as browser,
        browser.new_context(viewport={"width": 1200, "height": 900}) as context,
    ):
        yield Person(context.new_page(), url)


def _tell_and_mend(person: Person) -> None:
    person.go("/")
    person.say("My sister Ana works at the clinic.")
    person.say("I adopted a cat named Miso.")
    person.say("The kitchen is north of the hallway and the garden is east of the hallway.")
    person.go("/")  # a reload: nothing is left of the talk, everything of the memory
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
    person.go("/")
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
    card = person.page.get_by_role("article").filter(has_text="Miso")
    card.get_by_role("button", name="Pin").click()
    person.page.get_by_role("article").filter(has_text="Miso").get_by_role("button", name="Unpin").wait_for()
    person.picture("memories")
    card.get_by_role("button", name="Forget").click()
    person.page.get_by_role("dialog").get_by_role("button", name="Forget").click()
    card.get_by_role("button", name="Undo").click()
    card.get_by_role("button", name="Forget").click()
    person.page.get_by_role("dialog").get_by_role("button", name="Forget").click()
    playwright.expect(person.page.get_by_role("article").filter(has_text="Miso")).to_have_count(0, timeout=PATIENCE_MS)
    person.go("/")
    assert "miso" not in person.say("What is my cat called?").split("What is my cat called?")[1].lower()


def test_a_person_tells_asks_edits_and_forgets(person: Person) -> None:
    _tell_and_mend(person)
    for path in ("/", "/memories", "/facts", "/places", "/sleep", "/status"):
        person.go(path)
        for width in WIDTHS:
            person.page.set_viewport_size({"width": width, "height": 800})
            wider = person.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 1, f"{path} needs to be scrolled sideways at {width} px"
        unnamed = person.page.evaluate(
            "[...document.querySelectorAll('button, a, input, textarea')].filter(e => e.offsetParent && "
            "!(e.ariaLabel || e.innerText || e.labels?.length || e.title)).map(e => e.outerHTML.slice(0, 120))"
        )
        assert unnamed == [], f"{path} has controls that a screen reader cannot name"
    assert person.complaints == []


@pytest.mark.real_model
def test_a_person_lets_it_sleep_and_goes_back(person: Person) -> None:
    _tell_and_mend(person)
    person.go("/sleep")
    person.page.get_by_role("button", name="Sleep now").click()
    person.page.get_by_role("button", name="Stop").wait_for()
    person.picture("sleeping")
    person.page.get_by_text(re.compile("The night was kept")).wait_for(timeout=1_200_000)
    person.page.get_by_role("button", name="Report").click()
    person.page.get_by_title("Report of the night").wait_for()
    person.picture("night")
    person.go("/")
    person.page.get_by_label("Memory on or off").click()
    for _ in range(40):  # the night speaks once the quick engine has been checked with it
        off = person.say("Where does Ana work?")
        if "bakery" in off.rsplit("Where does Ana work?", 1)[1].lower():
            break
        person.page.wait_for_timeout(5_000)
    assert "bakery" in off.rsplit("Where does Ana work?", 1)[1].lower()
    person.go("/sleep")
    person.page.get_by_role("button", name="Undo").click()
    person.page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    person.page.get_by_text("the base model speaks alone again").wait_for()
    person.go("/status")
    person.picture("status")
    assert person.complaints == []
