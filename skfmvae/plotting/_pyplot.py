"""Matplotlib, which is an extra and imported only where something is drawn."""

__all__ = ["pyplot"]


def pyplot(caller):
    """Import matplotlib, or say how to get it.

    Parameters
    ----------
    caller : str
        What needs it.

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
