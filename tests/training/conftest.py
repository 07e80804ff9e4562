"""What the tests of training share: a tiny checkpoint."""

from __future__ import annotations

import pytest
from tiny import tiny_t5


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_t5(tmp_path_factory.mktemp("checkpoint"))
