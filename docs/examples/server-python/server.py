"""A billing server for Tollbox: FastAPI, and SQLite by Python's own module."""

import asyncio
import json
import os
import re
import sqlite3
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
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


def unavailable(detail):
    return Problem(503, "service-unavailable", detail, {"Retry-After": "1"})


# region charge
TURNS = ThreadPoolExecutor(max_workers=1)  # In the order of arrival, which SQLite does not keep.


async def turn(work):
    """One turn in the ledger. An error before the commit has taken nothing, one of it may have."""
    end = time.monotonic() + DECIDE_WITHIN_S
    return await asyncio.get_running_loop().run_in_executor(TURNS, transaction, work, end)


def transaction(work, end):
    within_s = max(end - time.monotonic(), 0)
    db = sqlite3.connect(DATABASE, timeout=within_s, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")  # Waits for other programs.
        done = work(db, end)
        if time.monotonic() > end:
            raise unavailable("The time is up.")
    except sqlite3.OperationalError as error:
        raise unavailable(str(error)) from error
    else:
        try:
            db.execute("COMMIT")
        except sqlite3.Error as error:
            raise Problem(500, "internal-error", "The commit failed.") from error
        return done
    finally:
        db.close()  # Rolls back what was not committed.


def charge(db, account, key, task_id, feature, amount):
    """Takes the points once. Gives the receipt, and whether they had been taken before."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
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
async def read_balance(account: Account, request: Request):
    balance = await turn(lambda db, _: balance_of(db, account))
    etag = {"ETag": f'"v{balance["version"]}"'}
    if etag["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=etag)
    return JSONResponse(balance, headers=etag)


@app.post("/billing/v1/charges")
async def make_charge(account: Account, request: Request, body: Body):
    asked = checked(body, quoted(request, "idempotency-key"))
    receipt, replayed = await turn(lambda db, _: charge(db, account, *asked))
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return JSONResponse(receipt, 200 if replayed else 201, headers)


@app.get("/billing/v1/charges")
async def look_up(account: Account, request: Request):
    key = request.query_params.get("key", "")
    # A turn of its own: it sees each charge that was begun before.
    return (await turn(lambda db, _: receipt_of(db, account, key)))[0]


@app.post("/billing/v1/charges/batch")
async def make_batch(account: Account, body: Body):
    items = body.get("charges") if isinstance(body, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= 100:
        raise invalid("A batch has 1 to 100 charges.")

    # One turn for all: a look-up that came between two would say "never charged" of the second.
    def take(db, end):
        results = [result(db, account, item, end) for item in items]
        return {"results": results, **balance_of(db, account)}

    return await turn(take)


def result(db, account, item, end):
    key = item.get("idempotency_key") if isinstance(item, dict) else None
    try:
        # The last second is for the commit of what has been taken.
        if time.monotonic() > end - 1:
            raise unavailable("The time is up.")
        asked = checked(item, key)
        db.execute("SAVEPOINT item")
        try:
            receipt, replayed = charge(db, account, *asked)
        except Problem:
            db.execute("ROLLBACK TO item")
            raise
        db.execute("RELEASE item")
        return {"status": "charged", **receipt, "replayed": replayed, "idempotency_key": key}
    except Problem as problem:
        status = {402: "declined", 503: "retry"}.get(problem.status, "rejected")
        return {"status": status, "problem": problem.document, "idempotency_key": key}


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
