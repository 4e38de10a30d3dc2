import pytest

from tests.features.metrics.measured import Measured


@pytest.fixture
def measured() -> Measured:
    """Metrics as they are without options."""
    return Measured()
