"""The arguments of the command line."""

import pytest

from skfmvae.cli import main
from skfmvae.cli.arguments import make_parser, parse
from skfmvae.cli.commands import COMMANDS
from skfmvae.cli.errors import InputError


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    page = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"{name} " in page
        assert command.summary in page


@pytest.mark.parametrize("name", COMMANDS)
def test_each_page_of_help_has_an_example_that_can_be_parsed(capsys, name):
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    page = capsys.readouterr().out
    example = page.partition("example:\n")[2].replace("\\\n", " ").split()
    program, *arguments = example
    assert program == "skfmvae"
    assert parse(arguments).command == name
    assert max(map(len, page.splitlines())) <= 88


def test_options_know_their_arguments_and_what_runs_them():
    arguments = ["info", "model.safetensors"]
    options = parse(arguments)
    assert options.arguments == arguments
    assert options.run.__module__ == "skfmvae.cli.info"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "the following arguments are required: command (see skfmvae --help)"),
        ("fitt", "invalid choice: 'fitt'"),
        ("fit", "required: data, --target, --out (see skfmvae fit --help)"),
        ("info a b", "unrecognized arguments: b"),
    ],
)
def test_errors_name_the_help(arguments, message):
    with pytest.raises(InputError) as error:
        make_parser().parse_args(arguments.split())
    assert message in str(error.value)
