"""A graph of named variables, from which a partially specified model is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from numbers import Integral
from typing import TypeAlias

__all__ = ["Continuous", "Discrete", "GraphicalModel", "Latent"]

ROWS = "x"


@dataclass(frozen=True)
class Discrete:
    """A property with a value from a list, observed on any rows or none.

    Parameters
    ----------
    n_values : int or None, default=None
        Number of values; None takes the classes of its column of `y`. More than there
        are classes leaves room for unlabelled classes.
    """

    n_values: int | None = None


@dataclass(frozen=True)
class Continuous:
    """A property that is a quantity or a vector of them, observed on any rows or none.

    Parameters
    ----------
    n_dims : int, default=1
        Number of its columns in `y`.
    columns : sequence of str or None, default=None
        Their names; None stands for the variable's name where there is one, and
        else for "name_0", "name_1", ...
    """

    n_dims: int = 1
    columns: Sequence[str] | None = None

    def column_names(self, name: str) -> list[str]:
        """Return the names of the columns in `y`.

        Parameters
        ----------
        name : str
            The variable's name.

        Returns
        -------
        columns : list of str
            As many as there are dimensions.
        """
        if self.columns is not None:
            return list(self.columns)
        if self.n_dims == 1:
            return [name]
        return [f"{name}_{i}" for i in range(self.n_dims)]


@dataclass(frozen=True)
class Latent:
    """A Gaussian vector that is never observed.

    Parameters
    ----------
    n_dims : int, default=10
        Number of its dimensions.
    """

    n_dims: int = 10


Variable: TypeAlias = Discrete | Continuous | Latent
Parents: TypeAlias = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class GraphicalModel:
    """Which variables depend on which, when rows are generated and in inference.

    The joint distribution of rows "x" and variables is the product of all
    ``p(v | parents)`` in the generative direction. Its posterior is approximated by the
    product of all ``q(v | x, parents)`` in the direction of recognition, where every
    variable depends on the rows. A variable without an entry in a map has no parents;
    rows without one are generated from all variables.

    Parameters
    ----------
    variables : dict of str to Discrete, Continuous or Latent
        The variables by name. Where `y` has no column names, its columns are those of
        the properties, in this order; a column with a name is matched by it.
    generative : dict of str to sequence of str or None, default=None
        The parents of each variable, and of "x", in the generative direction.
    recognition : dict of str to sequence of str or None, default=None
        The parents of each variable beside "x" when it is recognised.

    Examples
    --------
    Objects under a light, the rest of whose looks is a style:

    >>> from skfmvae.models import Continuous, Discrete, GraphicalModel, Latent
    >>> graph = GraphicalModel(
    ...     {"identity": Discrete(), "light": Continuous(3), "style": Latent(8)},
    ...     recognition={"style": ["identity", "light"]},
    ... )
    >>> graph.parents("x")
    ['identity', 'light', 'style']
    >>> graph.order("recognition")
    ['identity', 'light', 'style']
    """

    variables: Mapping[str, Variable]
    generative: Parents | None = None
    recognition: Parents | None = None

    @property
    def discrete(self) -> dict[str, Discrete]:
        """The discrete properties by name."""
        return {k: v for k, v in self.variables.items() if isinstance(v, Discrete)}

    @property
    def continuous(self) -> dict[str, Continuous]:
        """The continuous properties by name."""
        return {k: v for k, v in self.variables.items() if isinstance(v, Continuous)}

    @property
    def latents(self) -> dict[str, Latent]:
        """The latents by name."""
        return {k: v for k, v in self.variables.items() if isinstance(v, Latent)}

    def parents(self, name: str, direction: str = "generative") -> list[str]:
        """Return the parents of a variable, or of "x", less "x" itself.

        Parameters
        ----------
        name : str
            The variable.
        direction : {"generative", "recognition"}, default="generative"
            Which of the two maps.

        Returns
        -------
        parents : list of str
            In the order of the map.
        """
        parents = self._map(direction).get(name)
        if parents is None:
            is_generated = name == ROWS and direction == "generative"
            return list(self.variables) if is_generated else []
        return [parent for parent in parents if parent != ROWS]

    def order(self, direction: str) -> list[str]:
        """Return the variables, parents first.

        Parameters
        ----------
        direction : {"generative", "recognition"}
            Which of the two maps to follow.

        Returns
        -------
        names : list of str
            All variables; "x" is not one of them.

        Raises
        ------
        ValueError
            If variables depend on each other in a circle.
        """
        parents = {name: self.parents(name, direction) for name in self.variables}
        try:
            return list(TopologicalSorter(parents).static_order())
        except CycleError as error:
            circle = " -> ".join(error.args[1])
            raise ValueError(
                f"graphical_model: the {direction} map has a circle, {circle}; no "
                "variable may depend on itself. Remove one of these dependences."
            ) from error

    def ancestors(self, name: str, direction: str) -> set[str]:
        """Return all variables that one depends on, directly or through others.

        Parameters
        ----------
        name : str
            The variable.
        direction : {"generative", "recognition"}
            Which of the two maps to follow.

        Returns
        -------
        names : set of str
            Without the variable itself.
        """
        found: set[str] = set()
        waiting = self.parents(name, direction)
        while waiting:
            parent = waiting.pop()
            if parent not in found:
                found.add(parent)
                waiting += self.parents(parent, direction)
        return found

    def check(self) -> None:
        """Check that the graph is one that a model can be built from.

        Raises
        ------
        ValueError
            If there is no variable, a name is unknown, not allowed or given twice,
            variables depend on each other in a circle, a size is not positive, columns
            are not one per dimension, or no arrows connect a variable with the rows.
        """
        if not self.variables:
            raise ValueError(
                "graphical_model: there is no variable; name one, such as a Latent()."
            )
        for name, variable in self.variables.items():
            _check_variable(name, variable)
        columns = [column for _, column in self.columns()]
        for column in columns:
            if columns.count(column) > 1:
                raise ValueError(
                    f"graphical_model: two columns of y are named {column!r}; name "
                    "those of a quantity with Continuous(columns=...)."
                )
        for direction in ("generative", "recognition"):
            self._check_names(direction)
            self.order(direction)
        generative = self._map("generative")
        if any(ROWS in parents for parents in generative.values()):
            raise ValueError(
                f"graphical_model: {ROWS!r} stands for the rows, and nothing is "
                "generated from them; turn the dependence around, or state it in "
                "recognition."
            )
        connected = self._connected()
        for name in self.variables:
            if name not in connected:
                raise ValueError(
                    f"graphical_model: nothing is generated from variable {name!r}, "
                    "and it from nothing that the rows depend on; add it to "
                    f"generative[{ROWS!r}]."
                )

    def columns(self) -> Iterator[tuple[str, str]]:
        """Yield the name of every property with that of each of its columns in `y`.

        Yields
        ------
        name, column : str
            The property and the column.
        """
        for name, variable in self.variables.items():
            if isinstance(variable, Continuous):
                for column in variable.column_names(name):
                    yield name, column
            elif isinstance(variable, Discrete):
                yield name, name

    def _map(self, direction: str) -> Parents:
        return getattr(self, direction) or {}

    def _check_names(self, direction: str) -> None:
        known = [*self.variables, ROWS]
        for name, parents in self._map(direction).items():
            if isinstance(parents, str):
                raise ValueError(
                    f"graphical_model: {direction}[{name!r}]={parents!r} should be a "
                    f"list of names; write [{parents!r}]."
                )
            for parent in parents:
                if list(parents).count(parent) > 1:
                    raise ValueError(
                        f"graphical_model: {direction}[{name!r}] has {parent!r} twice; "
                        "name it once."
                    )
            for unknown in [v for v in (name, *parents) if v not in known]:
                raise ValueError(
                    f"graphical_model: the {direction} map names {unknown!r}, which is "
                    f"no variable; the variables are {list(self.variables)}."
                )
        if ROWS in self._map("recognition"):
            raise ValueError(
                f"graphical_model: {ROWS!r} stands for the rows, which are never "
                "recognised; state what they depend on in generative."
            )

    def _connected(self) -> set[str]:
        """Return the variables that are connected with the rows."""
        found, waiting = {ROWS}, [ROWS]
        while waiting:
            name = waiting.pop()
            children = [v for v in self.variables if name in self.parents(v)]
            near = [v for v in (*self.parents(name), *children) if v not in found]
            found.update(near)
            waiting += near
        return found


def _check_variable(name: str, variable: Variable) -> None:
    if name == ROWS:
        raise ValueError(
            f"graphical_model: a variable is named {ROWS!r}, which stands for the "
            "rows; give it another name."
        )
    if not isinstance(variable, Discrete | Continuous | Latent):
        raise ValueError(
            f"graphical_model: variable {name!r} is {variable!r}; make it Discrete(), "
            "Continuous() or Latent()."
        )
    if isinstance(variable, Discrete):
        size, what = variable.n_values, "n_values"
        if size is None:
            return
    else:
        size, what = variable.n_dims, "n_dims"
    if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
        raise ValueError(
            f"graphical_model: variable {name!r} has {what}={size!r}; choose a "
            "positive whole number."
        )
    if isinstance(variable, Continuous) and isinstance(variable.columns, str):
        raise ValueError(
            f"graphical_model: variable {name!r} has columns={variable.columns!r}, "
            f"which should be a list of names; write [{variable.columns!r}]."
        )
    if isinstance(variable, Continuous) and len(variable.column_names(name)) != size:
        raise ValueError(
            f"graphical_model: variable {name!r} has {what}={size} and the columns "
            f"{list(variable.columns or [])}; name one column for each dimension."
        )
