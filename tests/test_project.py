"""What holds for the project as a whole: imports, docstrings, pins, documents."""

import ast
import contextlib
import importlib
import inspect
import io
import itertools
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpydoc.validate
import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc
from packaging.requirements import Requirement
from packaging.version import Version
from sklearn.base import BaseEstimator
from skorch import NeuralNet

import skfmvae

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "skfmvae"
SOURCES = sorted(PACKAGE.rglob("*.py"))
MODULES = [importlib.import_module("skfmvae")] + [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(skfmvae.__path__, "skfmvae.")
]


# Imports point one way ----------------------------------------------------------------

# From the top down: a room may import from the rooms below it, never from its own
# layer or from above.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"persistence", "plotting"},
    {"model_selection"},
    {"ensemble"},
    {"estimators"},
    {"training"},
    {"regularizers"},
    {"models"},
    {"mixture", "nn"},
    {"datasets", "metrics"},
    {"columns", "images", "neighbour_graph", "targets"},
    {"_utils"},
]
DEPTH = {room: depth for depth, layer in enumerate(LAYERS) for room in layer}
# Libraries that a room goes without.
WITHOUT = {
    "columns": {"torch", "skorch"},
    "mixture": {"sklearn", "skorch"},
    "models": {"sklearn", "skorch"},
    "neighbour_graph": {"torch", "skorch"},
    "targets": {"torch", "skorch"},
}


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(path, only_top=False):
    """Return the absolute names of all that a file imports, at its top or anywhere."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    names = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if only_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            anchor = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*anchor, *filter(None, [node.module])])
            names.update(f"{source}.{alias.name}" for alias in node.names)
    return names


def is_in(name, part):
    return name == part or name.startswith(f"{part}.")


def room_of(name):
    """Return the room of the package that a dotted name is in, "" for the package."""
    return (name.split(".") + [""])[1]


ROOMS = sorted({room_of(module_name(path)) for path in SOURCES} - {""})


def test_every_room_has_a_layer():
    assert set(ROOMS) == set(DEPTH)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_one_way(room):
    wrong = {
        (str(path.relative_to(ROOT)), name)
        for path in SOURCES
        if room_of(module_name(path)) == room
        for name in imported_names(path)
        if is_in(name, "skfmvae") and room_of(name) != room
        # The package itself hands out the estimators.
        if DEPTH.get(room_of(name), DEPTH["estimators"]) <= DEPTH[room]
    }
    assert not wrong


@pytest.mark.parametrize("room", WITHOUT)
def test_libraries_that_a_room_goes_without(room):
    wrong = {
        (str(path.relative_to(ROOT)), name)
        for path in SOURCES
        if room_of(module_name(path)) == room
        for name in imported_names(path)
        if name.partition(".")[0] in WITHOUT[room]
    }
    assert not wrong


def test_private_scikit_learn_is_in_one_place():
    wrong = {
        (str(path.relative_to(ROOT)), name)
        for path in SOURCES
        if room_of(module_name(path)) != "_utils"
        for name in imported_names(path)
        if is_in(name, "sklearn") and "._" in name
    }
    assert not wrong


def test_private_names_stay_in_their_file():
    """And private modules in their room, but for the utilities of all rooms."""
    wrong = set()
    for path in SOURCES:
        room = f"skfmvae.{room_of(module_name(path))}"
        for name in imported_names(path):
            source, _, last = name.replace("._utils.", ".utils.").rpartition(".")
            if not is_in(name, "skfmvae"):
                continue
            is_module = (PACKAGE.parent / f"{name.replace('.', '/')}.py").exists()
            if last.startswith("_") and not (is_module and is_in(name, room)):
                wrong.add((str(path.relative_to(ROOT)), name))
            if "._" in source and not is_in(name, room):
                wrong.add((str(path.relative_to(ROOT)), name))
    assert not wrong


def constants_of(path):
    """Yield the names of the constants that a file defines."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target in ast.walk(node):
                if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store):
                    if target.id.isupper():
                        yield target.id


