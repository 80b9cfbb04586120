"""The programs of Onceproof as a Python package: `onceproof`, `loadgen`, `verify`, `aggregator`."""

import importlib.metadata


def program():
    """Path of the program `onceproof` that came with this package."""
    files = importlib.metadata.files("onceproof") or []
    return next(str(file.locate()) for file in files if file.name == "onceproof")
