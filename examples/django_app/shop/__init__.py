"""The one Django app of the example."""
