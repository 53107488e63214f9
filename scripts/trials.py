"""Tests that are run under one mutant after the other, in as little time as it takes; for mutants.py."""

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

# Bytes of memory.
MOST = 4 << 30
# Seconds of the processor.
QUICK = 0.02
# Seconds of the clock after which what waits will wait for ever. What runs is stopped by the processor's time, however
# long others let it wait.
FOREVER = 3600


@dataclass
class Tests:
    """Tests of one binary, and what they may take."""

    binary: str
    path: str
    folder: Path
    environment: dict
    names: list
    cpu: float = 600
    # Those that should panic.
    panicking: frozenset = frozenset()

    def run(self, number):
        """What gives a mutant away; ends the tests there."""
        limit = int(self.cpu)

        def limits():
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
            resource.setrlimit(resource.RLIMIT_AS, (MOST, MOST))

        process = subprocess.Popen(
            [self.path, "--nocapture", "--exact", *self.names], cwd=self.folder, preexec_fn=limits, errors="replace",
            env={**self.environment, "MUTANT": str(number), "CARGO_MANIFEST_DIR": str(self.folder)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        # Not by the methods of Popen, which would take away what wait4 is to tell.
        late = threading.Timer(FOREVER, os.kill, (process.pid, signal.SIGKILL))
        late.start()
        begun, panicked, failed = time.monotonic(), set(), None
        for line in process.stdout:
            said = re.search(r"thread '(.*?)'.* panicked at", line)
            if said:
                panicked.add(said[1])
            if number and said and said[1] not in self.panicking:
                # A test that runs alone does so in the main thread.
                failed = said[1] if len(self.names) > 1 else self.names[0]
                os.kill(process.pid, signal.SIGKILL)
                break
        process.stdout.close()
        _, status, used = os.wait4(process.pid, 0)
        late.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if number == 0:
            if process.returncode:
                sys.exit(f"{self.binary} fails without a mutant: {self.names}")
            self.cpu, self.panicking = used.ru_utime + used.ru_stime, frozenset(panicked)
        elif failed:
            return "caught", f"{self.binary} {failed}"
        elif process.returncode == -signal.SIGXCPU or time.monotonic() - begun >= FOREVER:
            return "timed out", f"{self.binary} {self.names[0]}"
        elif process.returncode:
            return "caught", f"{self.binary} ended with {process.returncode}"
        return None

    def several(self):
        """The same tests in the order in which they are worth trying: the quick ones together, then the others."""
        quick = Tests(self.binary, self.path, self.folder, self.environment, [])
        tests = []
        for name in self.names:
            test = Tests(self.binary, self.path, self.folder, self.environment, [name])
            test.run(0)
            if test.cpu < QUICK:
                quick.names.append(name)
            else:
                tests.append(test)
        if quick.names:
            quick.run(0)
            tests.append(quick)
        for test in tests:
            test.cpu = 5 * test.cpu + 5
        return tests
