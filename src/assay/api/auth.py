"""The single administrator: password, sessions, and the brake on guessing.

Passwords are kept as Argon2id hashes (RFC 9106, the library's defaults). A session is an opaque random
token in an ``HttpOnly``, ``SameSite=Strict`` cookie; the registry keeps only its SHA-256, so a copy of
the registry logs nobody in. The CSRF token is an HMAC of the session token: it needs no storage, and
knowing it does not give the session away.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from assay.api.errors import LoginRefused, NotLoggedIn, TooManyAttempts
from assay.api.settings import ApiSettings
from assay.store.registry import Registry
from assay.store.workspace import Workspace

COOKIE = "assay_session"
CSRF_HEADER = "X-CSRF-Token"
ADMINISTRATOR = "administrator"

_SESSIONS_KEY = "api/sessions"
_SESSIONS_KEPT = 64
_PASSWORD_BYTES = 15  # 120 bits, 20 characters of the URL-safe base64 alphabet
_TOKEN_BYTES = 32
_HASHING = threading.BoundedSemaphore(2)  # one Argon2 hash takes 64 MiB; more at once would be a lever


@dataclass(frozen=True)
class Session:
    """A login that holds until ``expires`` (seconds since 1970)."""

    user: str
    csrf: str
    digest: str
    expires: float


@dataclass(frozen=True)
class _Kept:
    """What the registry keeps of a session, under the SHA-256 of its token."""

    user: str
    expires: float


def ensure_administrator(workspace: Workspace) -> str | None:
    """Make the administrator where there is none.

    Returns
    -------
    str or None
        The generated password, to be shown once; None when there is an administrator already.
    """
    if workspace.registry.user(ADMINISTRATOR) is not None:
        return None
    return reset_administrator(workspace)


def reset_administrator(workspace: Workspace) -> str:
    """Give the administrator a new generated password and end every session; returns the password."""
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    workspace.registry.set_user(ADMINISTRATOR, PasswordHasher().hash(password))
    workspace.registry.set_setting(_SESSIONS_KEY, {})
    return password


class Gate:
    """Checks passwords and sessions.

    Parameters
    ----------
    registry
        Where accounts and sessions are kept.
    settings
        How long a session lasts and how many wrong passwords are borne.
    clock
        Seconds since 1970.
    """

    def __init__(
        self, registry: Registry, settings: ApiSettings, clock: Callable[[], float] = time.time
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._clock = clock
        self._hasher = PasswordHasher()
        # Verified against when there is no account, so that both answers take the same time.
        self._nobody = self._hasher.hash(secrets.token_urlsafe(_PASSWORD_BYTES))
        self._brake = _Brake(settings, clock)
        self._lock = threading.Lock()

    def login(self, password: str, client: str) -> tuple[str, Session]:
        """A new session's token and what is known of it.

        Raises
        ------
        TooManyAttempts
            The client (or all clients together) guessed wrong too often.
        LoginRefused
            The password is wrong.
        """
        self._brake.take(client)
        account = self._registry.user(ADMINISTRATOR)
        stored = account.password_hash if account is not None else self._nobody
        with _HASHING:
            right = self._matches(stored, password)
        if account is None or not right:
            raise LoginRefused
        self._brake.release(client)
        if self._hasher.check_needs_rehash(stored):
            with _HASHING:
                self._registry.set_user(ADMINISTRATOR, self._hasher.hash(password))
        return self._open(ADMINISTRATOR)

    def session(self, token: str | None) -> Session:
        """The session of a cookie.

        Raises
        ------
        NotLoggedIn
            There is no cookie, or its session is unknown, ended or expired.
        """
        if not token or len(token) > 256:
            raise NotLoggedIn
        digest = _digest(token)
        kept = self._read().get(digest)
        if kept is None or kept.expires <= self._clock():
            raise NotLoggedIn
        return Session(kept.user, _csrf(token), digest, kept.expires)

    def logout(self, session: Session) -> None:
        """End the session."""
        with self._lock:
            sessions = self._read()
            if sessions.pop(session.digest, None) is not None:
                self._write(sessions)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False

    def _open(self, user: str) -> tuple[str, Session]:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = self._clock()
        session = Session(user, _csrf(token), _digest(token), now + self._settings.session_hours * 3600)
        with self._lock:
            alive = {digest: kept for digest, kept in self._read().items() if kept.expires > now}
            newest = sorted(alive.items(), key=lambda item: item[1].expires)[-(_SESSIONS_KEPT - 1) :]
            self._write({**dict(newest), session.digest: _Kept(user, session.expires)})
        return token, session

    def _read(self) -> dict[str, _Kept]:
        stored: dict[str, Any] = self._registry.setting(_SESSIONS_KEY) or {}
        return {digest: _Kept(**kept) for digest, kept in stored.items()}

    def _write(self, sessions: dict[str, _Kept]) -> None:
        self._registry.set_setting(_SESSIONS_KEY, {digest: asdict(kept) for digest, kept in sessions.items()})


class _Brake:
    """Counts attempts per client and in all; an attempt counts until it turns out to be right."""

    def __init__(self, settings: ApiSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._all: deque[tuple[float, str]] = deque()
        self._lock = threading.Lock()

    def take(self, client: str) -> None:
        """Count an attempt before its password is looked at; raises :class:`TooManyAttempts`."""
        with self._lock:
            now = self._clock()
            while self._all and self._all[0][0] <= now - self._settings.login_window:
                self._all.popleft()
            own = [moment for moment, name in self._all if name == client]
            oldest = None
            if len(own) >= self._settings.login_attempts:
                oldest = own[0]
            elif len(self._all) >= self._settings.login_attempts_total:
                oldest = self._all[0][0]
            if oldest is not None:
                raise TooManyAttempts(max(1, round(oldest + self._settings.login_window - now)))
            self._all.append((now, client))

    def release(self, client: str) -> None:
        """Forget the attempts of a client that knew the password."""
        with self._lock:
            self._all = deque(entry for entry in self._all if entry[1] != client)


def same(left: str, right: str) -> bool:
    """Whether two tokens are equal, in a time that does not tell how far they agree."""
    return hmac.compare_digest(left.encode(), right.encode())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _csrf(token: str) -> str:
    return hmac.new(token.encode(), b"assay csrf", hashlib.sha256).hexdigest()
