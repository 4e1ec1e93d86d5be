"""Asks the agent whether this process is the one to debug, and lets the debugger in.

It is run in the main thread of a process that was called, has just started or
was forked. The agent knows by the socket who that is, and answers with the port
at which the debugger waits, or closes; until then the process stands.
"""
import posix
import sys


def state():
    """Says whether there is a debugger to let in, and whether now."""
    known = getattr(sys, "stdlib_module_names", sys.modules)
    for name, module in list(sys.modules.items()):
        # What is half imported the debugger cannot import.
        if why == "signal" and getattr(getattr(module, "__spec__", None), "_initializing", False) and name.partition(".")[0] in known:
            return "busy"
    pydevd = sys.modules.get("pydevd")
    if why == "signal" and pydevd is not None and getattr(pydevd, "get_global_debugger", int)():
        return "busy"  # the session before is not over yet: with it the debugger connects to nobody
    found = any(f.find_spec("debugpy", None) for f in sys.meta_path if hasattr(f, "find_spec"))
    return "debugpy" if found else "none"


def ask(line):
    """Returns the port at which the debugger waits and the connection to keep until it is there."""
    import _socket

    s = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        s.connect(here + "/socket")
        s.send(line.encode())
        return int(s.recv(16) or 0), s
    except OSError:
        return 0, s  # nobody debugs any more


def cache():
    """Has the debugger compiled once for this container, if its image has it as source only.

    Returns what to set back."""
    from _frozen_importlib_external import PathFinder

    before = getattr(sys, "pycache_prefix", None), sys.dont_write_bytecode
    spec = PathFinder.find_spec("debugpy", sys.path)
    try:
        posix.stat(spec.cached)
    except (AttributeError, OSError, TypeError):
        sys.pycache_prefix, sys.dont_write_bytecode = here + "/cache", False
    return before


def connect(port):
    """Connects to the debugger and returns when that has each line looked at."""
    import os

    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    before = cache()
    spared = why == "start" and "pkg_resources" not in sys.modules
    if spared:
        sys.modules["pkg_resources"] = None  # a third of the time, for what is done without it as well
    try:
        from debugpy.server import api
    finally:
        sys.pycache_prefix, sys.dont_write_bytecode = before
        if spared:
            del sys.modules["pkg_resources"]

    import pydevd  # only now: it is debugpy's own, or the one that debugpy allows

    api._settrace.called = False  # of an earlier session
    if not hasattr(pydevd.PyDB, "towline"):
        done = pydevd.PyDB.on_configuration_done

        def at_once(db):
            # It looks for this ten times a second, unless it is woken.
            done(db)
            db._py_db_command_thread_event.set()

        pydevd.PyDB.on_configuration_done = at_once
        pydevd.PyDB.towline = True
    import debugpy

    debugpy.configure(subProcess=False)
    debugpy.connect(("127.0.0.1", port))


def tell(event):
    """Sends an event to the debugger's client."""
    import pydevd
    from _pydevd_bundle.pydevd_net_command import NetCommand

    db = pydevd.get_global_debugger()
    if db is not None:
        db.writer.add_command(NetCommand(0, 0, {"type": "event", "event": event, "seq": 0, "body": {}}, is_json=True))


def detach():
    """Detaches a forked process from the debugger of the one that it comes from."""
    import pydevd

    db = pydevd.get_global_debugger()
    if db is None:
        return
    for end in (db.writer, db.reader):
        if end is not None:
            end.sock.close()
    pydevd.settrace_forked(setup_tracing=False)
    sys.settrace(None)
    frame = sys._getframe()
    while frame is not None:
        frame.f_trace = None
        frame = frame.f_back


if why == "fork" and "pydevd" in sys.modules:
    detach()
sys.path.append(here + "/lib")  # what was brought along, where the image has none
port = 0
try:
    port, kept = ask("%s %s\n" % (why, state()))
    if port:
        connect(port)
        tell("towlineArmed")
    kept.close()
finally:
    if not port:
        sys.path.remove(here + "/lib")  # else the debugger may import more of it
