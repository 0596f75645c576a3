"""Numbers as they stand in a table: shares in hundredths, times in milliseconds, a dash where there is nothing.

Knows nothing of what they measure.
"""

from __future__ import annotations

import math
from typing import Any

from hippo_eval.report.document import Marked, Tone
from hippo_eval.statistics import Interval

NONE = "–"


def share(value: float | None, digits: int = 2) -> str:
    """`0.94`; a dash for None or what is no number."""
    return f"{value:.{digits}f}" if _is_number(value) else NONE


def with_interval(interval: Interval | None) -> str:
    """`0.94 (0.90–0.97)`."""
    return f"{interval.mean:.2f} ({interval.low:.2f}–{interval.high:.2f})" if interval is not None else NONE


def points(interval: Interval) -> str:
    """A difference of shares in points: `+12.5 (+8.0 to +17.1)`."""
    return f"{100 * interval.mean:+.1f} ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"


def p_value(p: float, alpha: float = 0.05) -> Marked:
    """A p-value, pale where it is not below `alpha`."""
    return Marked(text="< 0.001" if p < 0.001 else f"{p:.3f}", tone="plain" if p < alpha else "quiet")


def number(value: Any) -> str:
    """A count, a time or a text, as short as it may be."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return NONE if value is None else str(value)
    if not math.isfinite(value):
        return NONE
    if isinstance(value, int) or (value == int(value) and abs(value) >= 10):
        return f"{int(value):,}".replace(",", " ")
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}".replace(",", " ")


def marked(text: str, tone: Tone, title: str = "") -> Marked:
    """Text with a tone."""
    return Marked(text=text, tone=tone, title=title)


def slug(name: str) -> str:
    """A name of which a file's may be made."""
    return "".join(c if c.isalnum() else "_" for c in name)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
