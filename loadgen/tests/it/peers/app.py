"""The reference contract as an ASGI application, with the habits that MODE names."""

import asyncio
import gzip
import json
import os

MODE = os.environ["MODE"]
known = set()
seen = 0


async def body_of(receive):
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def take(events):
    global seen
    seen += len(events)
    results = []
    for event in events:
        key = (event["topic"], event["event_id"])
        results.append("duplicate" if key in known else "inserted")
        known.add(key)
    inserted = results.count("inserted")
    return {
        "status": "accepted",
        "accepted": len(results),
        "inserted": inserted,
        "duplicates": len(results) - inserted,
        "results": results,
    }


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    status, answer = 200, {
        "received": seen,
        "unique_processed": len(known),
        "duplicate_dropped": seen - len(known),
        "queue": {"pending": 0, "processing": 0},
    }
    if scope["path"] == "/publish":
        body = await body_of(receive)
        if MODE == "packed":
            # Whatever is not packed is refused by its first bytes.
            assert (b"content-encoding", b"gzip") in scope["headers"]
            body = gzip.decompress(body)
        answer = take(json.loads(body))
        if MODE == "slow":
            await asyncio.sleep(3600)
        if MODE == "raises":
            raise RuntimeError("after the commit")
    elif scope["path"] != "/stats":
        status, answer = 404, {"detail": "not found"}
    text = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json")]
    if MODE == "closes":
        headers.append((b"connection", b"close"))
    if MODE != "chunks":
        headers.append((b"content-length", str(len(text)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for start in range(0, len(text), 7):
        await send({"type": "http.response.body", "body": text[start : start + 7], "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
