"""A report as a list of blocks, written as Markdown with pictures beside it, or as one HTML file with them inside.

In: headings, paragraphs, tables, figures. Out: text and PNG files. Knows nothing of what a report says.
"""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

_DPI = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A title; level 1 is the report's own."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Running text. `code` in backticks is set as code."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a header. Cells are text; the first column is set left, the others as `align` says."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str = "right"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """A figure with a file name (without ending) and what it shows."""

    name: str
    figure: Figure
    caption: str


Block = Heading | Paragraph | Table | Picture


def png(figure: Figure) -> bytes:
    """The figure as PNG, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=_DPI, format="png", metadata={"Software": None})
    return buffer.getvalue()


def markdown(blocks: Sequence[Block]) -> str:
    """The report as Markdown; pictures are referred to as `<name>.png`."""
    parts = []
    for block in blocks:
        match block:
            case Heading():
                parts.append(f"{'#' * block.level} {block.text}")
            case Paragraph():
                parts.append(block.text)
            case Table():
                rule = ["---", *("--:" if block.align == "right" else "---" for _ in block.header[1:])]
                rows = [block.header, rule, *([_cell(c) for c in row] for row in block.rows)]
                parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
            case Picture():
                parts.append(f"![{block.caption}]({block.name}.png)\n\n*{block.caption}*")
    return "\n\n".join(parts) + "\n"


def page(blocks: Sequence[Block], title: str, pictures: dict[str, bytes]) -> str:
    """The report as one HTML file that needs nothing beside it. `pictures`: PNG by name, as `png` makes them."""
    body = "\n".join(_html(block, pictures) for block in blocks)
    return _PAGE.replace("{title}", html.escape(title)).replace("{body}", body)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _html(block: Block, pictures: dict[str, bytes]) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{_inline(block.text)}</h{block.level}>"
        case Paragraph():
            return f"<p>{_inline(block.text)}</p>"
        case Table():
            head = "".join(f"<th>{_inline(cell)}</th>" for cell in block.header)
            rows = "".join(f"<tr>{''.join(f'<td>{_inline(c)}</td>' for c in row)}</tr>\n" for row in block.rows)
            return (
                f'<div class="scroll"><table class="{block.align}"><thead><tr>{head}</tr></thead>\n'
                f"<tbody>{rows}</tbody></table></div>"
            )
        case Picture():
            data = base64.b64encode(pictures[block.name]).decode()
            alt = html.escape(block.caption, quote=True)
            return (
                f'<figure><img alt="{alt}" src="data:image/png;base64,{data}">'
                f"<figcaption>{_inline(block.caption)}</figcaption></figure>"
            )


def _inline(text: str) -> str:
    escaped = html.escape(text)
    coded = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", coded)


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1 { font-size: 1.7rem; } h2 { margin-top: 2.4rem; border-bottom: 1px solid #ddd; } h3 { margin-top: 1.6rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #e5e5e5; vertical-align: top; }
th { text-align: left; border-bottom: 2px solid #999; }
table.right td:not(:first-child), table.right th:not(:first-child) { text-align: right; white-space: nowrap; }
figure { margin: 1.2rem 0; } img { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: 13px; } code { background: #f3f3f3; padding: 0 .2em; }
</style></head><body>
{body}
</body></html>
"""
