"""The bookshop both example applications sell from: made-up stock, its catalogue, and where a demo keeps its files.

Only the standard library is used here, so that either application runs without the other's framework.
"""
