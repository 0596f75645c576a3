"""The OpenAI-compatible API under /v1: models, chat completions (streaming and not), embeddings.

`user` names the memory; the header `X-Hippo-Memory: off`, or `"memory": "off"` in `metadata`, turns it off for one
request. What decided the answer and what it rests on comes along in the field `hippo`. Knows nothing of storage.

Source: the OpenAI API reference for chat completions, embeddings and models. Differs: `temperature` is 0 where none is
given (a small model wanders), one choice a request, no tools.
"""

import base64
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, Literal

import numpy as np
from anyio import to_thread
from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from hippo_mem.errors import HippoError, InputError
from hippo_mem.memory import Hippo
from hippo_mem.plain import to_plain
from hippo_mem.serve.callers import House
from hippo_mem.serve.pace import Pace
from hippo_mem.serve.problems import problem
from hippo_mem.serve.underway import UnderWay

try:
    VERSION = version("hippo-memory")
except PackageNotFoundError:
    VERSION = "0"
_STARTED = int(time.time())
_MOST_INPUTS = 512  # texts of one embeddings request
_DEFAULT_TOKENS = 256
_STREAMED = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Part(BaseModel):
    """A piece of a message's content; only text is understood."""

    type: Literal["text"]
    text: Annotated[str, Field(max_length=20_000)]


