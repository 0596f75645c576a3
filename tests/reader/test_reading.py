"""Two readers and one answer: which notes the taught model sees, whose form counts, what a decision has to fear."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from hippo_mem.embed import MiniLMEmbedder
from hippo_mem.lm import LanguageModel
from hippo_mem.lm.engine import Said
from hippo_mem.reader import Asked, Reader, open_to_doubt
from hippo_mem.relational import FrameParser
from hippo_mem.types import Decision, Recall
from tests.recalled import recalled


class TaughtModel:
    """A model that copies what a test says; None is "unknown". It records the notes it weighed and read."""

    def __init__(self, copies: Callable[[str], str | None], *, bears_out: Sequence[str] = ()) -> None:
        self._copies, self._bears_out, self.weighed, self.seen = copies, bears_out, list[str](), list[str]()

    @property
    def reads(self) -> bool:
        return True

    def chat_prompt(self, user: str, *, system: str | None = None) -> str:
        raise AssertionError("a taught model is not asked to weigh")

    def doubts(self, prompts: Sequence[str], *, unless: str) -> list[float]:
        self.weighed += prompts
        return [-9.0 if self._copies(p) else -0.1 for p in prompts]

    def read(self, prompts: Sequence[str], *, unless: str, max_new_tokens: int = 24) -> list[Said]:
        self.seen += prompts
        said = [self._copies(p) for p in prompts]
        return [Said(text=s or "nothing", logprob=-0.1 if s else -9.0, unless=-9.0 if s else -0.1) for s in said]

    def logprobs_many(self, pairs: Sequence[tuple[str, str]], *, adapter: object = True) -> list[list[float]]:
        assert adapter == "reading"
        return [[-1.0 if span.strip() in self._bears_out else -20.0] for _, span in pairs]


@pytest.fixture(scope="module")
def parser() -> FrameParser:
    return FrameParser()


def recall(*texts: str) -> Recall:
    return recalled("", *texts, similarity=0.5)


def test_notes_are_read_alone_and_where_none_tells_all_together(parser: FrameParser) -> None:
    found = recall("Ana painted the shed in May.", "Ben sold the boat.", "The rain ruined the paint.")
    model = TaughtModel(lambda _: None)
    assert Reader(model, parser).read("Why did Ana paint the shed?", found) is None
    assert [p.count("\n- ") for p in model.weighed] == [1, 1, 1]
    best, together = model.seen
    assert best in model.weighed
    assert together.count("\n- ") == 3


def test_the_nearest_note_that_is_sure_ends_the_reading(parser: FrameParser) -> None:
    texts = ("Priyanka took over from Colin.", "Ben sold the boat.", "The rain ruined the paint.")
    found = recalled("", *texts, similarity=(0.3, 0.7, 0.1))
    model = TaughtModel(lambda p: "the boat" if "boat" in p else "Colin" if "Colin" in p else None)
    answer = Reader(model, parser).read("What left the harbor for good?", found)
    assert answer is not None
    assert answer.text == "the boat"
    assert len(model.weighed) == len(model.seen) == 1  # no note that is so much less like the question could be better


def test_a_note_unlike_the_question_must_be_surer(parser: FrameParser) -> None:
    question, text = "Whose name is on my locker?", "The padlock is Colin's."

    def barely(_: str) -> str:
        return "Colin's"

    class Unsure(TaughtModel):
        def read(self, prompts: Sequence[str], *, unless: str, max_new_tokens: int = 24) -> list[Said]:
            return [Said(text="Colin's", logprob=-0.7, unless=-0.7) for _ in prompts]

    near, far = recalled("", text, similarity=0.5), recalled("", text, similarity=0.1)
    assert Reader(Unsure(barely), parser).read(question, near) is not None
    assert Reader(Unsure(barely), parser).read(question, far) is None
    assert Reader(TaughtModel(barely), parser).read(question, far) is not None


def test_the_nearest_notes_are_read_however_late_they_come_in_a_recall(parser: FrameParser) -> None:
    texts = [f"The number of box {i} is {i}." for i in range(9)]
    found = recalled("", *texts, "Guest wifi: puddle-jumper.", similarity=[0.2] * 9 + [0.6])
    model = TaughtModel(lambda p: "puddle-jumper" if "puddle" in p else None)
    answer = Reader(model, parser).read("A visitor wants to get online. What should they type in?", found)
    assert answer is not None
    assert answer.text == "puddle-jumper"


def test_what_stands_in_no_note_is_not_said(parser: FrameParser) -> None:
    found = recall("Ana painted the shed in May.")
    assert Reader(TaughtModel(lambda _: "June"), parser).read("Why did Ana paint the shed?", found) is None


def test_the_rules_form_counts_where_both_say_the_same(parser: FrameParser) -> None:
    found = recall("Ana hid the old compass in the barn.")
    answer = Reader(TaughtModel(lambda _: "in the barn"), parser).read("Where did Ana hide the old compass?", found)
    assert answer is not None
    assert answer.text == "the barn"
    assert answer.details["decided_by"] == "frame"
    answer = Reader(TaughtModel(lambda _: "compass"), parser).read("What did Ana hide in the barn?", found)
    assert answer is not None
    assert answer.text == "the old compass"


def test_a_form_of_the_rules_that_stands_in_no_memory_does_not_count(parser: FrameParser) -> None:
    found = recall("The spare key is inside the blue watering can by the back gate.")
    answer = Reader(TaughtModel(lambda _: "by the back gate"), parser).read("Where is the spare key?", found)
    assert answer is not None
    assert answer.text in found.hits[0].trace.text


def test_where_they_differ_the_taught_model_is_believed(parser: FrameParser) -> None:
    found = recall("Henrik landed a pike of seven kilos in the lake.")
    answer = Reader(TaughtModel(lambda _: "seven kilos"), parser).read("What did the pike of Henrik weigh?", found)
    assert answer is not None
    assert (answer.text, answer.details["decided_by"], answer.details["trace_id"]) == ("seven kilos", "notes", 1)
    assert answer.confidence == pytest.approx(1.0, abs=1e-3)


def test_rules_speak_alone_only_where_the_model_bears_them_out(parser: FrameParser) -> None:
    found = recall("Ana hid the compass in the barn.")
    question = "Where did Ana finally hide the old compass?"
    answer = Reader(TaughtModel(lambda _: None, bears_out=["barn"]), parser).read(question, found)
    assert answer is not None
    assert answer.text == "the barn"
    assert Reader(TaughtModel(lambda _: None), parser).read(question, found) is None
    model = TaughtModel(lambda _: None)
    certain = Reader(model, parser).read("Where did Ana hide the compass?", found)
    assert certain is not None
    assert certain.text == "the barn"
    assert model.seen == []  # one memory speaks of all that is asked: no second reader


def test_a_correction_is_read_even_where_it_hardly_names_its_topic(parser: FrameParser) -> None:
    found = recall("My pottery class is on Tuesday evening at six.", "Sorry, I meant Thursday, the class is Thursdays.")
    model = TaughtModel(lambda p: "Thursday" if "Thursday" in p else "Tuesday evening")
    answer = Reader(model, parser).read("When is my pottery class?", found)
    assert answer is not None
    assert answer.text == "Thursday"


def test_many_questions_are_read_as_each_alone(parser: FrameParser) -> None:
    found = recall("Ana painted the shed in May.", "Ben sold the boat to a nurse.", "The rain ruined the paint.")
    model = TaughtModel(lambda p: "a nurse" if "got the boat" in p else None)
    questions = ["Who got the boat?", "What is the weather?", "Why was the shed painted?", "Where does Ana work?"]
    reader = Reader(model, parser)
    together = reader.read_many([Asked(question=q, recall=found) for q in questions])
    assert [a and a.text for a in together] == [a and a.text for a in (reader.read(q, found) for q in questions)]
    assert [a is not None for a in together] == [True, False, False, False]


def decision(text: str, doubt: str, *traces: int) -> Decision:
    return Decision(text=text, memory="relational", trace_ids=traces, fact_ids=(1,), doubt=doubt)  # type: ignore[arg-type]


def test_what_a_decision_has_to_fear(parser: FrameParser) -> None:
    question = "Where does Ana work?"
    found = recall("Ana works at the bakery.", "Actually, Ana works at the mill.", "Ben sold the boat.")
    assert not open_to_doubt(question, found, decision("bakery", "none", 1), parser)
    assert open_to_doubt(question, found, decision("bakery", "open", 1), parser)
    assert open_to_doubt(question, found, decision("bakery", "newer", 1), parser)
    assert not open_to_doubt(question, found, decision("mill", "newer", 2), parser)
    assert not open_to_doubt(question, recall(), decision("mill", "open", 2), parser)


def test_only_the_same_or_a_newer_note_overrules_a_decision(parser: FrameParser) -> None:
    question = "Where does Ana work?"
    found = recall("Ana works at the bakery.", "Actually, Ana works at the mill.")
    reader = Reader(TaughtModel(lambda _: "mill"), parser)
    answer = reader.read(question, found, decision("bakery", "newer", 1))
    assert answer is not None
    assert answer.text == "mill"
    assert answer.details["others"] == ("bakery",)
    assert Reader(TaughtModel(lambda _: "bakery"), parser).read(question, found, decision("mill", "newer", 2)) is None
    assert reader.read(question, found, decision("the mill", "open", 2)) is None


def test_a_strangers_note_is_not_shown_for_the_users_own(parser: FrameParser) -> None:
    model = TaughtModel(lambda p: "green" if "green" in p else None)
    assert Reader(model, parser).read("Where do I live?", recall("Mallory says: live green in Hull.")) is None
    assert model.seen == []


NOTES = (
    "Our heating guy is Gareth Pugh, he has looked after the boiler since we moved in.",
    "The spare key is inside the blue watering can by the back gate.",
    "Tobias's daughter Freya learned to whistle from the milkman.",
    "My dentist is on Harbour Street and her name is Dr Lindqvist.",
)


def test_the_shipped_adapter_reads_notes_and_says_when_they_do_not_tell(
    real: LanguageModel, parser: FrameParser
) -> None:
    """The real model and its adapter, on sentences that are in no lesson."""
    reader, embedder = Reader(real, parser), MiniLMEmbedder()

    def brought(question: str) -> Recall:
        return recalled(question, *NOTES, similarity=(embedder.embed(NOTES) @ embedder.embed([question])[0]).tolist())

    asked = {
        "Who should I call if the boiler breaks?": "Gareth Pugh",
        "Who taught Freya to whistle?": "milkman",
        "On which street is my dentist?": "Harbour Street",
        "Where is the spare key?": "back gate",
    }
    right = 0
    for question, wanted in asked.items():
        answer = reader.read(question, brought(question))
        right += answer is not None and wanted.casefold() in answer.text.casefold()
    assert right >= 3
    assert reader.read("How old is Freya?", brought("How old is Freya?")) is None
    assert real.adapter_dir is None
