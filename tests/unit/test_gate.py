"""Passwords, sessions, and the brake on guessing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from assay.api import auth
from assay.api.auth import ADMINISTRATOR, Gate, ensure_administrator, reset_administrator
from assay.api.errors import LoginRefused, NotLoggedIn, TooManyAttempts
from assay.api.security import host_name
from assay.api.settings import ApiSettings
from assay.store.workspace import Workspace


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "plant") as workspace:
        yield workspace


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(plant: Workspace, clock: Clock) -> Gate:
    return Gate(plant.registry, ApiSettings(login_attempts=3, login_attempts_total=5, login_window=60), clock)


def test_the_password_is_generated_once_and_kept_as_a_hash(plant: Workspace) -> None:
    password = ensure_administrator(plant)
    assert password is not None
    assert len(password) == 20
    assert ensure_administrator(plant) is None
    account = plant.registry.user(ADMINISTRATOR)
    assert account is not None
    assert account.password_hash.startswith("$argon2id$")
    assert password not in account.password_hash


def test_a_hash_takes_the_work_of_the_rfc(plant: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "PasswordHasher", PasswordHasher)  # as everywhere but in the tests
    password = reset_administrator(plant)
    account = plant.registry.user(ADMINISTRATOR)
    assert account is not None
    assert extract_parameters(account.password_hash) == RFC_9106_LOW_MEMORY
    Gate(plant.registry, ApiSettings()).login(password, "here")


def test_a_session_is_stored_only_as_a_hash(plant: Workspace, gate: Gate) -> None:
    token, session = gate.login(ensure_administrator(plant) or "", "here")
    kept = str(plant.registry.setting("api/sessions"))
    assert token not in kept
    assert session.csrf not in kept
    assert session.digest in kept
    assert gate.session(token) == session


def test_two_logins_have_tokens_of_their_own_and_logout_ends_one(plant: Workspace, gate: Gate) -> None:
    password = ensure_administrator(plant) or ""
    first, one = gate.login(password, "here")
    second, two = gate.login(password, "there")
    assert one.csrf != two.csrf
    gate.logout(one)
    with pytest.raises(NotLoggedIn):
        gate.session(first)
    assert gate.session(second) == two


def test_sessions_survive_a_restart_and_expire(plant: Workspace, gate: Gate, clock: Clock) -> None:
    token, _ = gate.login(ensure_administrator(plant) or "", "here")
    again = Gate(plant.registry, ApiSettings(), clock)
    assert again.session(token).user == ADMINISTRATOR
    clock.now += 12 * 3600
    with pytest.raises(NotLoggedIn):
        again.session(token)


def test_a_new_password_ends_every_session(plant: Workspace, gate: Gate) -> None:
    old = ensure_administrator(plant) or ""
    token, _ = gate.login(old, "here")
    new = reset_administrator(plant)
    with pytest.raises(NotLoggedIn):
        gate.session(token)
    with pytest.raises(LoginRefused):
        gate.login(old, "here")
    gate.login(new, "here")


@pytest.mark.parametrize("token", [None, "", "x", "x" * 300])
def test_no_token_no_session(gate: Gate, token: str | None) -> None:
    with pytest.raises(NotLoggedIn):
        gate.session(token)


def test_a_plant_without_an_administrator_lets_nobody_in(gate: Gate) -> None:
    with pytest.raises(LoginRefused):
        gate.login("", "here")


def test_guessing_is_braked_even_for_the_right_password(plant: Workspace, gate: Gate, clock: Clock) -> None:
    password = ensure_administrator(plant) or ""
    for _ in range(3):
        with pytest.raises(LoginRefused):
            gate.login("wrong", "here")
    with pytest.raises(TooManyAttempts) as caught:
        gate.login(password, "here")
    assert caught.value.headers == {"Retry-After": "60"}
    gate.login(password, "elsewhere")
    clock.now += 61
    gate.login(password, "here")


def test_guessing_from_many_addresses_is_braked_too(plant: Workspace, gate: Gate) -> None:
    password = ensure_administrator(plant) or ""
    for number in range(5):
        with pytest.raises(LoginRefused):
            gate.login("wrong", f"client {number}")
    with pytest.raises(TooManyAttempts):
        gate.login(password, "client 6")


def test_a_right_password_forgets_the_wrong_ones(plant: Workspace, gate: Gate) -> None:
    password = ensure_administrator(plant) or ""
    for _ in range(4):
        with pytest.raises(LoginRefused):
            gate.login("wrong", "here")
        gate.login(password, "here")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost", "localhost"),
        ("LOCALHOST:8080", "localhost"),
        ("127.0.0.1:8080", "127.0.0.1"),
        ("[::1]:8080", "::1"),
        ("[::1]", "::1"),
        ("", ""),
        ("localhost:80:90", ""),
        ("[::1", ""),
        ("[::1]x", ""),
        ("localhost:evil", ""),
        ("evil.example", "evil.example"),
    ],
)
def test_host_names(header: str, name: str) -> None:
    assert host_name(header) == name


def test_settings_come_from_the_environment() -> None:
    settings = ApiSettings.from_environment(
        {"ASSAY_ALLOWED_HOSTS": "plant.example, a.b", "ASSAY_UPLOAD_LIMIT": "5"}
    )
    assert settings.allowed_hosts == ("plant.example", "a.b")
    assert settings.upload_limit == 5
    assert settings.bound_to("0.0.0.0").allow_addresses
    assert settings.bound_to("10.0.0.7").allowed_hosts[-1] == "10.0.0.7"
    with pytest.raises(ValueError, match="ASSAY_UPLOAD_LIMIT is '5 GB'"):
        ApiSettings.from_environment({"ASSAY_UPLOAD_LIMIT": "5 GB"})
