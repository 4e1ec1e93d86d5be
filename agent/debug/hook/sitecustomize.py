"""Brings a debugger into a Python program that was started for one.

It stands first on PYTHONPATH. Where nobody waits for the program it does
nothing; the image's own sitecustomize, if it has one, is run in either case.
"""
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))


def _chain():
    import importlib.machinery
    import importlib.util

    sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != _here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


def _debug():
    try:
        with open(os.path.join(_here, "port")) as f:
            port = int(f.read())
    except (OSError, ValueError):
        return  # nobody waits
    import socket

    try:
        with socket.create_connection(("127.0.0.1", port), 2) as s:
            s.sendall(b"%d\n" % os.getpid())
            if s.recv(1) != b"y":
                return  # a child: it is not the one that is meant
    except OSError:
        return
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    import debugpy

    debugpy.configure(subProcess=False)
    debugpy.connect(("127.0.0.1", port))


try:
    _chain()
finally:
    try:
        _debug()
    except Exception as e:  # the program is to run whatever happens here
        print("towline: no debugger: %s" % e, file=sys.stderr)
