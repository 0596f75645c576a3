"""Positions that fit what was told, and what does not fit together."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_mem.spatial.coordinates import Link, lay_out

Step = tuple[int, int]
UP, DOWN, LEFT, RIGHT = (0, -1), (0, 1), (-1, 0), (1, 0)


def link(dst: str, vector: Step | None, src: str, distance: float = 1.0) -> Link[str]:
    return Link(src=src, dst=dst, vector=vector, distance=distance)


def test_unit_steps_where_they_fit() -> None:
    layout = lay_out([link("kitchen", UP, "hall"), link("garden", RIGHT, "kitchen"), link("mill", RIGHT, "hall", 5)])
    x, y = layout.positions["hall"]
    assert layout.positions["garden"] == (x + 1, y - 1)
    assert layout.positions["mill"] == (x + 5, y)
    assert layout.exact


def test_an_order_is_kept_where_unit_steps_cannot() -> None:
    # b is left of c and a left of b, yet a is told to be directly left of c as well
    layout = lay_out([link("a", LEFT, "b"), link("b", LEFT, "c"), link("a", LEFT, "c")])
    assert not layout.exact
    assert not layout.dropped
    xs = [layout.positions[n][0] for n in "abc"]
    assert xs == sorted(set(xs))
    assert layout.less("a", "c", 0)
    assert not layout.less("c", "a", 0)


def test_above_says_nothing_of_x() -> None:
    layout = lay_out([link("a", UP, "b"), link("a", RIGHT, "b")])
    assert not layout.dropped
    assert layout.less("a", "b", 1)
    assert layout.less("b", "a", 0)


def test_the_newest_of_a_cycle_stays() -> None:
    told = [link("a", UP, "b"), link("b", UP, "c"), link("c", UP, "a"), link("d", UP, "a")]
    assert lay_out(told).dropped == {0}
    assert lay_out([link("a", UP, "a")]).dropped == {0}


def test_told_coordinates_stay_and_join_groups() -> None:
    layout = lay_out([link("a", RIGHT, "b")], {"b": (10.0, 10.0), "z": (3.0, 3.0)})
    assert layout.positions == {"b": (10.0, 10.0), "a": (11.0, 10.0), "z": (3.0, 3.0)}
    assert layout.comparable("a", "z")


_VECTORS = st.sampled_from([UP, DOWN, LEFT, RIGHT, (1, 1), (-1, 1), (1, -1), (-1, -1)])
_TOLD = st.lists(st.tuples(st.integers(0, 7), _VECTORS, st.integers(0, 7)), max_size=25)


@settings(deadline=None)
@given(_TOLD)
def test_every_kept_link_holds_in_the_layout(told: list[tuple[int, Step, int]]) -> None:
    links = [Link(src=b, dst=a, vector=v) for a, v, b in told]
    layout = lay_out(links)
    for i, one in enumerate(links):
        if i in layout.dropped or one.vector is None:
            continue
        for axis in (0, 1):
            step = layout.positions[one.dst][axis] - layout.positions[one.src][axis]
            assert step * one.vector[axis] > 0 or one.vector[axis] == 0
            if one.vector[axis]:
                low, high = (one.src, one.dst) if one.vector[axis] > 0 else (one.dst, one.src)
                assert layout.less(low, high, axis)
                assert not layout.less(high, low, axis)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=8, unique=True), st.randoms())
def test_true_steps_on_a_lattice_are_never_contradictory(cells: list[Step], rng: object) -> None:
    links = [
        Link(src=b, dst=a, vector=(a[0] - b[0], a[1] - b[1]))
        for a in cells for b in cells if abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1
    ]  # fmt: skip
    rng.shuffle(links)  # type: ignore[attr-defined]
    layout = lay_out(links)
    assert layout.exact
    assert not layout.dropped
