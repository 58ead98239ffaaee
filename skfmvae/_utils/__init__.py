"""Private and shared: checks, compatibility, missing entries, seeds, threads."""

__all__: list[str] = []
