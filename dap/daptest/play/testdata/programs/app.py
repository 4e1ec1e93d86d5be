import os  # mark: first
import signal
import socket


def greet(name):
    twice = 2 * len(name)
    text = "hello " + name  # mark: greet
    return "%s, %d" % (text, twice)  # mark: answer


def refuse(name):
    try:
        raise ValueError(name)  # mark: refuse
    except ValueError:
        return "refused"


def answer(name):
    if name == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    return refuse(name) if name == "bad" else greet(name)


listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", 0))))
print("listens on", listener.getsockname()[1], flush=True)
while True:
    conn, _ = listener.accept()
    try:
        with conn, conn.makefile("rw") as lines:
            name = lines.readline().strip()
            if name:
                print(answer(name), file=lines)
    except OSError:
        pass  # whoever asked has gone
