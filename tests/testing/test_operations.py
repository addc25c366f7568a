"""How the fake vendors' endpoints check what comes."""

from heify_heygen_errors.testing.operations import checkers


def test_one_checker_for_equal_schemas():
    """Schemas that are written anew for each problem, but say the same, are compiled once; others are told apart."""
    first, again, other = (checkers.alike({"type": "object", "required": [name]}) for name in ("a", "a", "b"))
    assert (first is again, first is other) == (True, False)
    assert [problem and problem.field for problem in (first.problem({"a": 1}, "body"), again.problem({"b": 1}, "body"))] == [None, "a"]