@pytest.mark.parametrize("room", ROOMS)
def test_constants_of_a_room_have_names_of_their_own(room):
    files = {}
    for path in SOURCES:
        if room_of(module_name(path)) == room:
            for name in constants_of(path):
                files.setdefault(name, []).append(path.name)
    assert not {name: found for name, found in files.items() if len(found) > 1}


def has_code(path):
    """Return whether a file defines a function or a class."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in body)


@pytest.mark.parametrize(
    "path",
    [p for p in SOURCES if p.name != "__init__.py" and has_code(p)],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_each_source_file_has_a_test_file(path):
    test = path.relative_to(PACKAGE).with_name(f"test_{path.stem.lstrip('_')}.py")
    assert (ROOT / "tests" / test).exists()


def test_decisions_that_the_code_names_exist():
    named = {
        page
        for path in SOURCES
        for page in re.findall(r"docs/decisions/[\w-]+\.md", path.read_text("utf-8"))
    }
    assert named, "no constant names its decision"
    assert not {page for page in named if not (ROOT / page).exists()}


# Rooms that learn from rows, whose constants may decide what is predicted.
LEARNING_ROOMS = (
    {"_utils", "ensemble", "estimators", "mixture", "models", "neighbour_graph"}
    | {"nn", "regularizers", "targets", "training"}
)  # fmt: skip


def is_numeric(value):
    values = value if isinstance(value, tuple) else (value,)
    return len(values) > 0 and all(isinstance(v, (int, float)) for v in values)


def test_the_page_of_constants_lists_all_with_their_values():
    constants = {
        f"{module_name(path).removeprefix('skfmvae.')}.{name}": value
        for path in SOURCES
        if room_of(module_name(path)) in LEARNING_ROOMS
        for name in constants_of(path)
        if is_numeric(value := getattr(sys.modules[module_name(path)], name))
    }
    page = (ROOT / "docs" / "decisions" / "constants.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \| ([^|]+) \|", page, re.MULTILINE)
    listed = {name: ast.literal_eval(value) for name, value in rows}
    assert len(listed) == len(rows), "a constant is listed twice"
    assert constants.keys() == listed.keys()
    # The page rounds.
    wrong = {n for n, v in constants.items() if listed[n] != pytest.approx(v, rel=1e-3)}
    assert not wrong


def test_links_between_decisions_lead_somewhere():
    pages = ROOT / "docs" / "decisions"
    links = {
        link
        for page in pages.glob("*.md")
        for link in re.findall(r"\]\(([\w-]+\.md)\)", page.read_text(encoding="utf-8"))
    }
    assert "010-graph-reliability.md" in links
    assert not {link for link in links if not (pages / link).exists()}


def shared_faces():
    """List the files of estimators/ that all estimators share.

    The imputer is no part of them: it holds an estimator, one of ours by default.
    """
    own = {
        sys.modules[getattr(skfmvae, name).__module__].__file__
        for name in skfmvae.__all__
    }
    own.add(str(PACKAGE / "estimators" / "imputer.py"))  # which has one by default
    files = [p for p in (PACKAGE / "estimators").glob("*.py") if str(p) not in own]
    others = {"__init__", "imputer"}
    return [p for p in files if p.stem not in others and "_settings" not in p.stem]


@pytest.mark.parametrize("face", shared_faces(), ids=lambda path: path.name)
def test_shared_face_names_no_model(face):
    models = [p for p in (PACKAGE / "models").glob("*.py") if p.stem[0] != "_"]
    particular = [p for p in models if p.stem != "base"]
    names = {
        node.name
        for path in particular
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    } | set(skfmvae.__all__)
    assert len(names) > len(skfmvae.__all__), "found no model class to look for"

    tree = ast.parse(face.read_text(encoding="utf-8"))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    used |= {part for name in imported_names(face) for part in name.split(".")}
    assert not used & (names | {path.stem for path in particular})


# Public names -------------------------------------------------------------------------


def public_objects():
    """Yield (name, class or function) for what the modules' `__all__` list."""
    for module in MODULES:
        for name in getattr(module, "__all__", []):
            item = getattr(module, name, None)
            if getattr(item, "__module__", None) == module.__name__:
                yield f"{module.__name__}.{name}", item


