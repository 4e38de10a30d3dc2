"""Logging in and out with a signed session cookie."""

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select

from .database import Database
from .models import User
from .passwords import check_password
from .schemas import Account, Credentials

router = APIRouter(prefix="/api", tags=["accounts"])


def require_json(content_type: Annotated[str, Header()] = "") -> None:
    """Refuse other bodies: a form on another site cannot send JSON, and the SameSite cookie does the rest."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "the content type must be application/json")


async def current_user(request: Request, database: Database) -> User | None:
    """The user whom the session cookie names; nobody if the account is gone."""
    user_id = request.session.get("user_id")
    return await database.get(User, user_id) if user_id else None


CurrentUser: TypeAlias = Annotated[User | None, Depends(current_user)]


async def require_user(user: CurrentUser) -> User:
    """The user, or a 401."""
    if user is None:
        raise HTTPException(401, "log in first")
    return user


LoggedIn: TypeAlias = Annotated[User, Depends(require_user)]


@router.post("/login", dependencies=[Depends(require_json)])
async def log_in(request: Request, credentials: Credentials, database: Database) -> Account:
    user = await database.scalar(select(User).where(User.username == credentials.username))
    stored = user.password_hash if user else None
    # scrypt is slow on purpose: in a thread, so that the others need not wait for it.
    if not await run_in_threadpool(check_password, credentials.password, stored) or user is None:
        raise HTTPException(401, "wrong username or password")
    request.session.clear()
    request.session["user_id"] = user.id
    return Account(username=user.username)


@router.post("/logout")
async def log_out(request: Request) -> Account:
    request.session.clear()
    return Account(username=None)


@router.get("/me")
async def show_me(user: CurrentUser) -> Account:
    return Account(username=user.username if user else None)
