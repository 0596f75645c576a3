import pytest

from hippo_mem.episodic.slots import slots_of
from hippo_mem.relational.frames import FrameParser

PARSER = FrameParser()


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        (
            "Ana hid the brass lamp in the attic on Monday.",
            {"who": "Ana", "what": "the brass lamp", "where": "in the attic", "when": "on Monday"},
        ),
        ("I live in Oslo.", {"who": "user", "where": "in Oslo"}),
        ("My favorite color is blue.", {"who": "my favorite color", "what": "blue"}),
        ("The lamp was repaired by Ben in May.", {"who": "Ben", "what": "the lamp", "when": "in May"}),
        ("Dr. Lee does not eat fish.", {"who": "Dr. Lee", "what": "not fish"}),
        ("Ok.", {}),
        ("", {}),
    ],
)
def test_who_what_where_when(text: str, slots: dict[str, str]) -> None:
    assert slots_of(PARSER.parse(text)) == slots
