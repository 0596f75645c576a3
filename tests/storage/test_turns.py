"""Who asks first is served first, and nobody is left waiting by who asks often."""

from __future__ import annotations

import threading

import pytest

from hippo_mem.storage import turns
from hippo_mem.storage.turns import Turns


def test_a_thread_that_has_it_may_take_it_again() -> None:
    lock, held = Turns(), []
    with lock:
        held.append("once")
        with lock:
            held.append("twice")

    def enter() -> None:
        with lock:
            held.append("another thread")

    other = threading.Thread(target=enter)
    other.start()
    other.join(10)
    assert held == ["once", "twice", "another thread"]


def test_only_who_has_it_lets_go() -> None:
    with pytest.raises(RuntimeError, match="only by the thread that has it"):
        Turns().__exit__(None, None, None)


def test_turns_are_taken_in_the_order_asked_for() -> None:
    lock, served = Turns(), []

    def ask(number: int) -> None:
        with lock:
            served.append(number)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    with lock:
        for i, thread in enumerate(threads):
            thread.start()
            while len(lock._waiting) <= i:  # it waits before the next one asks
                pass
    for thread in threads:
        thread.join(10)
    assert served == list(range(8))


def test_who_takes_it_over_and_over_lets_the_other_in_at_the_next_turn() -> None:
    lock, order, entered = Turns(), [], threading.Event()

    def once() -> None:
        with lock:
            order.append("once")
            entered.set()

    other = threading.Thread(target=once)
    with lock:
        other.start()
        while not lock._waiting:
            pass
    for _ in range(1000):
        with lock:
            order.append("often")
    other.join(10)
    assert entered.is_set()
    assert order[0] == "once"


def test_nothing_is_counted_twice_by_many_threads() -> None:
    lock, total = Turns(), [0]

    def add() -> None:
        for _ in range(500):
            with lock:
                before = total[0]
                total[0] = before + 1

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert total == [3000]


def test_an_interrupt_while_waiting_leaves_the_place_in_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        """A lock whose second acquisition is interrupted, as Ctrl-C does it."""

        def __init__(self) -> None:
            self.n = 0

        def acquire(self) -> None:
            self.n += 1
            if self.n == 2:
                raise KeyboardInterrupt

    lock, raised = Turns(), []

    def ask() -> None:
        try:
            with lock:
                raised.append("entered")
        except KeyboardInterrupt:
            raised.append("interrupted")

    thread = threading.Thread(target=ask)
    with lock, monkeypatch.context() as patched:
        patched.setattr(turns, "_new_lock", Interrupted)
        thread.start()
        thread.join(10)
    assert raised == ["interrupted"]
    with lock:
        raised.append("free")
    assert raised[-1] == "free"
