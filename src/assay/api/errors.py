"""Errors of the API and the one envelope in which every error leaves it."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from assay.apps.catalogue import hint, told
from assay.apps.errors import PageError, problem_of
from assay.apps.payloads import Problem, Refusal
from assay.model.catalogue import Catalogue
from assay.model.errors import (
    AccessError,
    AssayError,
    PluginError,
    SpokenError,
    StoreError,
    TraceError,
)
from assay.model.reasoned import ReasonedError

CATALOGUE = Catalogue("assay.api")


class ApiError(SpokenError):
    """An error that knows its HTTP status."""

    status = 400
    headers: Mapping[str, str] | None = None

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(
            told(f"error.{key}", CATALOGUE, **values),
            hint(f"hint.{key}", CATALOGUE, **values),
        )


class NotLoggedIn(ApiError, AccessError):
    """There is no valid session."""

    status = 401

    def __init__(self) -> None:
        super().__init__("not-logged-in")


class LoginRefused(ApiError, AccessError):
    """The password is wrong."""

    status = 401

    def __init__(self) -> None:
        super().__init__("login-refused")


class TooManyAttempts(ApiError, AccessError):
    """Wrong passwords came too often."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__("too-many-attempts", seconds=seconds)
        self.headers = {"Retry-After": str(seconds)}


class ForgedRequest(ApiError, AccessError):
    """A request that changes something lacks the session's token or comes from another site."""

    status = 403

    def __init__(self) -> None:
        super().__init__("forged")


class NoPicture(ApiError, LookupError):
    """An operator's answer can't be drawn."""

    status = 404

    def __init__(self, operator: str) -> None:
        super().__init__("no-picture", operator=operator)


class UploadTooLarge(ApiError, ValueError):
    """A dropped file is larger than the server takes."""

    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__("upload-too-large", limit=f"{limit:,}")


class UploadBroken(ApiError, ValueError):
    """The upload is not one complete multipart file."""

    def __init__(self, detail: str) -> None:
        super().__init__("upload-broken", detail=told(f"upload.{detail}", CATALOGUE))


class ImportMissing(ApiError, LookupError):
    """No import has this id (any more)."""

    status = 404

    def __init__(self, import_id: str) -> None:
        super().__init__("import-missing", id=import_id)


class ImportBusy(ApiError, RuntimeError):
    """The import is being loaded, or there is no room for another."""

    status = 409

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key, **values)


class TooBusy(ApiError, RuntimeError):
    """As many questions are being answered as the server takes at a time."""

    status = 429

    def __init__(self, key: str, most: int) -> None:
        super().__init__(key, most=most)
        self.headers = {"Retry-After": "2"}


class MessageRefused(ApiError, ValueError):
    """A message on a WebSocket can't be followed; ``about`` is the id of the subscription it names."""

    def __init__(self, key: str, about: str | None = None, **values: object) -> None:
        super().__init__(key, **values)
        self.about = about


def register(app: FastAPI) -> None:
    """Make every error of ``app`` leave it in the envelope."""
    app.add_exception_handler(AssayError, _assay_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)


def refusal(status: int, problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error answer."""
    return JSONResponse(
        Refusal(error=problem).model_dump(mode="json"), status_code=status, headers=dict(headers or {})
    )


def http_problem(status: int) -> Problem:
    """What a bare HTTP status means, in both languages."""
    key = next(key for key in (status, 400 if status < 500 else 500) if f"http.{key}" in CATALOGUE.keys("en"))
    return Problem(message=told(f"http.{key}", CATALOGUE), hint=hint(f"http-hint.{key}", CATALOGUE))


def _assay_error(_: Request, error: Exception) -> Response:
    if isinstance(error, ApiError):
        return refusal(error.status, problem_of(error), error.headers)
    if isinstance(error, AssayError):
        return refusal(_status(error), problem_of(error))
    raise error


_MISSING = frozenset({
    *("no_log", "no_record", "no_subject"),
    *("settings_missing", "not_deployed", "not_an_instance", "template_unknown"),
})  # fmt: skip
_ELSEWHERE = frozenset({"chain_down", "no_answer", "wrong_chain"})


def _status(error: AssayError) -> int:
    if isinstance(error, TraceError) or (isinstance(error, PageError) and error.is_missing):
        return 404
    if isinstance(error, ReasonedError) and error.reason in _MISSING:
        return 404
    if isinstance(error, ReasonedError) and error.reason in _ELSEWHERE:
        return 502
    if isinstance(error, AccessError):
        return 403
    if isinstance(error, StoreError):
        return 409
    if isinstance(error, PluginError):
        return 501
    return 422


def _invalid_request(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    listed = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:10])
    message = told("error.invalid-request", CATALOGUE, problems=listed)
    return refusal(422, Problem(message=message, hint=told("hint.invalid-request", CATALOGUE)))


def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return refusal(error.status_code, http_problem(error.status_code), error.headers)
