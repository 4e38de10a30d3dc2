"""Password hashes with scrypt from the standard library. Each call takes some 50 ms of CPU: run it in a thread."""

import hashlib
import hmac
import secrets

_SALT_BYTES = 16


def hash_password(password: str) -> str:
    """A salted hash to store, `salt$digest` in hexadecimal."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"{salt.hex()}${_digest(password, salt).hex()}"


def check_password(password: str, stored: str | None) -> bool:
    """Whether the password belongs to the stored hash. `None` takes as long, and so betrays no account."""
    salt, _, digest = (stored or f"{bytes(_SALT_BYTES).hex()}$").partition("$")
    return hmac.compare_digest(_digest(password, bytes.fromhex(salt)).hex(), digest)


def _digest(password: str, salt: bytes) -> bytes:
    # The parameters OWASP recommends for interactive logins on small machines: 16 MiB of memory.
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=5, maxmem=2**26)
