"""A challenge in Python: it answers with the request, pays what its environment says, and fails as only Python does.

`cargo xtask guests` makes a component of it. What stands outside of functions runs once, when that is done.
"""

import base64
import json
import os
import random
import sys

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import types

CALLS = 0


def echo(req):
    """Everything that the guest sees; a header's value as a character for each byte."""
    return {
        "method": req.method,
        "path": req.path,
        "query": req.query,
        "headers": [[name, value.decode("latin-1")] for name, value in req.headers],
        "body_base64": base64.b64encode(req.body).decode(),
        "caller": req.caller and {"hotkey": req.caller.hotkey, "uid": req.caller.uid},
    }


def state(_):
    """What a call finds: nothing of the calls before it, other random numbers, what the operator set."""
    global CALLS
    CALLS += 1
    return {"calls": CALLS, "random": random.random(), "environment": dict(os.environ)}


def refuse(_):
    raise Err(types.Error_NotFound("there is nothing here"))


def fail(_):
    raise ValueError("on purpose")


def leave(_):
    sys.exit(0)


def loop(_):
    while True:
        pass


def grow(_):
    hoard = []
    while True:
        hoard.append(bytearray(1 << 20))


def recurse(_):
    """Without Python's own limit it is one of the host's that ends it."""
    sys.setrecursionlimit(10**9)
    return nested()


def nested():
    return [nested()]


def mistyped(_):
    """Python checks no types, and this is none of the contract."""
    return types.Response("200", None, object())


ROUTES = {
    "/state": state,
    "/refuse": refuse,
    "/fail": fail,
    "/leave": leave,
    "/loop": loop,
    "/grow": grow,
    "/recurse": recurse,
    "/mistyped": mistyped,
}


class Routes(exports.Routes):
    def handle_route(self, req):
        answer = ROUTES.get(req.path, echo)(req)
        if isinstance(answer, types.Response):
            return answer
        return types.Response(200, [("content-type", b"application/json")], json.dumps(answer).encode())


class Weights(exports.Weights):
    def get_weights(self, ctx):
        if os.environ.get("MODE") == "raise":
            raise ValueError("on purpose")
        scores = json.loads(os.environ.get("WEIGHTS", "{}"))
        return [types.Weight(hotkey, score) for hotkey, score in scores.items()]
