"""The page about the inside of the package says what the code has."""

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import skfmvae
from skfmvae.models import FactorialMixture, Model, Semafo, SemiSupervised

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "inside.md").read_text()
DIAGRAM = (ROOT / "docs" / "images" / "inside.svg").read_text()
MODELS = {model.__name__: model for model in (FactorialMixture, Semafo, SemiSupervised)}


def table_under(header):
    """Return the rows of the table with this first column, as lists of cells."""
    lines = PAGE[PAGE.index(f"| {header} |") :].split("\n\n")[0].splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]
    ]


def names_in(text):
    return re.findall(r"`(\w+)", text)


def test_abstract_members_are_those_of_the_protocol():
    listed = [names_in(row[0])[0] for row in table_under("abstract member")]
    assert len(listed) == len(set(listed))
    assert set(listed) == Model.__abstractmethods__


def test_hooks_are_those_of_the_protocol():
    written_once = {"n_latents", "log_weights", "log_marginal", "fill", "draw_filled"}
    written_once |= {"draw", "get_extra_state", "set_extra_state"}
    hooks = {
        name
        for name, member in vars(Model).items()
        if not name.startswith("_") and name not in Model.__abstractmethods__
    }
    listed = {names_in(row[0])[0] for row in table_under("hook")}
    assert listed == hooks - written_once


@pytest.mark.parametrize("row", table_under("hook"), ids=lambda row: row[0])
def test_hooks_are_answered_by_the_models_listed(row):
    hook, *arguments = names_in(row[0].replace("(", "`").replace(", ", "`"))
    answering = {name for name, model in MODELS.items() if hook in vars(model)}
    assert set(names_in(row[2])) == answering
    if inspect.isfunction(member := getattr(Model, hook)):
        assert arguments == list(inspect.signature(member).parameters)[1:]


def test_rooms_come_in_the_order_of_imports():
    source = (ROOT / "tests" / "test_project.py").read_text()
    layers = re.search(r"^LAYERS = (\[.*?^\])", source, re.M | re.S).group(1)
    listed = [set(names_in(row[1])) for row in table_under("layer")]
    assert listed == ast.literal_eval(layers)


def known_names():
    """Return the classes by name, and all names of the package."""
    classes, names = {}, set(skfmvae.__all__)
    for info in pkgutil.walk_packages(skfmvae.__path__, "skfmvae."):
        module = importlib.import_module(info.name)
        names |= {info.name.rpartition(".")[2], *vars(module)}
        for name, item in vars(module).items():
            if inspect.isclass(item) and item.__module__.startswith("skfmvae"):
                classes[name] = item
                names |= {*dir(item), *getattr(item, "__annotations__", {})}
    return classes, names


def test_names_exist():
    classes, names = known_names()
    in_tests = {"LAYERS", "WITHOUT", "test_shared_face_names_no_model"}
    used = set(re.findall(r"`([A-Za-z_][\w.]*?)(?:\(.*?\)|=[^`]*)?`", PAGE))
    used |= set(re.findall(r'class="t">([\w.]+)<', DIAGRAM))
    assert {"FactorialMixture.terms", "Loss.forward", "ModelNet.fit"} <= used
    wrong = set()
    for name in used - in_tests:
        owner, dot, member = name.rpartition(".")
        if dot:
            right = hasattr(classes.get(owner), member)
        else:
            right = name in names or len(name) == 1
        if not right:
            wrong.add(name)
    assert not wrong


def test_files_exist():
    files = re.findall(r"[\w/]+(?:\.py|/)(?=[`<, ])", PAGE + DIAGRAM)
    assert "estimators/base.py" in files
    found = [(ROOT / folder / file) for folder in ("", "skfmvae") for file in files]
    missing = set(files) - {
        file for file, path in zip(files * 2, found, strict=True) if path.exists()
    }
    assert not missing
