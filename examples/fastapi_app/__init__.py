"""The bookshop on FastAPI and SQLAlchemy. `main.py` has the line that adopts perfkit."""
