"""What goes for all tests."""

from hypothesis import settings

# No deadline: how long an example takes says more of the machine than of perfkit.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
