"""The REST API under /api: remember, look through, correct, forget, ask, sleep. Documented by its OpenAPI page.

Routes read the request, call the facade and return plain data. Knows nothing of storage or models.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, File, Query, Request, Response, UploadFile
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat
from starlette.background import BackgroundTask

from hippo_mem.errors import InputError
from hippo_mem.memory import Hippo
from hippo_mem.plain import to_plain
from hippo_mem.serve.bedroom import SleepRun
from hippo_mem.serve.callers import House
from hippo_mem.serve.problems import NotFound
from hippo_mem.sleep.schedule import SleepSchedule
from hippo_mem.types import MAX_TEXT_CHARS, Event, Where

T = TypeVar("T")
_MOST_AT_ONCE = 1000
_CHUNK = 1024 * 1024
_REPORT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
Id = Annotated[int, Field(ge=0, le=2**62)]
Time = Annotated[FiniteFloat, Field(ge=-1e11, le=1e12, description="Unix seconds.")]
Words = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARS)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Body(BaseModel):
    """A request body; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid")


class NewMemory(_Body):
    """One thing to remember."""

    text: Words
    source: Name = "user"
    time: Time | None = None
    context: Name | None = None
    reward: bool = False
    pin: bool = False
    doc_id: Name | None = None
    conf: Annotated[FiniteFloat, Field(ge=0, le=1)] = 1.0
    tags: Annotated[list[Name], Field(max_length=32)] = []

    def event(self) -> Event:
        """As the facade takes it."""
        return Event(**{**self.model_dump(), "tags": tuple(self.tags)})


class NewMemories(_Body):
    """Many things, stored together or not at all."""

    memories: Annotated[list[NewMemory], Field(min_length=1, max_length=_MOST_AT_ONCE)]


class Change(_Body):
    """What is to be different about a memory: its text, whether it is pinned, or both."""

    text: Words | None = None
    pin: bool | None = None


class Cue(_Body):
    """A hint, and which memories may answer it."""

    cue: Words
    k: Annotated[int, Field(ge=1, le=100)] = 8
    as_of: Time | None = None
    source: Name | None = None
    context: Name | None = None
    doc_id: Name | None = None
    since: Time | None = None
    until: Time | None = None
    tag: Name | None = None
    place: Name | None = None

    def where(self) -> Where | None:
        """The filters, None where there are none."""
        named = {n: getattr(self, n) for n in ("source", "doc_id", "since", "until", "tag", "place")}
        if self.context is None and not any(v is not None for v in named.values()):
            return None
        return Where(context_key=self.context, **named)


class Asked(_Body):
    """A question; `memory` false lets the weights answer alone."""

    question: Words
    memory: bool = True
    context: Name | None = None
    k: Annotated[int, Field(ge=1, le=100)] = 16


class NewTail(_Body):
    """The value a fact should have."""

    tail: Name


class Way(_Body):
    """Two places by name."""

    start: Name
    goal: Name
    context: Name | None = None


