"""Personalized PageRank against a dense solution, and its bounds."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from scipy import sparse

from hippo_mem.relational.pagerank import personalized_pagerank


def test_it_is_what_networkx_computes() -> None:
    graph = nx.gnm_random_graph(40, 80, seed=3)
    for i, (_, _, data) in enumerate(graph.edges(data=True)):
        data["weight"] = 1.0 + i % 3
    graph.add_node(40)  # without edges
    weights = sparse.csr_matrix(nx.to_scipy_sparse_array(graph, weight="weight", dtype=float))
    restart = np.zeros(41)
    restart[[2, 40]] = (0.75, 0.25)
    got = personalized_pagerank(weights, restart, tolerance=1e-12, max_iterations=500)
    want = nx.pagerank(graph, 0.85, personalization={2: 0.75, 40: 0.25}, dangling={2: 0.75, 40: 0.25}, tol=1e-12,
                       max_iter=500)  # fmt: skip
    assert got == pytest.approx([want[i] for i in range(41)], abs=1e-9)
    assert got.sum() == pytest.approx(1.0)


def test_it_works_by_hand_on_a_chain() -> None:
    # a - b, starting at a: p_a = 0.15 + 0.85 p_b, p_b = 0.85 p_a
    weights = sparse.csr_matrix(np.array([[0.0, 1.0], [1.0, 0.0]]))
    got = personalized_pagerank(weights, np.array([2.0, 0.0]), tolerance=1e-12, max_iterations=1000)
    assert got == pytest.approx([0.15 / (1 - 0.85**2), 0.85 * 0.15 / (1 - 0.85**2)])


@pytest.mark.parametrize("restart", [[0.0, 0.0], [1.0, -1.0], [np.nan, 1.0], [1.0]])
def test_a_bad_restart_is_refused(restart: list[float]) -> None:
    with pytest.raises(ValueError, match="restart"):
        personalized_pagerank(sparse.eye(2).tocsr(), np.array(restart))
