"""Every shell script parses, and those that are called can be run."""

import os
import subprocess

from tree import files, name


def check():
    for path in files(".sh", "run"):
        done = subprocess.run(["bash", "-n", path], capture_output=True, text=True)
        if done.returncode != 0:
            yield f"{name(path)}: {done.stderr.strip()}"
        if path.name != "env.sh" and not os.access(path, os.X_OK):
            yield f"{name(path)}: cannot be executed; chmod +x"
