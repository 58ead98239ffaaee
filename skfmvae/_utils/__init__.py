"""What every room uses and no user sees: checks, compatibility, seeds, threads."""

__all__: list[str] = []
