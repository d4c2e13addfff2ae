from __future__ import annotations

import threading

from qsiparc.turns import Turns


def test_turns_come_in_the_order_in_which_they_were_given():
    turns = Turns()
    given = [turns.give() for _ in range(3)]
    came = []

    def take(number):
        given[number].come()
        came.append(number)
        given[number].end()

    threads = [threading.Thread(target=take, args=[number]) for number in (2, 1)]
    for thread in threads:
        thread.start()
    assert not came
    take(0)
    for thread in threads:
        thread.join(timeout=30)
    assert came == [0, 1, 2]


def test_one_that_ends_without_having_come_lets_nobody_overtake():
    turns = Turns()
    first, second, third = (turns.give() for _ in range(3))
    came = threading.Event()
    thread = threading.Thread(target=lambda: (third.come(), came.set()))
    thread.start()
    second.end()
    assert not came.wait(timeout=0.1)
    first.end()
    assert came.wait(timeout=30)
    thread.join()
