"""URLs of databases and servers: built with escaping, shown without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from gansearch.errors import UsageError

NOT_SECRET = frozenset({"host", "hostaddr", "port", "dbname", "sslmode", "connect_timeout"})
"""Keys of a database URL's query whose values are not secret."""

_PARTS = re.compile(
    r"(?P<scheme>[\w.+-]+)://"
    r"(?:(?P<login>[^/?#@]*)@)?"
    r"(?P<place>[^?#@]*)"
    r"(?:\?(?P<query>[^#@]*))?"
    r"(?:#(?P<fragment>.*))?",
    re.DOTALL,
)


def sqlite_url(file: Path, scheme: str = "sqlite") -> str:
    """Return the URL of the SQLite database in ``file``, such as ``results/studies.db``.

    Any path is escaped so that SQLAlchemy reads the same path.

    Raises:
        UsageError: the path is not valid UTF-8.
    """
    from sqlalchemy.engine import URL

    try:
        return URL.create(scheme, database=str(file)).render_as_string(hide_password=False)
    except UnicodeEncodeError:
        raise UsageError(f"{str(file)!a} is not UTF-8 text: rename that folder") from None


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite database, or ``None`` for another database.

    Raises:
        ValueError, sqlalchemy.exc.ArgumentError: ``url`` is not a valid URL.
    """
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database)


def masked(url: str) -> str:
    """Return ``url`` with ``***`` for its login, query and fragment.

    If the parts are ambiguous, as with an unescaped ``@`` in a password, only the scheme is kept.
    """
    parts = _PARTS.fullmatch(url)
    if parts is None:
        scheme, found, _ = url.partition("://")
        return f"{scheme}://***" if found else "***"
    login = "***@" if parts["login"] else ""
    query = "?***" if parts["query"] else ""
    fragment = "#***" if parts["fragment"] else ""
    return f"{parts['scheme']}://{login}{parts['place']}{query}{fragment}"


def without_secrets(text: str, url: str) -> str:
    """Return ``text`` with ``***`` for every secret of ``url`` in it."""
    text = text.replace(url, masked(url))
    for secret in sorted(set(_secrets(url)), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return text


def _secrets(url: str) -> Iterator[str]:
    """Yield logins, passwords and query values, escaped and unescaped."""
    parts = _PARTS.fullmatch(url)
    if parts is None:  # any part may be a secret
        yield from filter(None, re.split(r"[:@/?#=&]", url.partition("://")[2]))
        return
    login, query = parts["login"] or "", parts["query"] or ""
    pairs = [item.partition("=") for item in query.split("&")]
    raw = [value for key, _, value in pairs if key not in NOT_SECRET]
    meant = [value for key, value in parse_qsl(query) if key not in NOT_SECRET]
    for secret in (login, login.partition(":")[2], query, *raw, *meant):
        yield from filter(None, (secret, unquote(secret)))