def public_callables():
    """List (name, item, owner) for public functions, classes and their methods.

    The owner of a method is the class of ours that defines it, else None.
    """
    found = {}
    for name, item in public_objects():
        found[name] = (item, None)
        for owner in getattr(item, "__mro__", []):
            if not is_in(owner.__module__, "skfmvae"):
                continue
            for attribute, member in vars(owner).items():
                documentable = callable(member) or isinstance(
                    member, (property, classmethod, staticmethod)
                )
                if documentable and not attribute.startswith("_"):
                    full_name = f"{owner.__module__}.{owner.__qualname__}.{attribute}"
                    found[full_name] = (getattr(owner, attribute), owner)
    return [(name, *found[name]) for name in sorted(found)]


CALLABLES = public_callables()
by_name = pytest.mark.parametrize(
    ("name", "item", "owner"), CALLABLES, ids=[name for name, *_ in CALLABLES]
)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_all_lists_what_exists(module):
    assert module.__doc__, "a module opens with a docstring"
    assert hasattr(module, "__all__")
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert not missing
    assert len(set(module.__all__)) == len(module.__all__)


def test_public_classes_and_methods_are_found():
    names = {name for name, *_ in CALLABLES}
    face = "skfmvae.estimators.factorial_mixture.FactorialMixtureVAE"
    assert {face, "skfmvae.estimators.base.BaseVAE.fit"} <= names


def settings_names():
    """Yield the names of the settings that public rooms hand out."""
    for room in (room for room in ROOMS if not room.startswith("_")):
        module = importlib.import_module(f"skfmvae.{room}")
        for name in module.__all__:
            item = getattr(module, name)
            if hasattr(item, "_parameter_constraints") and not hasattr(item, "fit"):
                if "__init__" in vars(item):  # else a base class
                    yield f"skfmvae.{room}.{name}"


def test_the_api_page_lists_all_settings():
    page = (ROOT / "docs" / "api.rst").read_text(encoding="utf-8")
    heading = re.compile(r"^(.+)\n-+\n", re.MULTILINE)
    _, *sections = heading.split(page)
    section = dict(zip(sections[::2], sections[1::2], strict=True))["Settings"]
    names = set(settings_names())
    assert "skfmvae.training.Objective" in names, "found no settings to look for"
    assert names <= set(section.split())


@pytest.mark.parametrize("name", skfmvae.__all__)
def test_estimators_take_at_most_25_arguments(name):
    assert len(inspect.signature(getattr(skfmvae, name)).parameters) <= 25


# Docstrings ---------------------------------------------------------------------------

# Not asked for: an extended summary (ES01), See Also (SA01, SA04) and Examples (EX01)
# in every docstring, and results without a name (RT02), which scikit-learn names.
NOT_ASKED = {"ES01", "SA01", "SA04", "EX01", "RT02"}
# Inside the package a sentence may do in place of the sections Parameters and Returns,
# and a type may speak for itself.
NOT_ASKED_INSIDE = NOT_ASKED | {"PR07", "RT01", "RT03"}
INSIDE = tuple(
    f"skfmvae.{part}"
    for part in (
        "_utils.distributed",
        "columns.coding",
        "columns.dtypes",
        "columns.reading",
        "estimators.checks",
        "estimators.distributed",
        "estimators.guards",
        "estimators.precision",
        "estimators.resuming",
        "mixture",
        "models",
        "neighbour_graph",
        "nn",
        "regularizers",
        "targets.labels",
        "training",
    )
)


def inherits_docstring(name, item, owner):
    if item.__doc__ or owner is None:
        return False
    attribute = name.rpartition(".")[2]
    return any(
        is_in(base.__module__, "skfmvae") and vars(base)[attribute].__doc__
        for base in owner.__mro__[1:]
        if attribute in vars(base)
    )


def is_settings(item):
    """Return whether an item is a class that users pass to estimators."""
    is_class = inspect.isclass(item)
    return (
        is_class and issubclass(item, BaseEstimator) and NeuralNet not in item.__mro__
    )


