"""Manners are asserted in a module that is no test: its assertions say what they found all the same."""

import pytest

pytest.register_assert_rewrite("tests.recommend.manners")
