"""What a graph says of itself, against closures and orders computed by brute force."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skfmvae.models import (
    Continuous,
    Discrete,
    GraphicalModel,
    Latent,
)

DIRECTIONS = ["generative", "recognition"]


@st.composite
def dags(draw):
    """Return names and a map of parents without circles, written in any order."""
    names = [f"v{i}" for i in range(draw(st.integers(1, 7)))]
    parents = {
        name: draw(st.lists(st.sampled_from(names[:i]), unique=True)) if i else []
        for i, name in enumerate(names)
    }
    names = draw(st.permutations(names))
    shown = draw(st.permutations([v for v in names if parents[v]]))
    return names, {v: parents[v] for v in shown}


def closure(parents):
    """Return all (ancestor, descendant), adding paths until there is nothing to add."""
    pairs = {(parent, v) for v in parents for parent in parents[v]}
    while True:
        longer = {(a, d) for a, b in pairs for c, d in pairs if b == c}
        if longer <= pairs:
            return pairs
        pairs |= longer


def graph_of(variables, direction="generative", **parents):
    return GraphicalModel(variables, **{direction: parents})


# Defaults -----------------------------------------------------------------------------


def test_a_graph_without_maps():
    graph = GraphicalModel({"a": Discrete(), "b": Continuous(2), "z": Latent(4)})
    graph.check()
    assert graph.parents("x") == ["a", "b", "z"]
    assert graph.parents("x", "recognition") == []
    for direction, v in itertools.product(DIRECTIONS, "abz"):
        assert graph.parents(v, direction) == []
        assert graph.ancestors(v, direction) == set()
    assert graph.ancestors("x", "generative") == {"a", "b", "z"}


def test_sizes_by_default():
    assert Discrete().n_values is None
    assert Continuous().n_dims == 1
    assert Latent().n_dims == 10


def test_variables_by_kind():
    variables = {"z": Latent(), "b": Continuous(), "a": Discrete(), "c": Discrete(3)}
    graph = GraphicalModel(variables)
    assert graph.discrete == {"a": Discrete(), "c": Discrete(3)}
    assert list(graph.discrete) == ["a", "c"]
    assert graph.continuous == {"b": Continuous()}
    assert graph.latents == {"z": Latent()}


def test_parents_are_those_of_the_map_less_the_rows():
    graph = GraphicalModel(
        {"a": Discrete(), "b": Discrete(), "z": Latent()},
        generative={"x": ["z"], "a": ("z",), "b": []},
        recognition={"z": ["b", "x", "a"]},
    )
    assert graph.parents("x") == ["z"]
    assert graph.parents("a") == ["z"]
    assert graph.parents("b") == []
    assert graph.parents("z", "recognition") == ["b", "a"]


def test_rows_without_parents_have_none():
    assert GraphicalModel({"a": Discrete()}, generative={"x": []}).parents("x") == []


@pytest.mark.parametrize(
    ("variable", "columns"),
    [
        (Continuous(), ["light"]),
        (Continuous(2), ["light_0", "light_1"]),
        (Continuous(1, ["lux"]), ["lux"]),
        (Continuous(3, ("x", "y", "z")), ["x", "y", "z"]),
    ],
)
def test_columns_of_a_quantity(variable, columns):
    assert variable.column_names("light") == columns
    variables = {"a": Discrete(), "z": Latent(), "light": variable, "b": Discrete()}
    expected = [("a", "a"), *[("light", c) for c in columns], ("b", "b")]
    assert list(GraphicalModel(variables).columns()) == expected


# Order and ancestors ------------------------------------------------------------------


@pytest.mark.parametrize("direction", DIRECTIONS)
@settings(deadline=None, max_examples=60)
@given(dag=dags())
def test_order_has_parents_first(direction, dag):
    names, parents = dag
    graph = graph_of({v: Latent() for v in names}, direction, **parents)
    order = graph.order(direction)
    assert sorted(order) == sorted(names)
    for v, above in parents.items():
        for parent in above:
            assert order.index(parent) < order.index(v)


@pytest.mark.parametrize("direction", DIRECTIONS)
@settings(deadline=None, max_examples=60)
@given(dag=dags())
def test_ancestors_are_the_closure_of_parents(direction, dag):
    names, parents = dag
    graph = graph_of({v: Latent() for v in names}, direction, **parents)
    pairs = closure(parents)
    for v in names:
        assert graph.ancestors(v, direction) == {a for a, d in pairs if d == v}


def test_ancestors_leave_the_graph_as_it_is():
    parents = {"b": ["a"], "c": ["b"], "x": ["c"]}
    graph = GraphicalModel({v: Latent() for v in "abc"}, generative=parents)
    assert graph.ancestors("x", "generative") == {"a", "b", "c"}
    assert parents == {"b": ["a"], "c": ["b"], "x": ["c"]}


@settings(deadline=None, max_examples=60)
@given(dag=dags())
def test_check_finds_what_is_not_connected(dag):
    """Against components that are merged along every arrow, whatever its direction."""
    names, parents = dag
    component = {v: {v} for v in [*names, "x"]}
    arrows = [(parent, v) for v in parents for parent in parents[v]]
    for parent, child in [(names[0], "x"), *arrows]:
        merged = component[child] | component[parent]
        component |= dict.fromkeys(merged, merged)
    alone = set(names) - component["x"]
    graph = GraphicalModel({v: Latent() for v in names}, {**parents, "x": [names[0]]})
    if not alone:
        graph.check()
        return
    with pytest.raises(ValueError, match="nothing is generated from variable") as error:
        graph.check()
    assert any(f"variable {v!r}" in str(error.value) for v in alone)


# Errors -------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    ("parents", "circle"),
    [
        ({"a": ["a"]}, "a"),
        ({"a": ["b"], "b": ["a"]}, "ab"),
        ({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}, "abc"),
    ],
)
def test_circles(direction, parents, circle):
    graph = graph_of({v: Latent() for v in "abcd"}, direction, **parents)
    for act in (graph.check, lambda: graph.order(direction)):
        with pytest.raises(ValueError, match=f"{direction} map has a circle") as error:
            act()
        named = re.search(r"circle, (.*?);", str(error.value))[1].split(" -> ")
        assert named[0] == named[-1]
        assert set(named) == set(circle)
        steps = set(itertools.pairwise(named))
        arrows = {(parent, v) for v in parents for parent in parents[v]}
        assert steps <= arrows, "the circle follows the arrows"


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_circle_is_not_one_across_the_directions(direction):
    variables = {"a": Discrete(), "z": Latent()}
    GraphicalModel(variables, {"a": ["z"]}, {"z": ["a"]}).check()


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("parents", [{"lihgt": ["a"]}, {"a": ["lihgt"]}])
def test_unknown_names(direction, parents):
    graph = graph_of({"a": Discrete(), "light": Continuous()}, direction, **parents)
    message = rf"{direction} map names 'lihgt'.* variables are \['a', 'light'\]"
    with pytest.raises(ValueError, match=message):
        graph.check()


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_string_in_place_of_a_list(direction):
    graph = graph_of({"a": Discrete(), "z": Latent()}, direction, z="a")
    message = re.escape(f"{direction}['z']='a' should be a list of names; write ['a']")
    with pytest.raises(ValueError, match=message):
        graph.check()


@pytest.mark.parametrize("variable", [Discrete(), Continuous(), Latent()])
def test_a_variable_named_like_the_rows(variable):
    with pytest.raises(ValueError, match="named 'x', which stands for the rows"):
        GraphicalModel({"a": Discrete(), "x": variable}).check()


@pytest.mark.parametrize("variable", [3, None, Discrete, "Latent"])
def test_what_is_no_variable(variable):
    with pytest.raises(ValueError, match=r"'a' is .*; make it Discrete\(\)"):
        GraphicalModel({"a": variable}).check()


@pytest.mark.parametrize("size", [0, -1, 2.0, "3", True, float("nan")])
@pytest.mark.parametrize(
    ("kind", "parameter"),
    [(Discrete, "n_values"), (Continuous, "n_dims"), (Latent, "n_dims")],
)
def test_sizes_that_are_not_positive_whole_numbers(kind, parameter, size):
    message = re.escape(f"'a' has {parameter}={size!r}; choose a positive")
    with pytest.raises(ValueError, match=message):
        GraphicalModel({"a": kind(size)}).check()


@pytest.mark.parametrize("kind", [Continuous, Latent])
def test_no_number_of_dimensions(kind):
    with pytest.raises(ValueError, match="'a' has n_dims=None"):
        GraphicalModel({"a": kind(None)}).check()


@pytest.mark.parametrize("kind", [Discrete, Continuous, Latent])
def test_sizes_from_numpy(kind):
    GraphicalModel({"a": kind(np.int64(3))}).check()


@pytest.mark.parametrize("columns", [[], ["u"], ["u", "v", "w"]])
def test_columns_that_are_not_one_per_dimension(columns):
    with pytest.raises(ValueError, match="'a' has n_dims=2.*one column for each"):
        GraphicalModel({"a": Continuous(2, columns)}).check()


def test_a_string_in_place_of_columns():
    with pytest.raises(ValueError, match=r"'a' has columns='uv'.*\['uv'\]"):
        GraphicalModel({"a": Continuous(2, "uv")}).check()


@pytest.mark.parametrize(
    "variables",
    [
        {"a": Continuous(2, ["u", "u"])},
        {"a": Continuous(1, ["u"]), "b": Continuous(2, ["v", "u"])},
        {"u": Discrete(), "b": Continuous(1, ["u"])},
        {"a": Continuous(2), "a_1": Continuous()},
    ],
)
def test_columns_named_twice(variables):
    with pytest.raises(ValueError, match=r"two columns .* '(u|a_1)'.*columns="):
        GraphicalModel(variables).check()


def test_a_latent_has_no_column():
    GraphicalModel({"u": Latent(), "b": Continuous(1, ["u"])}).check()


def test_variables_that_no_arrow_connects_with_the_rows():
    variables = {"a": Discrete(), "b": Latent(), "c": Latent()}
    graph = GraphicalModel(variables, {"x": ["a"], "c": ["b"]})
    with pytest.raises(ValueError, match=r"'[bc]'.*add it to generative\['x'\]"):
        graph.check()
    with pytest.raises(ValueError, match="nothing is generated"):
        GraphicalModel({"a": Discrete()}, {"x": []}).check()


def test_variables_that_the_rows_are_connected_with_from_afar():
    """`a` and the rows share a cause, and `c` is an effect of `a`."""
    variables = {"a": Discrete(), "z": Latent(), "c": Discrete()}
    GraphicalModel(variables, {"x": ["z"], "a": ["z"], "c": ["a"]}).check()


def test_which_variable_is_alone_does_not_depend_on_the_run():
    variables = {v: Latent() for v in "abcdef"}
    with pytest.raises(ValueError, match="variable 'b'"):
        GraphicalModel(variables, {"x": ["a"]}).check()


def test_rows_as_a_parent():
    variables = {"a": Discrete(), "z": Latent()}
    message = "'x' stands for the rows, and nothing is generated from them"
    with pytest.raises(ValueError, match=message):
        GraphicalModel(variables, {"a": ["x"]}).check()
    with pytest.raises(ValueError, match="'x'"):
        GraphicalModel(variables, {"x": ["x", "a", "z"]}).check()
    GraphicalModel(variables, recognition={"z": ["x", "a"]}).check()


def test_rows_are_not_recognised():
    with pytest.raises(ValueError, match="'x' .* never recognised"):
        GraphicalModel({"a": Discrete()}, recognition={"x": ["a"]}).check()


def test_a_graph_without_variables():
    with pytest.raises(ValueError, match="no variable"):
        GraphicalModel({}).check()


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_parent_named_twice(direction):
    graph = graph_of({"a": Discrete(), "z": Latent()}, direction, z=["a", "a"])
    with pytest.raises(ValueError, match=rf"{direction}\['z'\].* 'a' twice"):
        graph.check()
