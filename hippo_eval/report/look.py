"""How every page of ours looks: one style sheet, light and dark, from a telephone to a wide screen.

Knows nothing of what stands on a page. Nothing is fetched: system fonts, colors as variables, no script.
"""

from __future__ import annotations

import html

# Okabe & Ito's palette, told apart by color-blind readers too; the dark scheme has the same hues, lighter.
LIGHT = {"blue": "#0072b2", "green": "#00805c", "orange": "#c45100", "grey": "#767676", "sky": "#2f8fc4"}
DARK = {"blue": "#5ab4e8", "green": "#3ecf9f", "orange": "#ff9a52", "grey": "#a3a3a3", "sky": "#8ccdf2"}


def _colors(scheme: dict[str, str]) -> str:
    return ";".join(f"--{name}:{value}" for name, value in scheme.items())


STYLE = f"""
:root{{color-scheme:light dark;--bg:#fff;--fg:#1d2126;--soft:#5b6570;--line:#d9dee3;--panel:#f5f7f9;{_colors(LIGHT)}}}
@media(prefers-color-scheme:dark){{:root{{--bg:#14171b;--fg:#e4e8ec;--soft:#9aa5b1;--line:#333a42;--panel:#1c2127;
{_colors(DARK)}}}}}
*{{box-sizing:border-box}}
body{{background:var(--bg);color:var(--fg);font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;margin:0 auto;
max-width:92rem;padding:1.5rem clamp(.9rem,3vw,2.5rem) 4rem}}
h1{{font-size:1.7rem;line-height:1.25;margin:.4rem 0 .3rem;overflow-wrap:anywhere}}
h2{{font-size:1.25rem;margin:2.4rem 0 .6rem;padding-top:.8rem;border-top:1px solid var(--line)}}
h3{{font-size:1.02rem;margin:1.5rem 0 .4rem}}
p,ul,ol{{max-width:52rem;margin:.5rem 0}} a{{color:var(--blue)}} .lead{{color:var(--soft);margin-bottom:1rem}}
.quiet{{color:var(--soft)}} .good{{color:var(--green)}} .bad{{color:var(--orange)}}
ul.says{{list-style:none;padding:0}}
ul.says li{{border-left:4px solid var(--line);padding:.25rem 0 .25rem .8rem;margin:.45rem 0}}
ul.says li.good{{border-color:var(--green)}} ul.says li.bad{{border-color:var(--orange)}}
ul.says li.open{{border-color:var(--grey)}} ul.says li{{color:var(--fg)}}
.scroll{{overflow-x:auto;margin:.7rem 0;max-width:100%}}
table{{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}}
th,td{{padding:.28rem .7rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap;vertical-align:top}}
th{{color:var(--soft);font-weight:600;vertical-align:bottom;white-space:normal}}
tr>*:first-child{{position:sticky;left:0;background:var(--bg)}}
th.l,td.l{{text-align:left}} td.l{{min-width:6rem}} td.wide{{white-space:normal;min-width:14rem}}
tr>*:first-child{{padding-left:0}} .note{{font-size:.85rem;color:var(--soft);max-width:52rem;margin:.2rem 0 1rem}}
.plots{{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,23.5rem),1fr));gap:1rem;margin:1rem 0}}
figure{{margin:0;background:var(--panel);border-radius:8px;padding:.7rem .7rem .4rem;min-width:0}}
figcaption{{font-size:.9rem;font-weight:600;margin-bottom:.3rem}}
figure svg{{display:block;width:100%;height:auto;max-width:34rem}} img{{max-width:100%}}
.example{{background:var(--panel);border-radius:8px;padding:.6rem .9rem;margin:.7rem 0;max-width:60rem}}
.example h4{{margin:.1rem 0 .4rem;font-size:.95rem}}
dl{{display:grid;grid-template-columns:minmax(5.5rem,max-content) 1fr;gap:.12rem .9rem;margin:.3rem 0}}
dt{{color:var(--soft)}} dd{{margin:0;overflow-wrap:anywhere}}
.example ol{{padding-left:1.4rem;margin:.4rem 0 .2rem;font-size:.9rem}} .example li{{overflow-wrap:anywhere}}
details{{margin:.7rem 0}} summary{{cursor:pointer;color:var(--blue)}}
@media(max-width:34rem){{dl{{grid-template-columns:1fr}} dd{{margin-bottom:.35rem}}}}
@media print{{body{{max-width:none}} details{{display:block}}}}
"""


def page(title: str, body: str) -> str:
    """A whole HTML page around `body`, which is markup already."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )
