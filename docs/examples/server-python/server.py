"""A billing server for Tollbox: FastAPI, and SQLite by Python's own module."""

import asyncio
import json
import os
import re
import sqlite3
import time
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

DATABASE = os.environ.get("DATABASE", "ledger.sqlite")
LEDGER = Path(__file__).parent.parent / "ledger.sql"
# In the place of your sign-in: what account a token is of.
TOKENS = {"token-of-alice": "alice", "token-of-bob": "bob"}
BODY_WITHIN_S, DECIDE_WITHIN_S = 10, 4
CLOSE = {"Connection": "close"}  # The rest of the body is not read.
MAX_BODY, MAX_KEY, MAX_POINTS = 1024 * 1024, 1_000, 2**53 - 1


class Problem(Exception):
    def __init__(self, status, kind, detail, headers=None, **members):
        self.status, self.headers = status, headers
        self.document = {"type": kind, "title": kind, "status": status, "detail": detail, **members}

    def answer(self):
        kind = "application/problem+json"
        return JSONResponse(self.document, self.status, self.headers, media_type=kind)


def invalid(detail):
    return Problem(400, "invalid-request", detail)


# region charge
@contextmanager
def transaction(within_s=DECIDE_WITHIN_S):
    """One turn in the ledger. An error before the commit has taken nothing, one of it may have."""
    db = sqlite3.connect(DATABASE, timeout=max(within_s, 0), isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")  # Waits for the turn of every other writer.
        yield db
    except sqlite3.OperationalError as error:
        raise Problem(503, "service-unavailable", str(error), {"Retry-After": "1"}) from error
    else:
        try:
            db.execute("COMMIT")
        except sqlite3.Error as error:
            raise Problem(500, "internal-error", "The commit failed.") from error
    finally:
        db.close()  # Rolls back what was not committed.


def charge(account, key, task_id, feature, amount, within_s=DECIDE_WITHIN_S):
    """Takes the points once. Gives the receipt, and whether they had been taken before."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    with transaction(within_s) as db:
        is_new = db.execute(
            "INSERT INTO charges"
            " (account, idempotency_key, task_id, feature, amount, charge_id, charged_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (account, key, task_id, feature, amount, str(uuid.uuid4()), now),
        ).rowcount
        if is_new:
            taken = db.execute(
                "UPDATE accounts SET balance = balance - ?, version = version + 1"
                " WHERE account = ? AND balance >= ?",
                (amount, account, amount),
            ).rowcount
            if not taken:
                left = balance_of(db, account)
                raise Problem(402, "insufficient-balance", f"{left['balance']} are left.", **left)
        receipt, request = receipt_of(db, account, key)
        if request != (task_id, feature, amount):
            raise Problem(422, "idempotency-key-reused", "The key is another charge's.")
        return receipt, not is_new


# endregion charge


def receipt_of(db, account, key):
    row = db.execute(
        "SELECT charge_id, charged_at, task_id, feature, amount FROM charges"
        " WHERE account = ? AND idempotency_key = ?",
        (account, key),
    ).fetchone()
    if row is None:
        raise Problem(404, "charge-not-found", "Nothing was taken for this key.")
    charge_id, charged_at, *request = row
    receipt = {"charge_id": charge_id, "idempotency_key": key, "amount": request[2]}
    return receipt | {"charged_at": charged_at} | balance_of(db, account), tuple(request)


def balance_of(db, account):
    found = "SELECT balance, version FROM accounts WHERE account = ?"
    return dict(zip(("balance", "version"), db.execute(found, (account,)).fetchone()))


def checked(body, key):
    """What is charged. The price is the server's: compare `amount` with yours here."""
    if not isinstance(body, dict):
        raise invalid("A charge must be an object.")
    task_id, feature, amount = (body.get(name) for name in ("task_id", "feature", "amount"))
    for text, most in ((key, MAX_KEY), (task_id, 500), (feature, 500)):
        is_text = isinstance(text, str) and not re.search("[\0\ud800-\udfff]", text)
        if not is_text or not 1 <= len(text if most == 500 else text.encode()) <= most:
            raise invalid("A key has 1 to 1,000 bytes, task_id and feature 1 to 500 characters.")
    is_number = isinstance(amount, (int, float)) and not isinstance(amount, bool)
    if not is_number or not 1 <= amount <= MAX_POINTS or amount != int(amount):
        raise invalid("amount must be a whole number from 1 to 2^53-1.")
    return key, task_id, feature, int(amount)


def quoted(request, name):
    """A header with a string in quotation marks (RFC 8941), its percent-encoding undone."""
    text = ", ".join(request.headers.getlist(name))
    if not (match := re.fullmatch(r' *"((?:[ !#-\[\]-~]|\\["\\])*)" *', text)):
        raise invalid(f"{name} must be a string in quotation marks.")
    try:
        return unquote(re.sub(r"\\(.)", r"\1", match[1]), errors="strict")
    except UnicodeDecodeError:
        raise invalid(f"{name} must be percent-encoded UTF-8.") from None


async def signed_in(request: Request):
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    if (account := TOKENS.get(token)) is None:
        raise Problem(401, "unauthorized", "No such token.", {"WWW-Authenticate": "Bearer"})
    if "billing-account" in request.headers and quoted(request, "billing-account") != account:
        raise Problem(403, "account-mismatch", "Somebody else is signed in.")
    return account


def not_json(word):
    raise ValueError(f"{word} is not JSON")


async def json_body(request: Request):
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Problem(415, "unsupported-media-type", "The body must be application/json.")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_BODY:
                    raise Problem(413, "payload-too-large", "At most 1 MiB.", CLOSE)
    except TimeoutError:
        raise Problem(408, "request-timeout", "No end.", CLOSE) from None
    try:
        return json.loads(body, parse_constant=not_json)
    except (ValueError, RecursionError):
        raise Problem(400, "invalid-json", "The body must be JSON.") from None


app = FastAPI(openapi_url=None, redirect_slashes=False)
Account, Body = Annotated[str, Depends(signed_in)], Annotated[object, Depends(json_body)]


@app.get("/billing/v1/balance")
def read_balance(account: Account, request: Request):
    with transaction() as db:
        balance = balance_of(db, account)
    etag = {"ETag": f'"v{balance["version"]}"'}
    if etag["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=etag)
    return JSONResponse(balance, headers=etag)


@app.post("/billing/v1/charges")
def make_charge(account: Account, request: Request, body: Body):
    receipt, replayed = charge(account, *checked(body, quoted(request, "idempotency-key")))
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return JSONResponse(receipt, 200 if replayed else 201, headers)


@app.get("/billing/v1/charges")
def look_up(account: Account, request: Request):
    with transaction() as db:  # A turn of its own: it sees each charge that was begun before.
        return receipt_of(db, account, request.query_params.get("key", ""))[0]


@app.post("/billing/v1/charges/batch")
def make_batch(account: Account, body: Body):
    items = body.get("charges") if isinstance(body, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= 100:
        raise invalid("A batch has 1 to 100 charges.")
    end, results = time.monotonic() + DECIDE_WITHIN_S, []
    for item in items:
        key = item.get("idempotency_key") if isinstance(item, dict) else None
        try:
            receipt, replayed = charge(account, *checked(item, key), end - time.monotonic())
            result = {"status": "charged", **receipt, "replayed": replayed}
        except Problem as problem:
            kinds = {402: "declined", 500: "retry", 503: "retry"}
            status = kinds.get(problem.status, "rejected")
            result = {"status": status, "problem": problem.document}
        results.append({**result, "idempotency_key": key})
    with transaction() as db:
        return {"results": results, **balance_of(db, account)}


@app.exception_handler(Problem)
async def refused(_, problem):
    return problem.answer()


@app.exception_handler(HTTPException)
async def elsewhere(_, error):
    return Problem(error.status_code, "about:blank", error.detail, error.headers).answer()


app.add_middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["GET", "POST"],
    allow_headers=[
        "authorization",
        "billing-account",
        "content-type",
        "idempotency-key",
        "if-none-match",
    ],
    expose_headers=["date", "etag", "retry-after", "idempotent-replayed"],
)

with sqlite3.connect(DATABASE) as opened:
    opened.executescript(f"PRAGMA journal_mode = WAL; {LEDGER.read_text()}")
    for name in TOKENS.values():
        opened.execute("INSERT INTO accounts VALUES (?, 10000, 1) ON CONFLICT DO NOTHING", (name,))
