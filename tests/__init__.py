"""The tests, a package with a name of its own: some of those installed bring a `tests` too."""
