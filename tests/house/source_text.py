# SPDX-License-Identifier: Apache-2.0
"""Reading C and C++ sources for the house tests: which files there are, and their text without comments and literals."""

import re
from pathlib import Path

SUFFIXES = {".h", ".hh", ".hpp", ".c", ".cc", ".cpp"}

_TOKEN = re.compile(
    r'R"(?P<mark>[^()\\\s]{0,16})\((?P<raw>.*?)\)(?P=mark)"'  # raw string literal
    r'|"(?:\\.|[^"\\\n])*"'  # string literal
    r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'"  # character literal, not a digit separator
    r"|//(?:\\\n|[^\n])*"  # line comment
    r"|/\*.*?\*/",  # block comment
    re.DOTALL,
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*(?:include|include_next|import)[ \t]*(["<])([^">\n]+)[">]', re.MULTILINE)


def source_files(folder: Path) -> list[Path]:
    """All C and C++ files under folder, in a stable order; none when the folder does not exist."""
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())


def _blank(match: re.Match) -> str:
    """Nothing but the line ends of what was matched, so that line numbers stay true."""
    return "\n" * match.group().count("\n")


def without_comments(text: str) -> str:
    """The text without comments, literals kept."""
    return _TOKEN.sub(lambda match: _blank(match) if match.group().startswith("/") else match.group(), text)


def without_literals(text: str) -> str:
    """The text without comments and without string and character literals."""
    return _TOKEN.sub(lambda match: _blank(match) if match.group().startswith("/") else '""' + _blank(match), text)


def includes(text: str) -> list[tuple[int, str, str]]:
    """Every #include as (line, '"' or '<', path)."""
    code = without_comments(text)
    return [(code.count("\n", 0, found.start(2)) + 1, found.group(1), found.group(2)) for found in _INCLUDE.finditer(code)]
