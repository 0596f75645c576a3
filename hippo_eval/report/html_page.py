"""A document as one self-contained HTML page. Knows nothing of what it says."""

from __future__ import annotations

from html import escape

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
    Plot,
    Plots,
    Table,
)
from hippo_eval.report.look import page

# From how many characters on a text column may break its lines.
_LONG = 48


def to_html(document: Document) -> str:
    """The page; links go to the HTML pages beside it."""
    back = f'<p><a href="{escape(document.back)}.html">← all suites</a></p>' if document.back else ""
    body = "\n".join(_block(block) for block in document.blocks)
    return page(
        document.title,
        f'{back}<h1>{escape(document.title)}</h1>\n<p class="lead">{escape(document.lead)}</p>\n{body}',
    )


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
        case Paragraph():
            return f'<p class="{block.tone}">{escape(block.text)}</p>'
        case Listing():
            items = "".join(f'<li class="{tone}">{escape(text)}</li>' for tone, text in block.items)
            return f'<ul class="says">{items}</ul>'
        case Links():
            items = "".join(
                f'<li><a href="{escape(name)}.html">{escape(title)}</a> <span class="quiet">{escape(what)}</span></li>'
                for title, name, what in block.pages
            )
            return f"<ul>{items}</ul>"
        case Table():
            return _table(block)
        case Plots():
            return f'<div class="plots">{"".join(map(_figure, block.plots))}</div>'
        case Example():
            return _example(block)
        case Details():
            inner = "\n".join(_block(b) for b in block.blocks)
            return f"<details><summary>{escape(block.summary)}</summary>{inner}</details>"


def _figure(plot: Plot) -> str:
    caption = f"<figcaption>{escape(plot.title)}</figcaption>"
    return f'<figure role="img" aria-label="{escape(plot.alt)}">{caption}{plot.svg}</figure>'


def _table(table: Table) -> str:
    head = "".join(f"<th{_side(table, i)}>{escape(name)}</th>" for i, name in enumerate(table.header))
    rows = "".join(
        "<tr>" + "".join(_cell(table, i, cell) for i, cell in enumerate(row)) + "</tr>" for row in table.rows
    )
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{body}</div>{note}'


def _cell(table: Table, column: int, cell: str | Marked) -> str:
    marked = cell if isinstance(cell, Marked) else Marked(text=cell)
    names = [n for n, on in (("l", column in table.left), ("wide", len(marked.text) > _LONG)) if on]
    names += [marked.tone] if marked.tone != "plain" else []
    attributes = f' class="{" ".join(names)}"' if names else ""
    attributes += f' title="{escape(marked.title)}"' if marked.title else ""
    return f"<td{attributes}>{escape(marked.text)}</td>"


def _side(table: Table, column: int) -> str:
    return ' class="l"' if column in table.left else ""


def _example(example: Example) -> str:
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in example.facts)
    steps = "".join(
        f'<li>{escape(text)} <span class="quiet">{escape(label)}</span></li>' for label, text in example.steps
    )
    return (
        f'<div class="example"><h4>{escape(example.title)}</h4><dl>{facts}</dl>{f"<ol>{steps}</ol>" if steps else ""}'
        "</div>"
    )
