import subprocess
import sys


def test_replay_brings_no_language_model_store_or_training_along() -> None:
    code = (
        "import sys, hippo_mem.replay\n"
        "heavy = ('torch', 'transformers', 'faiss', 'spacy', 'hippo_mem.lm', 'hippo_mem.storage', 'hippo_mem.sleep')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": _root()}
    )
    assert done.stdout.strip() == "[]"


def _root() -> str:
    from pathlib import Path

    import hippo_mem

    return str(Path(next(iter(hippo_mem.__path__))).parent)
