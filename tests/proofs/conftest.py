"""What the proofs in a browser share."""

import pytest

from tests.proofs.servers import Certificate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def certificate(folder):
    return Certificate.new(folder)
