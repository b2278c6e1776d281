"""Name the browser of a visitor in few words, so that members recognize their sessions."""

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
"""What a User-Agent contains, and the browser that this means. The first that matches counts, because most
name others, too."""
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str | None) -> str:
    """Return the browser and system of a User-Agent, such as `Firefox · Windows`; empty if it names neither."""
    text = user_agent or ""
    found = (next((name for sign, name in signs if sign in text), "") for signs in (_BROWSERS, _SYSTEMS))
    return " · ".join(filter(None, found))
