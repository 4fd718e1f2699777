import json

import numpy as np
import pytest

from evo.storage.strict_json import to_json


def test_json_holds_finite_numbers_alone():
    record = {
        "a": np.float32(0.5),
        "b": np.array([1, 2]),
        "c": [np.nan, (float("inf"), np.int64(3))],
        4: True,
        "é": None,
    }
    assert json.loads(to_json(record), parse_constant=pytest.fail) == {
        "a": 0.5,
        "b": [1, 2],
        "c": [None, [None, 3]],
        "4": True,
        "é": None,
    }
