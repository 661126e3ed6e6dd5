"""How can a comment be shown without showing who wrote it?

Patterns find what may be personal and checks decide: Luhn for cards, mod 97 for IBANs, the shape
of the groups of digits and the words beside them for telephone numbers. Names are not found.
Every repetition is bounded, so the work grows with the length of the text and not faster.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

import polars as pl

_URL = re.compile(
    r"\b(?:https?://|www\.|(?:wa|t|m)\.me/)[^\s<>\"']{0,2000}[^\s<>\"'.,;:!?)\]]", re.IGNORECASE
)
_E_MAIL = re.compile(
    r"(?<![\w.%+-])[\w.%+'-]{1,64}(?:@|\s?[(\[]at[)\]]\s?)"
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.|\s?[(\[]dot[)\]]\s?)){1,5}(?:xn--[a-z0-9-]{1,59}|[^\W\d_]{2,24})\b",
    re.IGNORECASE,
)
# "ann at shop dot com", but not "ordered at shop dot com", nor with an ending that is rarely seen
_SPOKEN_E_MAIL = re.compile(
    r"(?<![\w.%+-])(?!(?:orders?|ordered|buy|bought|shop|shopp(?:ed|ing)|purchased?|look|looked|found"
    r"|sold|sale|it|this|that|these|them|one|us|me|you|again|here|there|online|site|website|store"
    r"|available|cheaper|back|stuff|items?|prices?|is|are|was|were|not|and|or) )"
    r"[\w.%+-]{1,64} at (?!(?:the|this|that|your|our) )"
    r"[^\W_][\w-]{0,61}(?: dot [^\W_][\w-]{0,61}){0,3} dot "
    r"(?:com|net|org|info|io|edu|gov|co|de|uk|fr|es|nl|pt|br|eu|ch)\b",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<![\w@.])@(?=\w{0,29}[^\W\d])\w{2,30}(?![\w@])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", re.IGNORECASE)
_CPF = re.compile(r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d\d(?![\w-]|\.\d)")  # of Brazil
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
_SEPARATOR = r"[ \u00a0\u2009\u202f()./\u2010-\u2014-]"
_NUMBER = re.compile(
    r"(?<![\w$€£¥#/-])(?<!\d[.,])[+(]{0,2}\d(?:" + _SEPARATOR + r"{0,3}\d){6,22}"
    r"(?![\w%€£$]|[.,:/-]\d)"
)
_ADDRESS = re.compile(
    r"\b\d{1,5}[a-z]?,? (?:(?!the |this |a |on |in |of |per )[^\W\d_][\w'.-]{0,20} ){1,3}"
    r"(?:street|road|avenue|lane|boulevard|terrace|crescent)\b"
    r"|\b\d{1,5}[a-z]?,? (?-i:(?:[A-Z][\w'.-]{0,20} ){1,3}(?:St|Rd|Ave|Ln|Dr|Blvd|Drive|Court)\b)"
    r"|\b[^\W\d_]{2,25}(?:stra(?:ß|ss)e|str\.|gasse|straat|laan) \d{1,4}[a-z]?\b"
    r"|\b\d{1,4},? (?:rue|boulevard|chemin)(?: [^\W\d_][\w'-]{0,20}){1,3}"
    r"|\b(?:rua|calle|avenida)(?: [^\W\d_][\w'.-]{0,20}){1,4},? (?:n[.ºo°]{1,2} ?)?\d{1,5}\b"
    r"|\b(?-i:Avd?a?\. (?:(?:d[aeo]s?|del|la|las|los) ){0,2}[^\W\d_a-z])[\w'.-]{0,20}"
    r"(?: [^\W\d_][\w'.-]{0,20}){0,3},? (?:n[.ºo°]{1,2} ?)?\d{1,5}(?!\w|[.,:/-]\d)"
    r"|\b(?-i:[A-Z][\w'-]{1,20} (?:Street|Road|Avenue|Lane|Boulevard|Terrace|Crescent)) "
    r"\d{1,3}[a-z]?(?=[.,;!?)]?(?:\s*$|\n)|[,;)])",
    re.IGNORECASE,
)
# one of these is in every address: in small letters, or as written
_STREETS = (
    *(" street", " road", " avenue", " lane", " boulevard", " terrace", " crescent"),
    *("straße", "strasse", "str.", "gasse", "straat", "laan"),
    *("rue ", "boulevard ", "chemin ", "rua ", "calle ", "avenida ", "av. ", "avd. ", "avda. "),
)
_SHORT_STREETS = (" St", " Rd", " Ave", " Ln", " Dr", " Blvd", " Court")
_MANY = 99

_IBAN_LENGTHS = {
    code[:2]: int(code[2:])
    for code in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 "
        "DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 "
        "IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19 MR27 "
        "MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 "
        "ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
    ).split()
}
_CARD = re.compile(
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3[068]\d{12}|6\d{15,18}"
)

# groups of digits of national telephone numbers that do not begin with 0
_SHAPES = frozenset(
    "3-3-4 3-3-3 3-4-4 2-4-4 2-5-4 3-3-2-2 3-2-2-2 3-7 2-3-2-2 2-3-3 1-3-3-4 1-3-3-2-2 5-5 3-4-3 "
    "2-3-4 3-2-3 2-4-5 1-4-4 2-1-4-4 4-3-3 3-8 2-4-6 2-10 2-2-5-4".split()
)
_AMBIGUOUS_SHAPES = frozenset("2-2-2-2 4-4 3-3-3".split())
# mobile numbers written in one go: China, North America, India, Italy, Russia, Brazil, Iberia
_BARE = re.compile(
    r"1[3-9]\d{9}|[2-9]\d{2}[2-9]\d{6}|[6-9]\d{9}|3[2-9]\d{8}|8\d{10}|[1-9]{2}9\d{8}|[67]\d{8}"
    r"|9[1236]\d{7}|1800\d{7}|55\d{2}9\d{8}"
)
_NO_PHONE = re.compile(
    r"\b\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d\b|\b(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}\b"
    r"|^\d{1,3}\.\d+$|^\d+(?:\.\d+)*\.\d(?:\.\d+)*$|^(?:19|20)\d\d\D+(?:19|20)\d\d$"
)
_LOOKS = 40  # characters looked at before and after a number

_NAMES_A_PHONE = re.compile(
    r"\b(?:call(?:ed|ing|s)?|phoned?|tel|telephone|telefone?|teléfono|téléphone"
    r"|cell|mobile|mobil|móvil"
    r"|celular|handy|whatsapp|text|txt|sms|ring|rang|reach|fax|landline|dial|numéro|número|nummer"
    r"|ligar|ligue|anrufen|appele[rz]|llame|llamar|contact"
    r"|(?:my|our|home|work|his|her|best|direct) (?:number|no))\b",
    re.IGNORECASE,
)
_OTHER = (
    r"(?:orders?|invoice|ticket|case|ref|reference|refs|tracking|track|parcel|consignment|shipment"
    r"|imei|serial|s/n|isbn|ean|upc|gtin|barcode|account|acct|policy|claim|booking|confirmation"
    r"|sku|item|model|product|article|part|batch|lot|tags?|bag|customer|member|membership|client"
    r"|user|id|transaction|receipt|voucher|coupon|gift card|vat|tax|version|ver|firmware|release"
    r"|build|software|driver|section|chapter|amount|total|sum|price|eur|usd|gbp|brl|timestamp|flight"
    r"|code|zip|postcode|cep|pedido|commande|bestellung|bestellnummer|rechnung|rechnungsnummer|auftrag"
    r"|nota fiscal|protocolo|factura|facture|lat|lon|coordinates|r\$|kundennummer|meter|score"
    r"|population|[$€£¥])"
)
_NAMES_ANOTHER = re.compile(
    r"(?:\b|(?=[$€£¥]))(?:" + _OTHER + r"|about|nearly|roughly)"
    r"(?:[ :#=(-]{1,3}(?:numbers?|no|nr|num|id|is|was|code|key|of|the|my|ref|reference|it|from|date"
    r"|n[º°]|de|do|da|é|e)\.?)*[ :#=(-]{0,3}$",
    re.IGNORECASE,
)
_IS_ANOTHER = re.compile(
    r"\W{0,2}(?:(?:is|was|as) (?:my |the |our |your )?" + _OTHER + r"|euros?|dollars?|pounds?|units"
    r"|people|times|points|views|users|customers|miles|steps|km|kg|ms|seconds)\b",
    re.IGNORECASE,
)
_NAMES_A_CODE = re.compile(
    r"\b(?:imei|serial|s/n|tracking|isbn|ean|barcode)"
    r"(?:[ :#]{1,3}(?:number|no|is|was|code)\.?)*\W{0,3}$",
    re.IGNORECASE,
)


# full-width letters, digits and signs, as East Asian keyboards write them, and the usual ones
_NARROW = {0xFEE0 + sign: sign for sign in range(ord("!"), ord("~") + 1)} | {0x3000: ord(" ")}
_WIDE = re.compile("[！-～]")


def mask(text: str) -> str:
    """Replace what may identify a person by its kind in brackets.

    Kinds: [URL], [e-mail], [IBAN], [card], [CPF], [IP], [phone], [address], [handle]. Full-width
    letters and digits are read, and where something is masked shown, as the usual ones.

    >>> mask("Mail ann@shop.test or ring 020 7946 0958 about order 4500123456")
    'Mail [e-mail] or ring [phone] about order 4500123456'
    >>> mask("Card 4111 1111 1111 1111, IBAN GB82 WEST 1234 5698 7654 32, thanks @help_desk")
    'Card [card], IBAN [IBAN], thanks [handle]'
    """
    if _WIDE.search(text):
        narrow = text.translate(_NARROW)
        shown = _masked(narrow)
        return text if shown == narrow else shown
    return _masked(text)


def _masked(text: str) -> str:
    small = text.lower()
    if "://" in text or "www." in small or ".me/" in small:
        text = _URL.sub("[URL]", text)
    if " dot " in small:
        text = _SPOKEN_E_MAIL.sub("[e-mail]", text)
    if "@" in text or "at)" in small or "at]" in small:
        text = _E_MAIL.sub("[e-mail]", text)
        text = _HANDLE.sub("[handle]", text)
    if text.count(":") > 1:
        text = _IPV6.sub(_masked_ip, text)
    if digits := sum(map(text.count, "0123456789")):
        if not text.isascii():
            digits = _MANY  # others count as digits too
        # a look at what must be there costs less than the patterns
        if digits >= 4:
            text = _IBAN.sub(_masked_iban, text)
            text = _CPF.sub("[CPF]", text) if digits >= 11 else text
            text = _IPV4.sub(_masked_ip, text) if text.count(".") > 2 else text
        if digits >= 7:
            text = _NUMBER.sub(_masked_number, text)
        if any(map(small.__contains__, _STREETS)) or any(map(text.__contains__, _SHORT_STREETS)):
            text = _ADDRESS.sub("[address]", text)
        if "@" in text:  # what stood before it is masked now
            text = _HANDLE.sub("[handle]", text)
    return text


def mask_texts(texts: pl.Series | Sequence[str | None]) -> pl.Series:
    """Mask each text of a column (see `mask`); nulls stay null, each distinct text is read once.

    >>> mask_texts(["from 10.1.2.3", None]).to_list()
    ['from [IP]', None]
    """
    column = pl.Series("text", texts, dtype=pl.String)
    masked = {text: None if text is None else mask(text) for text in column.unique()}
    return pl.Series(column.name, [masked[text] for text in column], dtype=pl.String)


def _masked_iban(match: re.Match[str]) -> str:
    found = match.group()
    length = _IBAN_LENGTHS.get(found[:2].upper(), 0)
    taken = [at for at, character in enumerate(found) if character.isalnum()][:length]
    if not length or len(taken) < length:
        return found
    end = taken[-1] + 1
    code = "".join(found[at] for at in taken).upper()
    number = "".join(str(int(character, 36)) for character in code[4:] + code[:4])
    whole = not found[end : end + 1].isalnum()
    return "[IBAN]" + found[end:] if whole and int(number) % 97 == 1 else found


def _masked_ip(match: re.Match[str]) -> str:
    found = match.group()
    if found.count(":") and sum(map(str.isalnum, found)) < 4:
        return found
    try:
        ipaddress.ip_address(found)
    except ValueError:
        return found
    return found if _NAMES_ANOTHER.search(_before(match)) else "[IP]"


def _masked_number(match: re.Match[str]) -> str:
    found = match.group()
    digits = "".join(filter(str.isdigit, found))
    before, after = _before(match), match.string[match.end() : match.end() + _LOOKS]
    if _CARD.fullmatch(digits) and _luhn(digits) and not _NAMES_A_CODE.search(before):
        return "[card]"
    # "(020 7946 0958)": the bracket around a number is not part of it
    around = "(" if found.count("(") > found.count(")") else ""
    return around + "[phone]" if _is_phone(found[len(around) :], digits, before, after) else found


def _is_phone(found: str, digits: str, before: str, after: str) -> bool:
    shape = "-".join(str(len(group)) for group in re.findall(r"\d+", found))
    if found.lstrip("(").startswith("+"):
        return 8 <= len(digits) <= 16
    if _NAMES_ANOTHER.search(before) or _IS_ANOTHER.match(after) or _NO_PHONE.search(found):
        return False
    if _NAMES_A_PHONE.search(before):
        return 7 <= len(digits) <= 15
    if re.match(r"00[1-9]", digits):
        return 10 <= len(digits) <= 16
    if digits[0] == "0" or found[0] == "(":
        return 9 <= len(digits) <= 12 or (found[0] == "(" and len(digits) == 8)
    if shape.isdigit():
        return bool(_BARE.fullmatch(digits))
    if shape in _AMBIGUOUS_SHAPES:
        separators = set(re.findall(r"\D+", found))
        return digits[0] not in "017" and len(separators) == 1 and not separators & {"/"}
    return shape in _SHAPES


def _before(match: re.Match[str]) -> str:
    return match.string[max(match.start() - _LOOKS, 0) : match.start()]


def _luhn(digits: str) -> bool:
    """Check the last digit of a card number (ISO/IEC 7812).

    >>> _luhn("4111111111111111"), _luhn("4111111111111112")
    (True, False)
    """
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    kept = [int(digit) for digit in digits[-1::-2]]
    return (sum(kept) + sum(value - 9 * (value > 9) for value in doubled)) % 10 == 0
