"""The border between a script and the shell: an error is one clear line on stderr and an exit code.

0 done, 1 a run that failed (a guardrail, a night, a store), 2 input that cannot be used, 130 Ctrl-C. Knows nothing of
what the script does.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable

from hippo_mem.errors import HippoError, InputError

_log = logging.getLogger(__name__)
_LIBRARIES = r"(peft|transformers|torch)\."


def exit_code(name: str, work: Callable[[], object]) -> int:
    """Do `work`; say what went wrong, if anything, and return the code to exit with."""
    hide_bars_of_libraries()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=_LIBRARIES)  # their advice to developers
            work()
    except HippoError as error:
        sys.stderr.write(f"{name}: {' '.join(str(error).split())}\n")
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: interrupted; files that were complete are still there\n")
        return 130
    except BrokenPipeError:  # `| head` has seen enough
        return 0
    except Exception as error:  # noqa: BLE001
        _log.exception("%s failed", name)
        sys.stderr.write(f"{name}: unexpected {type(error).__name__}: {' '.join(str(error).split())}\n")
        return 1
    return 0


def hide_bars_of_libraries() -> None:
    """The model libraries draw a bar for each of their own steps, unless these are set when they are imported."""
    for setting in ("HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE"):
        os.environ.setdefault(setting, "1")