@by_name
def test_docstring_is_numpydoc(name, item, owner):
    if inherits_docstring(name, item, owner):
        return  # checked where it stands
    result = numpydoc.validate.validate(name)
    not_asked = NOT_ASKED
    if name.startswith(INSIDE) and not is_settings(item):
        not_asked = NOT_ASKED_INSIDE
        if "Parameters\n----------" not in result["docstring"]:
            not_asked = not_asked | {"PR01"}
    errors = [error for error in result["errors"] if error[0] not in not_asked]
    assert not errors


def documented_defaults(item):
    """Return {parameter: text after "default="}, None where there is no such text."""
    doc = ClassDoc(item) if inspect.isclass(item) else FunctionDoc(item)
    texts = {}
    for parameter in doc["Parameters"]:
        default = parameter.type.partition("default=")[2].strip() or None
        for name in parameter.name.split(", "):
            texts[name] = default
    return texts


def says(text, default):
    """Return whether a docstring's text names a default value."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text in {repr(default), getattr(default, "__qualname__", None)}
    return type(value) is type(default) and value == default


@by_name
def test_documented_defaults_are_the_signatures(name, item, owner):
    if not callable(item):  # a property
        return
    no_default = inspect.Parameter.empty
    signature = inspect.signature(item).parameters
    wrong = {}
    for parameter, text in documented_defaults(item).items():
        default = signature[parameter].default if parameter in signature else no_default
        right = default is no_default if text is None else says(text, default)
        if not right:
            wrong[parameter] = {"docstring": text, "signature": default}
    assert not wrong


# Documents ----------------------------------------------------------------------------

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d+\.\d+|\d+")


def assert_prints(output, stated):
    """Compare what was printed with what a page says.

    Numbers may differ by 0.05, or by 5 % where they are large: machines round
    differently.
    """
    assert NUMBER.sub("#", output).split() == NUMBER.sub("#", stated).split()
    numbers, expected = (
        [float(number) for number in NUMBER.findall(text)] for text in (output, stated)
    )
    assert numbers == pytest.approx(expected, rel=0.05, abs=0.05)


PAGES = {  # those of the documentation that have code
    str(path.relative_to(ROOT)): blocks
    for path in sorted((ROOT / "docs").rglob("*.md"))
    if "python" in dict(blocks := FENCED.findall(path.read_text(encoding="utf-8")))
}


def test_pages_with_code_are_found():
    assert {"docs/datasets.md", "docs/guide/generate.md"} <= set(PAGES)


@pytest.mark.parametrize(("page", "blocks"), PAGES.items(), ids=PAGES)
def test_documented_code_runs_and_prints_what_it_says(
    page, blocks, tmp_path, monkeypatch
):
    """Run a page's Python blocks in order; a ``text`` block has the output so far."""
    monkeypatch.chdir(tmp_path)
    namespace, printed = {}, io.StringIO()
    for language, text in blocks:
        if language == "python":
            with contextlib.redirect_stdout(printed):
                exec(compile(text, page, "exec"), namespace)
        elif language == "text":
            output, printed = printed.getvalue(), io.StringIO()
            assert_prints(output, text)
    assert not printed.getvalue(), "printed, but not on the page"


PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]


REQUIREMENTS = {  # of all users, "", and of extras
    extra: [Requirement(text) for text in texts]
    for extra, texts in {
        "": PROJECT["dependencies"],
        **PROJECT["optional-dependencies"],
    }.items()
}


def required_by(*extras):
    """Yield what extras require, themselves or by other extras of ours."""
    for requirement in itertools.chain(*(REQUIREMENTS[extra] for extra in extras)):
        if requirement.name == "skfmvae":
            yield from required_by(*requirement.extras)
        else:
            yield requirement


def pins(path):
    """Return {distribution: exact version} as a file of constraints has them."""
    lines = (ROOT / path).read_text().splitlines()
    found = [Requirement(line) for line in lines if not line.startswith("#")]
    assert all(str(pin.specifier).startswith("==") for pin in found)
    return {pin.name: Version(str(pin.specifier)[2:]) for pin in found}


def test_constraints_pin_every_requirement():
    declared = {requirement.name for requirement in required_by(*REQUIREMENTS)}
    assert declared <= set(pins("constraints.txt"))


