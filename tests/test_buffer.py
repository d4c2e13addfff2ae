from __future__ import annotations

import numpy as np

from qsiparc.buffer import Buffer


def test_memory_is_used_again_where_it_is_enough():
    buffer = Buffer()
    first = buffer.take(100, np.dtype(np.float32))
    assert np.shares_memory(first, buffer.take(50, np.dtype(np.float64)))
    assert not np.shares_memory(first, buffer.take(51, np.dtype(np.float64)))


def test_any_size_and_type_is_had_whatever_there_was_before():
    buffer = Buffer()
    for size, kind in ((3, "f4"), (7, ">i2"), (2, "f8"), (0, "u1"), (40, "f8"), (1, "i8")):
        array = buffer.take(size, np.dtype(kind))
        assert array.shape == (size,)
        assert array.dtype == kind
        assert array.flags.aligned
        array[...] = np.arange(size)
        np.testing.assert_array_equal(array, np.arange(size))
