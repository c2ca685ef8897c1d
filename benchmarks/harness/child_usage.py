"""Run a command and write its time and peak memory as JSON:  python -S -E child_usage.py FILE COMMAND …

A small program of its own: a new process starts with the memory of its parent as its first peak, so a command started by a
large benchmark would seem as large as the benchmark.
"""

import json
import os
import sys
import time


def main(usage_file: str, command: list[str]) -> int:
    """Run the command, write its usage, and end as it ended."""
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        try:
            os.execvp(command[0], command)
        except OSError as error:
            print(f"{command[0]}: {error.strerror}", file=sys.stderr, flush=True)
            os._exit(127)
    while True:
        try:
            _, status, usage = os.wait4(child, 0)
            break
        except KeyboardInterrupt:
            pass  # the child got it too, and decides when it ends
    seconds = time.perf_counter() - began
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)  # KiB on Linux, bytes on macOS
    with open(usage_file, "w", encoding="ascii") as file:  # noqa: PTH123
        json.dump({"seconds": seconds, "peak_bytes": peak}, file)
    return abs(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