def test_oldest_constraints_pin_the_lower_bounds():
    """What `make test-oldest` installs is what `pyproject.toml` promises."""
    built_with = map(Requirement, PYPROJECT["build-system"]["requires"])
    floors = {}
    for requirement in [*built_with, *required_by("", "test")]:
        assert str(requirement.specifier).startswith(">="), requirement
        floors[requirement.name] = Version(str(requirement.specifier)[2:])
    oldest = pins("constraints-oldest.txt")
    assert {name: oldest.get(name) for name in floors} == floors


def test_pythons_are_those_of_continuous_integration():
    workflow = (ROOT / ".github/workflows/test.yml").read_text()
    tested = set(re.findall(r'python: "([\d.]+)"', workflow))
    classifiers = re.compile(r"Programming Language :: Python :: (3\.\d+)")
    assert set(classifiers.findall(" ".join(PROJECT["classifiers"]))) == tested
    assert PROJECT["requires-python"] == f">={min(tested, key=Version)}"


def test_continuous_integration_runs_what_make_has():
    workflow = (ROOT / ".github/workflows/test.yml").read_text()
    targets = set(re.findall(r"target: ([\w-]+)", workflow))
    assert targets == {"test", "test-oldest", "test-newest"}
    makefile = (ROOT / "Makefile").read_text()
    assert all(f'"make {target} ' in makefile for target in targets), "not in make help"
    actions = re.findall(r"uses: (.+)", workflow)
    assert actions
    # A tag may be moved to another commit; a commit stays what it was read as.
    assert all(re.search(r"@[0-9a-f]{40} # v[\d.]+$", action) for action in actions)


def test_what_importing_the_package_needs_is_required():
    imported = set()
    for path in SOURCES:
        # only at the top of a file: elsewhere an import may be of an option
        imported |= imported_names(path, only_top=True)
    needed = {name.partition(".")[0] for name in imported} - {"skfmvae"}
    needed -= set(sys.stdlib_module_names)
    needed = {"scikit-learn" if name == "sklearn" else name for name in needed}
    assert needed <= {requirement.name for requirement in required_by("")}


def run_without_extras(*arguments, cwd):
    """Run Python where no extra that users can choose is to be found."""
    extras = required_by("plot", "study", "distributed", "neighbours")
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
            "WITHOUT": ",".join([*(r.name for r in extras), "polars"]),
        },
        capture_output=True,
        text=True,
    )


def test_first_example_needs_no_extra(tmp_path):
    """What README shows runs after a plain `pip install .`, and prints what it says."""
    blocks = FENCED.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    [code] = [text for language, text in blocks if language == "python"]
    [stated] = [text for language, text in blocks if language == "text"]
    for extra in ("pandas", "matplotlib"):
        absent = run_without_extras("-c", f"import without, {extra}", cwd=tmp_path)
        assert f"No module named '{extra}'" in absent.stderr
    result = run_without_extras("-c", f"import without\n{code}", cwd=tmp_path)
    assert not result.returncode, result.stderr
    assert_prints(result.stdout, stated)


def test_docstring_examples_need_no_extra():
    """All but those of plots, the command line and Parquet files, which are extras."""
    parts = [path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()]
    assert {"plotting", "cli"} < set(parts)
    needy = ("plotting", "cli", "datasets/parquet.py")
    needy = [f"--ignore=skfmvae/{part}" for part in needy]
    result = run_without_extras(
        *("-m", "pytest", "-p", "without", "-p", "no:cacheprovider"),
        *("skfmvae", *needy),
        cwd=ROOT,
    )
    assert not result.returncode, result.stdout


def test_citation_gives_the_version_of_the_package():
    version = re.compile(r"^version\W+(.+?)\W*$", re.MULTILINE)
    stated = [
        version.search((ROOT / name).read_text()).group(1)
        for name in ("pyproject.toml", "CITATION.cff")
    ]
    assert stated[0] == stated[1]


def test_modules_and_estimators_are_there_when_asked_for():
    code = (
        "import sys, skfmvae; assert 'torch' not in sys.modules; "
        "skfmvae.nn.MLP, skfmvae.training.Rows, skfmvae.SemafoVAE, skfmvae.estimators; "
        "assert not hasattr(skfmvae, 'neighbors')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
