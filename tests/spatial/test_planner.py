"""The cheapest route, whatever the coordinates are."""

from __future__ import annotations

import math

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo_mem.errors import InputError
from hippo_mem.spatial.planner import NoRoute, Way, plan

_EDGES = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.floats(0, 5), st.floats(0.05, 1)), min_size=1, max_size=20
)
_POINTS = st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=7, max_size=7)


def graph_of(edges: list[tuple[int, int, float, float]]) -> dict[int, list[Way[int]]]:
    graph: dict[int, list[Way[int]]] = {n: [] for n in range(7)}
    for a, b, cost, success in edges:
        graph[a].append(Way(to=b, cost=cost, success=success, move=f"{a}>{b}"))
    return graph


@settings(deadline=None)
@given(_EDGES, _POINTS, st.sampled_from([0.0, 1.0]))
def test_as_cheap_as_dijkstra_with_any_coordinates(
    edges: list[tuple[int, int, float, float]], points: list[tuple[int, int]], risk: float
) -> None:
    graph = graph_of(edges)
    peer = nx.MultiDiGraph()
    peer.add_nodes_from(graph)
    for a, b, cost, success in edges:
        peer.add_edge(a, b, weight=cost - risk * math.log(success))
    positions = {n: (float(x), float(y)) for n, (x, y) in enumerate(points)}
    try:
        best = nx.dijkstra_path_length(peer, 0, 6)
    except nx.NetworkXNoPath:
        with pytest.raises(NoRoute) as error:
            plan(graph, 0, 6, positions=positions, risk=risk)
        assert set(error.value.reachable) == set(nx.descendants(peer, 0)) | {0}
        return
    found = plan(graph, 0, 6, positions=positions, risk=risk)
    assert found.cost == pytest.approx(best)
    assert found.cost == pytest.approx(plan(graph, 0, 6, risk=risk).cost)
    assert (found.places[0], found.places[-1]) == (0, 6)
    loose = plan(graph, 0, 6, positions=positions, risk=risk, weight=2.0)
    assert loose.cost <= 2.0 * best + 1e-9


def test_coordinates_save_work_on_an_open_board() -> None:
    size = 15
    graph = {
        (x, y): [
            Way(to=(x + dx, y + dy), move=m)
            for m, (dx, dy) in {"L": (-1, 0), "R": (1, 0), "U": (0, -1), "D": (0, 1)}.items()
            if 0 <= x + dx < size and 0 <= y + dy < size
        ]
        for x in range(size) for y in range(size)
    }  # fmt: skip
    positions = {cell: (float(cell[0]), float(cell[1])) for cell in graph}
    guided = plan(graph, (7, 7), (12, 7), positions=positions)
    blind = plan(graph, (7, 7), (12, 7))
    assert guided.moves == ("R",) * 5
    assert guided.n_expanded < blind.n_expanded / 5


def test_a_sure_detour_beats_an_unsure_way_when_risk_counts() -> None:
    graph = {"a": [Way(to="c", cost=1, success=0.1), Way(to="b", cost=1)], "b": [Way(to="c", cost=1)], "c": []}
    assert plan(graph, "a", "c").places == ("a", "c")
    assert plan(graph, "a", "c", risk=1.0).places == ("a", "b", "c")


def test_shortcuts_are_one_decision_and_unfold_into_their_steps() -> None:
    graph = {i: [Way(to=i + 1, move="R")] for i in range(6)} | {6: []}
    memory = {1: [Way(to=5, cost=4, move="R", via=((2, "R"), (3, "R"), (4, "R")))]}
    positions = {i: (float(i), 0.0) for i in range(7)}
    found = plan(graph, 0, 6, positions=positions, shortcuts=memory)
    assert (found.places, found.moves, found.cost) == (tuple(range(7)), ("R",) * 6, 6.0)
    assert found.n_decisions == 3
    assert found.n_expanded < plan(graph, 0, 6, positions=positions).n_expanded


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match=r"'a' to 'b' has cost -1"):
        plan({"a": [Way(to="b", cost=-1)]}, "a", "b")
    with pytest.raises(InputError, match="success 0"):
        plan({"a": [Way(to="b", success=0.0)]}, "a", "b")
    with pytest.raises(InputError, match="'z' is not on the map"):
        plan({"a": []}, "z", "a")
    with pytest.raises(InputError, match="weight must be at least 1"):
        plan({"a": []}, "a", "a", weight=0.5)
    with pytest.raises(NoRoute, match="no route from 'a' to 'b'; 1 places"):
        plan({"a": [], "b": []}, "a", "b")
    assert plan({"a": []}, "a", "a").moves == ()
