"""Print what the commands found, and why they end."""

import sys
from typing import NoReturn


def printable(line: str) -> str:
    """Replace characters that are not printable, because they could control the terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line)


def fail(why: str) -> NoReturn:
    """End the command with a sentence on stderr and exit code 2."""
    print(why, file=sys.stderr)
    sys.exit(2)
