"""The files of a report, which are replaced all at once."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from .figure import as_svg, draw
from .report import Report, make_html

__all__ = ["write_report"]

NAMES = ("results.csv", "curve.png", "curve.svg", "report.html")
DOTS_PER_INCH = 200


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write the table, the figure and the page.

    At every moment the folder holds files of one study alone. Those of the study before
    stay until all new ones are written. Other files in the folder stay.

    Parameters
    ----------
    report : Report
        The content.
    folder : Path
        Where the files go. It exists.

    Returns
    -------
    paths : list of Path
        The files.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    paths = [folder / name for name in NAMES]
    # Within the folder, because moving files to another disk takes time and may fail.
    with TemporaryDirectory(prefix=".report-", dir=folder) as unfinished:
        written = [Path(unfinished, name) for name in NAMES]
        _write_files(report, *written)
        # The page goes first and comes last: where it is, all files are.
        for path in reversed(paths):
            path.unlink(missing_ok=True)
        for new, path in zip(written, paths, strict=True):
            new.replace(path)
    return paths


def _write_files(report, table, png, svg, page):
    report.results.to_csv(table, index=False)
    figure = draw(report.results, report.scores, report.options.target_score)
    figure.savefig(png, dpi=DOTS_PER_INCH)
    element = as_svg(figure)
    declaration = '<?xml version="1.0" encoding="utf-8"?>\n'
    svg.write_text(declaration + element, encoding="utf-8")
    page.write_text(make_html(report, element), encoding="utf-8")
