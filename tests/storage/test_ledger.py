from hippo_mem.awake import Awake


def test_nights_know_what_they_learned_and_what_was_deleted_since(awake: Awake) -> None:
    ids = [o[0].trace_id for o in awake.observe_many([f"Box {i} holds a lamp." for i in range(5)])]
    a, b, c, d, _ = [i for i in ids if i is not None]
    ledger = awake.ledger
    ledger.record_night(1, [a, b, c])
    ledger.record_night(2, [c, d])
    ledger.record_night(2, [c, d])
    assert ledger.nights() == {1: 3, 2: 2}
    assert ledger.traces_of(2) == (c, d)
    assert ledger.nights_of(c) == (1, 2)
    assert ledger.nights_to_unlearn() == {}

    awake.forget(trace_id=c)
    awake.forget(trace_id=b)
    assert ledger.nights_to_unlearn() == {1: (b, c), 2: (c,)}
    assert list(ledger.deletions()) == [c, b]
    assert ledger.traces_of(1) == (a, b, c)

    ledger.remove_night(1)
    assert ledger.nights_to_unlearn() == {2: (c,)}
    assert ledger.nights() == {2: 2}


def test_counters_add_up_and_are_kept(awake: Awake) -> None:
    awake.ledger.count(retrieval_requests=2, other=1)
    awake.ledger.count(retrieval_requests=3)
    assert awake.ledger.counts() == {"other": 1, "retrieval_requests": 5}
