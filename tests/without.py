"""Import this first, and the packages that WITHOUT lists are nowhere to be found."""

import os
import sys
from importlib.machinery import PathFinder

ABSENT = os.environ.get("WITHOUT", "").split(",")


class WithoutSome(PathFinder):
    """What finds modules on `sys.path`, blind to some."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.partition(".")[0] in ABSENT:
            return None
        return super().find_spec(fullname, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutSome
