"""Middlewares of Starlette and Django, replaced: the same arguments, so that a team switches by changing one import.

One module for each framework: `perfkit.compat.starlette` and `perfkit.compat.django`. They take their arguments alone;
perfkit's settings and its environment variables do not count for them.
"""
