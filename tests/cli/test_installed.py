"""Which libraries the commands need."""

import sys
from pathlib import Path

import pytest

from skfmvae.cli.errors import InputError
from skfmvae.cli.installed import check_installed


@pytest.mark.parametrize(
    ("package", "file", "is_needed"),
    [
        ("pandas", "data.csv", True),
        ("pyarrow", "data.csv", False),
        ("pyarrow", "data.PQ", True),
        ("jinja2", "data.csv", False),
    ],
)
def test_libraries_that_lack(monkeypatch, package, file, is_needed):
    pytest.importorskip("pyarrow")
    monkeypatch.setitem(sys.modules, package, None)
    if is_needed:
        with pytest.raises(InputError, match=f"{package} is not installed; pip"):
            check_installed(files=[Path(file)])
    else:
        check_installed(files=[Path(file)])


def test_libraries_of_one_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(InputError, match="jinja2"):
        check_installed("jinja2", files=[])
