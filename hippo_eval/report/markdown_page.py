"""A document as Markdown, for reading where the repository is read. Pictures are files beside the page.

Knows nothing of what the document says.
"""

from __future__ import annotations

import re

from hippo_eval.report.document import (
    Block,
    Details,
    Document,
    Example,
    Heading,
    Links,
    Listing,
    Marked,
    Paragraph,
    Plots,
    Table,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_MARKS = {"good": "", "bad": "⚠️ ", "open": "", "plain": "", "quiet": ""}
# Folder of the pictures, beside the pages.
PLOTS = "plots"


def to_markdown(document: Document) -> str:
    """The page; links go to the Markdown pages beside it."""
    parts = [f"[← all suites]({document.back}.md)"] if document.back else []
    parts += [f"# {_text(document.title)}", _text(document.lead)]
    parts += [_block(block) for block in document.blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {_text(block.text)}"
        case Paragraph():
            return _MARKS[block.tone] + _text(block.text)
        case Listing():
            return "\n".join(f"* {_MARKS[tone]}{_text(text)}" for tone, text in block.items)
        case Links():
            return "\n".join(f"* [{_text(title)}]({name}.md): {_text(what)}" for title, name, what in block.pages)
        case Table():
            return _table(block)
        case Plots():
            return "\n\n".join(f"![{_text(p.alt)}]({PLOTS}/{p.name}.svg)" for p in block.plots)
        case Example():
            return _example(block)
        case Details():
            inner = "\n\n".join(_block(b) for b in block.blocks)
            return f"<details><summary>{_text(block.summary)}</summary>\n\n{inner}\n\n</details>"


def _table(table: Table) -> str:
    rule = ["---" if i in table.left else "--:" for i in range(len(table.header))]
    rows = [list(map(_text, table.header)), rule, *([_cell(c) for c in row] for row in table.rows)]
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{text}\n\n{_text(table.note)}" if table.note else text


def _cell(cell: str | Marked) -> str:
    return _text(cell) if isinstance(cell, str) else _MARKS[cell.tone] + _text(cell.text)


def _example(example: Example) -> str:
    lines = [f"**{_text(example.title)}**", ""]
    lines += [f"* {_text(name)}: {_text(text)}" for name, text in example.facts]
    lines += [f"    {i}. {_text(text)} ({_text(label)})" for i, (label, text) in enumerate(example.steps, start=1)]
    return "\n".join(lines)


def _text(text: str) -> str:
    """One line in which nothing is markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("\\<", "&lt;").replace("\\>", "&gt;")
