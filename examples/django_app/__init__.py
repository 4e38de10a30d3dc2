"""The bookshop on Django. `settings.py` has the line that adopts perfkit."""