class ChatMessage(BaseModel):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, Field(max_length=20_000)] | Annotated[list[Part], Field(min_length=1, max_length=64)]

    def plain(self) -> dict[str, str]:
        """As the facade takes it."""
        text = self.content if isinstance(self.content, str) else "\n".join(p.text for p in self.content)
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class StreamOptions(BaseModel):
    """What a stream ends with."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A chat completion, as OpenAI's clients send it. Settings that mean nothing here are ignored."""

    model_config = ConfigDict(extra="ignore")

    model: Annotated[str, Field(max_length=200)]
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=1000)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int | None, Field(ge=1, le=8192)] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1, le=8192)] = None
    temperature: Annotated[FiniteFloat | None, Field(ge=0, le=2)] = None
    top_p: Annotated[FiniteFloat | None, Field(gt=0, le=1)] = None
    seed: Annotated[int | None, Field(ge=0, le=2**63 - 1)] = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    n: Literal[1] | None = None
    user: Annotated[str | None, Field(max_length=200)] = None
    metadata: dict[str, str] | None = None
    tools: Annotated[list[Any] | None, Field(max_length=0, description="Not offered.")] = None

    def settings(self) -> dict[str, Any]:
        """What the facade's `chat` takes, but for the memory."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return {
            "max_new_tokens": self.max_completion_tokens or self.max_tokens or _DEFAULT_TOKENS,
            "temperature": self.temperature or 0.0, "top_p": self.top_p or 1.0, "seed": self.seed,
            "stop": [s for s in stop if s],
        }  # fmt: skip


class EmbeddingRequest(BaseModel):
    """Texts to be turned into vectors."""

    model_config = ConfigDict(extra="ignore")

    model: Annotated[str, Field(max_length=200)]
    input: (
        Annotated[str, Field(min_length=1, max_length=20_000)]
        | Annotated[
            list[Annotated[str, Field(min_length=1, max_length=20_000)]], Field(min_length=1, max_length=_MOST_INPUTS)
        ]
    )
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int | None, Field(ge=1)] = None
    user: Annotated[str | None, Field(max_length=200)] = None


def router(house: House) -> APIRouter:
    """The routes of one server."""
    api = APIRouter(prefix="/v1", tags=["openai"])

    @api.get("/models")
    def models(request: Request) -> dict[str, Any]:
        """The language model that chats, and the model of sentence vectors."""
        with house.people.memory(house.user_of(request)) as hippo:
            return {"object": "list", "data": [_model(name) for name in _names(house, hippo)]}

    @api.get("/models/{name:path}")
    def model(request: Request, name: str) -> Any:
        """One of them."""
        with house.people.memory(house.user_of(request)) as hippo:
            known = _names(house, hippo)
        return _model(name) if name in known else _no_model(name, known)

    @api.post("/chat/completions")
    async def chat(
        request: Request, body: ChatRequest, x_hippo_memory: Annotated[str | None, Header(max_length=20)] = None
    ) -> Response:
        """Answer the last message. What the user states is kept through the gate, unless memory is off."""
        user = house.user_of(request, body.user)
        switch = x_hippo_memory or (body.metadata or {}).get("memory") or "on"
        if switch not in ("on", "off"):
            return problem(400, f"memory is {switch!r}; it can be 'on' or 'off'", param="metadata.memory")
        if body.model not in (house.model, "hippo"):
            return _no_model(body.model, [house.model, "hippo"])
        messages = [m.plain() for m in body.messages]
        under_way = await UnderWay.begin(house, user, messages, memory=switch == "on", **body.settings())
        answer = _Answer(under_way, body, house.pace)
        if body.stream:
            return StreamingResponse(answer.lines(), media_type="text/event-stream", headers=_STREAMED)
        try:
            await to_thread.run_sync(answer.turn.finish)
            return JSONResponse(answer.whole())
        finally:
            await answer.close()

    @api.post("/embeddings")
    def embeddings(request: Request, body: EmbeddingRequest) -> Any:
        """Sentence vectors of length 1."""
        texts = [body.input] if isinstance(body.input, str) else body.input
        with house.people.memory(house.user_of(request, body.user)) as hippo:
            embedder = hippo.awake.embedder
            if body.model not in (embedder.id, "hippo"):
                return _no_model(body.model, [embedder.id, "hippo"])
            if body.dimensions not in (None, embedder.dim):
                return problem(400, f"{embedder.id} has {embedder.dim} dimensions", param="dimensions")
            vectors = embedder.embed(texts)
        n_tokens = sum(len(text.split()) for text in texts)
        return {
            "object": "list", "model": body.model, "usage": {"prompt_tokens": n_tokens, "total_tokens": n_tokens},
            "data": [
                {"object": "embedding", "index": i, "embedding": _encoded(vector, body.encoding_format)}
                for i, vector in enumerate(vectors)
            ],
        }  # fmt: skip

    return api


class _Answer:
    """One answer in OpenAI's forms."""

    def __init__(self, under_way: UnderWay, body: ChatRequest, pace: Pace) -> None:
        self._under_way, self.turn, self._body, self._pace = under_way, under_way.turn, body, pace
        self._frame = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": body.model}

    async def close(self) -> None:
        """Give back what is held."""
        self._pace.note(self.turn)
        await self._under_way.close()

    def whole(self) -> dict[str, Any]:
        """The finished answer as one object."""
        return {
            **self._frame, "object": "chat.completion", "system_fingerprint": f"hippo-{VERSION}",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": self.turn.text, "refusal": None},
                 "logprobs": None, "finish_reason": self._reason()}
            ],
            "usage": self._usage(), "hippo": self._background(),
        }  # fmt: skip

    async def lines(self) -> AsyncIterator[str]:
        """The answer as server-sent events, piece by piece; closed when the client goes away."""
        try:
            yield self._chunk({"role": "assistant", "content": ""}, hippo=self._background())
            async for piece in self._under_way.pieces():
                yield self._chunk({"content": piece})
            yield self._chunk({}, finish=self._reason())
            if self._body.stream_options is not None and self._body.stream_options.include_usage:
                yield _event({**self._frame, "object": "chat.completion.chunk", "choices": [], "usage": self._usage()})
            yield "data: [DONE]\n\n"
        except HippoError as error:
            kind = "invalid_request_error" if isinstance(error, InputError) else "server_error"
            yield _event({"error": {"message": str(error), "type": kind, "param": None, "code": None}})
        finally:
            await self.close()

    def _chunk(self, delta: dict[str, Any], *, finish: str | None = None, hippo: Any = None) -> str:
        body = {
            **self._frame, "object": "chat.completion.chunk", "system_fingerprint": f"hippo-{VERSION}",
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        }  # fmt: skip
        return _event(body if hippo is None else {**body, "hippo": hippo})

    def _reason(self) -> str:
        return "length" if self.turn.finish_reason == "length" else "stop"

    def _usage(self) -> dict[str, int]:
        asked, said = self.turn.n_prompt_tokens, self.turn.n_tokens
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}

    def _background(self) -> dict[str, Any]:
        turn = self.turn
        return {
            "decided_by": turn.decided_by, "memory": "on" if turn.memory else "off",
            "sources": to_plain(turn.sources), "path": list(turn.path), "outcomes": to_plain(turn.outcomes),
        }  # fmt: skip


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def _names(house: House, hippo: Hippo) -> list[str]:
    return [house.model, hippo.awake.embedder.id]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _STARTED, "owned_by": "hippo"}


def _no_model(name: str, known: Sequence[str]) -> JSONResponse:
    text = f"the model {name!r} does not exist here; there is: {', '.join(known)}"
    return problem(404, text, param="model", code="model_not_found")


def _encoded(vector: Any, encoding: str) -> Any:
    row = np.asarray(vector, dtype="<f4")
    return base64.b64encode(row.tobytes()).decode() if encoding == "base64" else row.tolist()
