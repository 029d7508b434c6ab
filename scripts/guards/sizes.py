"""A source file that nobody can read in one sitting is two files."""

from tree import files, lines, name

LIMIT = 800


def check():
    for path in files(".rs", ".py", ".sh", ".ts", ".tsx", ".js", ".css", ".sql"):
        count = len(lines(path))
        if count > LIMIT:
            yield f"{name(path)}: {count} lines, the limit is {LIMIT}; split it by responsibility"
