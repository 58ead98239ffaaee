"""Matplotlib, an extra that is imported when a display draws."""

__all__ = ["pyplot"]


def pyplot(caller):
    """Return matplotlib's interface, or raise an error that says how to install it.

    Parameters
    ----------
    caller : str
        The function that draws, for the error.

    Returns
    -------
    pyplot : module
        :mod:`matplotlib.pyplot`.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib, which the extra named plot brings: "
            'pip install "skfmvae[plot]"'
        ) from error
    return matplotlib.pyplot
