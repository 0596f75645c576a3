"""What a person's machine has to carry: tokens a second, time to the first token, memory, latency as memories grow.

    python benchmarks/device.py --json runs/bench/device.json          # about 5 minutes on two quiet cores

Three questions, each in processes of its own so that nothing borrows from another:

* Speed. Greedy decoding of the same prompts by torch (eager, with a cache), by the quick engine, and by llama.cpp where
  its Python package is installed (`llama_cpp` is null and `llama_cpp.why` says so where it is not). `tokens_per_s` is
  the best of `--rounds` interleaved rounds: others may use this machine; `tokens_per_cpu_s` counts processor seconds,
  which a busy machine changes less. First tokens are those of a prompt of about 40 tokens.
* Memory. A process opens a store of `--memories` episodes (`--facts` of them with the facts read from them; filled by
  another process with stand-in vectors of the same space), takes ten chat turns of every kind with memory ON, and
  reports its resident set: what it is in the end, and at its highest (`rss_mb`, `rss_peak_mb`).
* Growth. The same turns over 1k, 10k, 50k and 100k memories: median and 95th percentile of the time to the first piece
  of an answer from memory, and of one that the model gives in its own words with memory ON
  (`engine.first_token_ms` is the latter's median at `--memories`).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

PROMPTS = (
    "Tell me about the sea in three sentences.",
    "Explain to a child how a bicycle stays upright.",
    "Write a short letter to a friend about a walk in the mountains.",
)
ASKED = (
    ("What is the code of locker {i}?", True),
    ("Who keeps the {look} {kind} of shelf {i}?", True),
    ("Explain to a child how a bicycle stays upright.", False),
    ("Tell me something about old lighthouses.", False),
    ("Describe a quiet morning by the sea.", False),
)
KINDS = ("lamp", "kite", "clock", "violin", "ledger", "kettle", "compass", "saddle", "mirror", "anchor")
LOOKS = ("brass", "striped", "marble", "cracked", "blue", "heavy", "tiny", "wooden", "silver", "faded")
PEOPLE = ("Ana", "Ben", "Cleo", "Dev", "Elif", "Femi", "Gus", "Hana", "Ivo", "Jun", "Kira", "Leo", "Mara", "Nils")
SIZES = (1_000, 10_000, 50_000, 100_000)


def sentence(i: int) -> str:
    """The i-th memory."""
    kind, look, who = KINDS[i % 10], LOOKS[i // 10 % 10], PEOPLE[i % 14]
    if i % 2:
        return f"{who} keeps the {look} {kind} of shelf {i}."
    return f"The code of locker {i} is {1000 + i * 7 % 9000}."


# Parts, each a process ------------------------------------------------------------------------------------------------


def speed_torch(args: argparse.Namespace) -> dict[str, Any]:
    from hippo_mem.lm.model import LanguageModel
    from hippo_mem.lm.torch_engine import TorchEngine

    return {"dtype": str((lm := LanguageModel.load(args.model)).dtype), **decode(TorchEngine(lm), args)}


def speed_engine(args: argparse.Namespace) -> dict[str, Any]:
    from hippo_mem.memory import Hippo, HippoConfig

    with Hippo.open(user="speed", model=args.model, config=HippoConfig(engine=args.engine)) as hippo:
        name = hippo.wait_for_engine()
        if name == "torch":
            raise SystemExit(f"no quick engine: {hippo.status()['engine']['reason']}")
        return {"precision": name, **decode(hippo.engine, args)}


def decode(engine: Any, args: argparse.Namespace) -> dict[str, Any]:
    """One round over the prompts."""
    n, seconds, first = 0, 0.0, []
    "".join(engine.stream(engine.chat_prompt("Hello."), max_new_tokens=8))  # the first pass prepares
    cpu = time.process_time()
    for prompt in PROMPTS:
        stream = engine.stream(engine.chat_prompt(f"{prompt} {'Please. ' * 10}"), max_new_tokens=args.tokens)
        for _ in stream:
            pass
        n += stream.n_tokens
        seconds += stream.seconds
        first.append(1e3 * stream.first_token_s)
    return {
        "tokens_per_s": round(n / seconds, 1), "tokens_per_cpu_s": round(n / (time.process_time() - cpu), 1),
        "bare_first_token_ms": round(float(np.median(first)), 1), "n_tokens": n,
    }  # fmt: skip


def speed_llama(args: argparse.Namespace) -> dict[str, Any]:
    from llama_cpp import Llama

    from hippo_mem.lm.source import BUNDLED

    module, file, _ = BUNDLED[args.model]
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    llm = Llama(str(Path(spec.origin).parent / file), n_ctx=2048, verbose=False)
    n, seconds = 0, 0.0
    llm("Hello.", max_tokens=8)
    cpu = time.process_time()
    for prompt in PROMPTS:
        text = f"<|im_start|>user\n{prompt} {'Please. ' * 10}<|im_end|>\n<|im_start|>assistant\n"
        start = time.perf_counter()
        n += llm(text, max_tokens=args.tokens, temperature=0.0)["usage"]["completion_tokens"]
        seconds += time.perf_counter() - start
    return {
        "tokens_per_s": round(n / seconds, 1),
        "tokens_per_cpu_s": round(n / (time.process_time() - cpu), 1),
        "n_tokens": n,
    }


class StandIn:
    """Unit vectors of the real space's name and width, drawn from the text: filling needs no model."""

    id = "all-minilm-l6-v2"
    dim = 384

    def embed(self, texts: Any) -> np.ndarray:
        """Texts -> (n, 384), rows of length 1."""
        rows = np.stack([np.random.default_rng(zlib.crc32(t.encode())).standard_normal(self.dim) for t in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def fill(args: argparse.Namespace) -> dict[str, Any]:
    """A user's store of `--n` memories."""
    from hippo_mem.awake import Awake
    from hippo_mem.config import GateConfig
    from hippo_mem.episodic.rows import Draft
    from hippo_mem.types import Event, Provenance, Salience

    verdict = Salience(surprise=0.0, novelty=1.0, reward=False, pin=False, score=1.0, threshold=0.0)
    start = time.perf_counter()
    embedder = StandIn()
    n_facts = min(args.facts, args.n)
    with Awake.open(user=f"n{args.n}", embedder=embedder, config=GateConfig(surprise="off")) as awake:
        for first in range(0, n_facts, 500):
            awake.observe_many([Event(text=sentence(i), pin=True) for i in range(first, min(first + 500, n_facts))])
        for first in range(n_facts, args.n, 2000):
            rows = range(first, min(first + 2000, args.n))
            vectors = embedder.embed([sentence(i) for i in rows])
            with awake.store.transaction():
                for i, vector in zip(rows, vectors, strict=True):
                    told = Provenance(text_span=sentence(i), source="user", time=float(i))
                    draft = Draft(
                        text=sentence(i), provenance=told, salience=verdict, created=float(i), valid_from=float(i)
                    )
                    awake.store.add(draft, vector)
        awake.store.settle()
    return {"n": args.n, "fill_s": round(time.perf_counter() - start, 1)}


def serve(args: argparse.Namespace) -> dict[str, Any]:
    """Chat over a filled store: resident memory, and time to the first piece."""
    import psutil

    from hippo_mem.memory import Hippo, HippoConfig

    process = psutil.Process()
    waited: dict[bool, list[float]] = {True: [], False: []}
    peak = 0.0
    decided: dict[str, int] = {}
    with Hippo.open(user=f"n{args.n}", model=args.model, config=HippoConfig(engine=args.engine)) as hippo:
        hippo.wait_for_engine()
        for turn in range(args.turns + 1):
            for template, from_memory in ASKED:
                i = (turn * 37 + 11) % min(args.n, args.facts)
                i += (i % 2 == 0) if "shelf" in template else -(i % 2)
                cue = template.format(i=i, kind=KINDS[i % 10], look=LOOKS[i // 10 % 10])
                answer = hippo.chat([{"role": "user", "content": cue}], max_new_tokens=8)
                answer.finish()
                if turn and answer.first_token_s is not None:  # the first round loads what is loaded when first used
                    waited[from_memory].append(1e3 * answer.first_token_s)
                    decided[answer.decided_by] = decided.get(answer.decided_by, 0) + 1
                peak = max(peak, process.memory_info().rss / 1e6)
            hippo.observe(f"On round {turn} of this run somebody measured {args.n} memories.")
        resident = process.memory_info().rss / 1e6
        return {
            "n": args.n, "rss_mb": round(resident, 1), "rss_peak_mb": round(max(peak, resident), 1),
            "torch_loaded": "torch" in sys.modules, "engine": hippo.status()["engine"], "decided_by": decided,
            "memory_ms": quantiles(waited[True]), "model_ms": quantiles(waited[False]),
        }  # fmt: skip


def quantiles(values: list[float]) -> dict[str, float]:
    """p50 and p95 in the unit of the values."""
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "n": len(values)}


PARTS = {"torch": speed_torch, "engine": speed_engine, "llama": speed_llama, "fill": fill, "serve": serve}


# The whole ------------------------------------------------------------------------------------------------------------


def part(name: str, args: argparse.Namespace, **more: Any) -> dict[str, Any]:
    """Run one part in a process of its own, and read the JSON it prints last."""
    command = [sys.executable, __file__, "--part", name]
    for key, value in {**vars(args), **more}.items():
        if key not in ("part", "json", "sizes") and value is not None:
            command += [f"--{key}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{name} failed: {done.stderr.strip().splitlines()[-1] if done.stderr else done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def speeds(args: argparse.Namespace) -> dict[str, Any]:
    """The best of interleaved rounds of each engine."""
    names = ["torch", "engine"] + (["llama"] if importlib.util.find_spec("llama_cpp") else [])
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(args.rounds):
        for name in names:
            rounds[name].append(part(name, args))
    best = {name: max(found, key=lambda r: r["tokens_per_s"]) for name, found in rounds.items()}
    for name, found in rounds.items():
        best[name] = {**best[name], "tokens_per_cpu_s": max(r["tokens_per_cpu_s"] for r in found)}
    absent = {"tokens_per_s": None, "why": "the Python package llama_cpp is not installed"}
    return {
        "torch": best["torch"], "engine": best["engine"], "llama_cpp": best.get("llama", absent),
        "engine_over_torch": round(best["engine"]["tokens_per_s"] / best["torch"]["tokens_per_s"], 2),
        "engine_over_torch_cpu": round(best["engine"]["tokens_per_cpu_s"] / best["torch"]["tokens_per_cpu_s"], 2),
    }  # fmt: skip


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    result = speeds(args)
    growth = []
    for n in sorted({*args.sizes, args.memories}):
        filled = part("fill", args, n=n)
        growth.append({**filled, **part("serve", args, n=n)})
    main = next(g for g in growth if g["n"] == args.memories)
    result["engine"]["first_token_ms"] = main["model_ms"]["p50"]
    return {
        **result, "rss_mb": main["rss_mb"], "rss_peak_mb": main["rss_peak_mb"], "growth": growth,
        "n_memories": args.memories, "n_cores": len(os.sched_getaffinity(0)), "load_average": os.getloadavg()[0],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--engine", default="auto", choices=("auto", "int8", "int4"))
    parser.add_argument("--tokens", type=int, default=96, help="decoded a prompt")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memories", type=int, default=50_000)
    parser.add_argument("--facts", type=int, default=2_000, help="memories whose facts are read as well")
    parser.add_argument("--turns", type=int, default=8, help="rounds of five chat turns")
    parser.add_argument("--sizes", type=lambda s: [int(x) for x in s.split(",")], default=list(SIZES))
    parser.add_argument("--n", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--part", choices=sorted(PARTS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps(PARTS[args.part](args)))
        return
    with tempfile.TemporaryDirectory() as folder:
        from hippo_mem.home import data_home

        home = Path(folder) / "home"
        home.mkdir()
        models = data_home() / "models"
        models.mkdir(parents=True, exist_ok=True)  # converted and exported once, kept for the next run
        (home / "models").symlink_to(models.resolve(), target_is_directory=True)
        os.environ["HIPPO_HOME"] = str(home)
        result = measure(args)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
