"""The table of commands."""

from importlib import import_module

from skfmvae.cli.commands import COMMANDS, after_interrupt


def test_each_command_has_a_module_that_runs_it():
    for name, command in COMMANDS.items():
        module = import_module(f"skfmvae.cli.{name}")
        assert callable(module.run)
        assert callable(module.add_options)
        assert command.summary


def test_what_an_interrupt_leaves():
    assert "continues" in after_interrupt(["study", "data.csv"])
    assert after_interrupt(["fit", "study"]) == "nothing was written."
    assert after_interrupt([]) == after_interrupt(["--help"]) == "nothing was done."
