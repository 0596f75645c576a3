import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hippo_mem.errors import ConfigError, InputError
from hippo_mem.replay import ReplayItem, ReplayQueue, priority


def item(name: int, salience: float) -> ReplayItem[None]:
    return ReplayItem(id=name, payload=None, salience=salience)


def test_most_important_first_and_older_first_among_equals() -> None:
    queue = ReplayQueue()
    for name, salience in ((1, 0.5), (2, 0.9), (3, 0.5), (4, 0.1)):
        queue.push(item(name, salience))
    assert [i.id for i in queue] == [2, 1, 3, 4]
    assert [queue.pop().id for _ in range(4)] == [2, 1, 3, 4]
    with pytest.raises(IndexError, match="empty replay queue"):
        queue.pop()


def test_a_full_queue_lets_the_least_important_go() -> None:
    queue = ReplayQueue(max_items=2)
    assert queue.push(item(1, 0.5)) is None
    assert queue.push(item(2, 0.9)) is None
    left = queue.push(item(3, 0.7))
    assert left is not None
    assert left.id == 1
    unimportant = item(4, 0.0)
    assert queue.push(unimportant) == unimportant
    assert {i.id for i in queue} == {2, 3}


def test_update_moves_an_item_and_names_one_that_is_not_there() -> None:
    queue = ReplayQueue()
    queue.extend([item(1, 0.2), item(2, 0.4)])
    queue.update(("episodic", 1), salience=1.0)
    assert queue.pop().id == 1
    with pytest.raises(InputError, match="no replay item"):
        queue.update(("episodic", 1), salience=0.0)


def test_ids_of_two_memories_do_not_meet() -> None:
    queue = ReplayQueue()
    queue.push(ReplayItem(id=1, payload="e", memory="episodic"))
    queue.push(ReplayItem(id=1, payload="s", memory="spatial"))
    assert len(queue) == 2
    assert ("spatial", 1) in queue


def test_a_queue_without_room_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_items=0"):
        ReplayQueue(max_items=0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 20))
def test_what_stays_is_the_most_important(saliences: list[float], room: int) -> None:
    queue = ReplayQueue(max_items=room)
    pushed = [item(i, s) for i, s in enumerate(saliences)]
    queue.extend(pushed)
    best = sorted((priority(i) for i in pushed), reverse=True)[:room]
    assert [priority(queue.pop()) for _ in range(len(queue))] == best


def test_an_endless_stream_of_updates_does_not_grow_the_heaps() -> None:
    queue = ReplayQueue(max_items=4)
    queue.extend(item(i, 0.5) for i in range(4))
    for step in range(2000):
        queue.update(("episodic", step % 4), usage=(step % 10) / 10)
    assert len(queue._best) <= 2 * 4 + 64 + 1
    assert len(queue._worst) <= 2 * 4 + 64 + 1


class QueueAgainstList(RuleBasedStateMachine):
    """The queue behaves as a sorted list would."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = ReplayQueue(max_items=5)
        self.model: list[ReplayItem[None]] = []  # in order of last push

    @rule(name=st.integers(0, 9), salience=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    def push(self, name: int, salience: float) -> None:
        new = item(name, salience)
        self.model = [*(i for i in self.model if i.id != name), new]
        left = self.queue.push(new)
        if len(self.model) > 5:
            worst = min(self.model, key=priority)  # the first, so the oldest, of equals
            self.model.remove(worst)
            assert left == worst
        else:
            assert left is None

    @precondition(lambda self: self.model)
    @rule()
    def pop(self) -> None:
        best = max(self.model, key=priority)
        self.model.remove(best)
        assert self.queue.pop() == best

    @invariant()
    def same_items(self) -> None:
        assert list(self.queue) == sorted(self.model, key=lambda i: -priority(i))


TestQueueAgainstList = QueueAgainstList.TestCase
