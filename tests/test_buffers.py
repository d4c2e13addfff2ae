from __future__ import annotations

import numpy as np
import pytest

from qsiparc.buffers import Buffers


@pytest.mark.parametrize("n", [1, 2, 5])
def test_so_many_last_at_a_time_and_their_memory_is_used_again(n):
    buffers = Buffers(n)
    taken = []
    for number in range(3 * n):
        taken.append(buffers.take(100, np.dtype(np.float32)))
        taken[-1][...] = number
        for earlier in range(max(0, number - n + 1), number + 1):
            assert (taken[earlier] == earlier).all()
        assert number < n or np.shares_memory(taken[number], taken[number - n])


def test_any_size_and_type_is_had_whatever_there_was_before():
    buffers = Buffers(1)
    for size, kind in ((3, "f4"), (7, ">i2"), (2, "f8"), (0, "u1"), (40, "f8"), (1, "i8")):
        array = buffers.take(size, np.dtype(kind))
        assert array.shape == (size,)
        assert array.dtype == kind
        assert array.flags.aligned
        array[...] = np.arange(size)
        np.testing.assert_array_equal(array, np.arange(size))
