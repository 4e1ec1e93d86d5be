"""Lets a debugger into a Python program, at its start or later.

It stands first on PYTHONPATH, so that each Python of the container imports it
first. The image's own sitecustomize, if it has one, is run in any case. What is
done at a start has to cost next to nothing, and often there is nowhere to keep
compiled modules: it is short, and imports no module that Python does not have
in itself. Where nobody debugs nothing is done but to set a handler for a signal
by which the agent calls the program later.

Whoever is called, starts or is forked while somebody debugs connects to the
agent's socket, by debug.py.
"""
import posix
import sys

here = __file__.rpartition("/")[0]


calls = []


def call(why):
    if len(calls) < 2:
        calls.append(why)  # while one is under way another may come
    while len(calls) == 1:
        try:
            posix.stat(here + "/socket")
            with open(here + "/debug.py") as f:
                exec(compile(f.read(), f.name, "exec"), {"here": here, "why": calls[0]})
        except FileNotFoundError:
            pass  # nobody debugs
        except Exception as e:  # the program is to run whatever happens here
            sys.stderr.write("towline: no debugger: %s\n" % e)
        finally:
            calls.pop(0)


def forked():
    calls.clear()
    call("fork")


try:
    sys.path[:] = [p for p in sys.path if p != here]
    from _frozen_importlib import module_from_spec
    from _frozen_importlib_external import PathFinder

    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None:
        module = sys.modules["sitecustomize"] = module_from_spec(spec)
        spec.loader.exec_module(module)
finally:
    import _signal

    _signal.signal(57, lambda signal, frame: call("signal"))  # as in python.go
    posix.register_at_fork(after_in_child=forked)
    call("start")
