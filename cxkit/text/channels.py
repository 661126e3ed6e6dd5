"""By which name does everybody call a channel? Exports write E-mail, email and Mail.

One place for it, so that what a person asked for can be compared with what was used.
"""

from collections.abc import Iterable

_ALIKE = {
    "e-mail": ("email", "mail", "electronic mail"),
    "phone": ("telephone", "tel", "call", "calls", "voice", "phone call", "telephone call"),
    "chat": ("live chat", "livechat", "web chat", "webchat", "messenger", "messaging"),
    "letter": ("letters", "post", "postal", "postal mail", "direct mail", "by post"),
    "text message": ("sms", "text", "texts", "text messages"),
    "web": ("website", "web form", "webform", "contact form", "form", "web portal", "portal"),
    "app": ("mobile app", "in app"),
    "shop": ("store", "in store", "branch", "in person"),
}
_NAMES = {other: name for name, others in _ALIKE.items() for other in (name, *others)}


def channel_name(told: str | None) -> str | None:
    """Return the one name of a channel; names that are not known stay, in lower case.

    >>> [channel_name(told) for told in ("E-Mail", " email", "Phone", "Web form", "Fax", "")]
    ['e-mail', 'e-mail', 'phone', 'web', 'fax', None]
    """
    words = " ".join((told or "").lower().replace("_", " ").split())
    plain = words.replace("-", " ") if words != "e-mail" else words
    return _NAMES.get(words) or _NAMES.get({"e mail": "email"}.get(plain, plain)) or words or None


def channel_names(told: Iterable[str]) -> dict[str, list[str]]:
    """Return two parallel lists, `told` and `named`, to bind to a query.

    >>> channel_names(["Mail", "Phone", " "])
    {'told': ['Mail', 'Phone'], 'named': ['e-mail', 'phone']}
    """
    pairs = [(text, name) for text in told if (name := channel_name(text))]
    return {"told": [text for text, _ in pairs], "named": [name for _, name in pairs]}