class Schedule(_Body):
    """When to sleep by itself."""

    at: Annotated[str | None, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = None
    when_full: bool = True
    capacity: Annotated[int, Field(ge=1, le=1000)] = 50


def router(house: House) -> APIRouter:
    """The routes of one server."""
    api = APIRouter(prefix="/api", tags=["memories"])

    def mine(request: Request) -> Iterator[Hippo]:
        with house.people.memory(house.user_of(request)) as hippo:
            yield hippo

    # One parameter type for every route that needs the caller's memory.
    Mine = Annotated[Hippo, Depends(mine)]

    @api.get("/status")
    def status(hippo: Mine) -> dict[str, Any]:
        """What there is: sizes, gate, model, nights, disk."""
        return {**to_plain(hippo.status()), "n_waiting": hippo.n_waiting()}

    @api.post("/memories", status_code=201)
    def remember(hippo: Mine, memory: NewMemory) -> dict[str, Any]:
        """Tell it one thing. What is returned is on disk."""
        return {"outcomes": to_plain(hippo.observe_many([memory.event()])[0])}

    @api.post("/memories/batch", status_code=201)
    def remember_many(hippo: Mine, body: NewMemories) -> dict[str, Any]:
        """Tell it many things in one transaction."""
        return {"outcomes": to_plain(hippo.observe_many([m.event() for m in body.memories]))}

    @api.get("/memories")
    def memories(
        hippo: Mine,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[int | None, Query(ge=1, le=2**62, description="Only ids below this: the next page.")] = None,
        source: Annotated[str | None, Query(max_length=200)] = None,
        context: Annotated[str | None, Query(max_length=200)] = None,
        contains: Annotated[str | None, Query(max_length=200, description="Only texts with these letters.")] = None,
    ) -> dict[str, Any]:
        """A page of episodes, newest first, each with what the gate thought of it."""
        found = hippo.browse.memories(limit=limit, before=before, source=source, context=context, contains=contains)
        return {"memories": to_plain(found), "next": found[-1].id if len(found) == limit else None}

    @api.get("/memories/{memory_id}")
    def memory_of(hippo: Mine, memory_id: Id) -> dict[str, Any]:
        """One episode, and the facts that were read from it."""
        found = _known(hippo.browse.memory, memory_id)
        return {"memory": to_plain(found), "facts": to_plain(hippo.browse.facts_of(memory_id))}

    @api.patch("/memories/{memory_id}")
    def change(hippo: Mine, memory_id: Id, body: Change) -> dict[str, Any]:
        """Pin or unpin it, or say it anew: a new text is a new memory, and the old one becomes the past."""
        changed = _known(hippo.browse.memory, memory_id)
        if body.text is None and body.pin is None:
            raise InputError("nothing to change: give text, pin, or both")
        if body.text is not None:
            changed = hippo.browse.edit(memory_id, body.text)
        if body.pin is not None:
            changed = hippo.browse.pin(changed.id, body.pin)
        return {"memory": to_plain(changed)}

    @api.delete("/memories/{memory_id}")
    def forget_one(hippo: Mine, memory_id: Id) -> dict[str, Any]:
        """Delete it from the store, at once and for good; the next sleep takes it out of the weights."""
        if not (n := hippo.forget(trace_id=memory_id)):
            raise NotFound(f"there is no memory {memory_id}")
        return {"forgotten": n}

    @api.delete("/memories")
    def forget_many(
        hippo: Mine,
        source: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
        doc_id: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
        everything: bool = False,
    ) -> dict[str, Any]:
        """Delete for good by source, by document, or everything (nights as well): exactly one of them."""
        return {"forgotten": hippo.forget(source=source, doc_id=doc_id, everything=everything)}

    @api.get("/refused")
    def refused(hippo: Mine) -> dict[str, Any]:
        """What the gate did not keep since this memory was opened, newest first, and why; it is on no disk."""
        return {"refused": to_plain(hippo.browse.refused())}

    @api.post("/refused/{refusal_id}/keep", status_code=201)
    def keep_refused(hippo: Mine, refusal_id: Id) -> dict[str, Any]:
        """Keep it after all, pinned."""
        return {"memory": to_plain(_known(hippo.browse.keep_refused, refusal_id))}

    @api.post("/recall")
    def recall(hippo: Mine, cue: Cue) -> dict[str, Any]:
        """The memories a hint brings back, best first, with what found each. Recalled text is data."""
        found = hippo.recall(cue.cue, cue.k, where=cue.where(), as_of=cue.as_of)
        return to_plain(found)  # type: ignore[no-any-return]

    @api.post("/answer")
    async def answer(request: Request, asked: Asked) -> dict[str, Any]:
        """Answer a question from memory, or from the weights alone."""
        from starlette.concurrency import run_in_threadpool

        user = house.user_of(request)

        def work() -> dict[str, Any]:
            with house.people.memory(user) as hippo, house.people.answering():
                said = hippo.answer(asked.question, memory=asked.memory, context=asked.context, k=asked.k)
            return to_plain(said)  # type: ignore[no-any-return]

        async with house.answering:
            return await run_in_threadpool(work)

    # Facts and places ---------------------------------------------------------------------------------------------

    @api.get("/facts")
    def facts(
        hippo: Mine,
        about: Annotated[str | None, Query(max_length=200)] = None,
        as_of: Annotated[Time | None, Query()] = None,
        history: bool = False,
        context: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> dict[str, Any]:
        """Facts, newest first, with where each was told; `history` adds those that hold no more."""
        found = hippo.browse.facts(about, as_of=as_of, history=history, context=context, limit=limit)
        return {"facts": to_plain(found)}

    @api.get("/graph")
    def graph(
        hippo: Mine, as_of: Annotated[Time | None, Query()] = None,
        context: Annotated[str | None, Query(max_length=200)] = None,
    ) -> dict[str, Any]:  # fmt: skip
        """The graph of facts as nodes and edges, now or as it was."""
        return hippo.browse.fact_graph(as_of=as_of, context=context)

    @api.patch("/facts/{fact_id}")
    def edit_fact(hippo: Mine, fact_id: Id, body: NewTail) -> dict[str, Any]:
        """Put a fact right; the old one becomes the past."""
        _known(hippo.browse.fact, fact_id)
        return {"fact": to_plain(hippo.browse.edit_fact(fact_id, body.tail))}

    @api.delete("/facts/{fact_id}")
    def retire_fact(hippo: Mine, fact_id: Id) -> dict[str, Any]:
        """It holds no longer; `POST /api/facts/{id}/reopen` takes this back."""
        _known(hippo.browse.fact, fact_id)
        return to_plain(hippo.browse.retire_fact(fact_id))  # type: ignore[no-any-return]

    @api.post("/facts/{fact_id}/reopen")
    def reopen_fact(hippo: Mine, fact_id: Id) -> dict[str, Any]:
        """It holds again."""
        _known(hippo.browse.fact, fact_id)
        return to_plain(hippo.browse.reopen_fact(fact_id))  # type: ignore[no-any-return]

    @api.get("/places")
    def places(hippo: Mine, context: Annotated[str | None, Query(max_length=200)] = None) -> dict[str, Any]:
        """The map: places with coordinates where they follow, and ways between them."""
        return {**hippo.browse.places(context), "contexts": hippo.browse.place_contexts()}

    @api.post("/route")
    def route(hippo: Mine, way: Way) -> dict[str, Any]:
        """The cheapest way from one place to another."""
        return hippo.browse.route(way.start, way.goal, context=way.context)

    # Nights -------------------------------------------------------------------------------------------------------

    @api.post("/sleep", status_code=202)
    def sleep(request: Request) -> dict[str, Any]:
        """Begin a night in a process of its own; `GET /api/sleep` tells how it goes."""
        return _run(house.bedroom.start(house.user_of(request)))

    @api.get("/sleep")
    def how_it_sleeps(request: Request, hippo: Mine) -> dict[str, Any]:
        """The night that runs, here or in another process; else the last one this server started."""
        run = house.bedroom.run_of(house.user_of(request))
        if (run is None or run.state != "running") and (who := hippo.who_sleeps()) is not None:
            return {"state": "elsewhere", "why": who}
        return {"state": "awake"} if run is None else _run(run)

    @api.delete("/sleep")
    def wake(request: Request) -> dict[str, Any]:
        """End the night that runs; what was in force before stays in force."""
        return _run(house.bedroom.stop(house.user_of(request)))

    @api.get("/schedule")
    def schedule(hippo: Mine) -> dict[str, Any]:
        """When this memory sleeps by itself."""
        return to_plain(hippo.schedule)  # type: ignore[no-any-return]

    @api.put("/schedule")
    def set_schedule(hippo: Mine, body: Schedule) -> dict[str, Any]:
        """Change when this memory sleeps by itself."""
        hippo.schedule = SleepSchedule(at=body.at, when_full=body.when_full, capacity=body.capacity)
        return to_plain(hippo.schedule)  # type: ignore[no-any-return]

    @api.get("/nights")
    def nights(hippo: Mine) -> dict[str, Any]:
        """Every night, oldest first."""
        return {"nights": to_plain(hippo.nights())}

    @api.get("/nights/{number}/report", response_class=HTMLResponse)
    def report(hippo: Mine, number: Id) -> Response:
        """The readable report of one night."""
        page = next((Path(n.folder) / "report.html" for n in hippo.nights() if n.number == number), None)
        if page is None or not page.is_file():
            raise NotFound(f"there is no report of night {number}")
        # The sleep page shows it in a frame of its own.
        framed = {"x-frame-options": "SAMEORIGIN", "content-security-policy": _REPORT_POLICY}
        return HTMLResponse(page.read_text(encoding="utf-8"), headers=framed)

    @api.post("/nights/undo")
    def undo(hippo: Mine) -> dict[str, Any]:
        """Go back one night."""
        return {"in_force": to_plain(hippo.undo_night())}

    # In and out ---------------------------------------------------------------------------------------------------

    @api.get("/export", response_class=FileResponse)
    def export(hippo: Mine, format: Literal["jsonl"] = "jsonl") -> Response:
        """Everything remembered, as one file."""
        folder = tempfile.TemporaryDirectory(prefix="hippo-export-")
        file = Path(folder.name) / f"hippo-{hippo.home.user}.{format}"
        hippo.export(file)
        return FileResponse(file, filename=file.name, media_type="application/x-ndjson",
                            background=BackgroundTask(folder.cleanup))  # fmt: skip

    @api.post("/import", status_code=201)
    def take_in(hippo: Mine, file: Annotated[UploadFile, File(description="An export.")]) -> dict[str, Any]:
        """Take in an export: all of it, or nothing. Rows get new ids."""
        with tempfile.TemporaryDirectory(prefix="hippo-import-") as folder:
            path = Path(folder) / "import.jsonl"
            with path.open("wb") as out:
                while piece := file.file.read(_CHUNK):
                    out.write(piece)
            return to_plain(hippo.import_(path, renumber=True))  # type: ignore[no-any-return]

    return api


def _known(look_up: Callable[[int], T], row_id: int) -> T:
    try:
        return look_up(row_id)
    except InputError as error:
        raise NotFound(str(error)) from None


def _run(run: SleepRun) -> dict[str, Any]:
    return {**to_plain(run), "eta_s": run.eta_s}
