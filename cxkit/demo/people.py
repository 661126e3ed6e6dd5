"""Who they are: personas and the behaviour that goes with them; names, addresses, duplicates."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from cxkit.demo.company import DAY, DAYS, FEATURES, Effects, Profile, settle
from cxkit.demo.draws import Bools, Draws, Floats, Ints

# T01: which features stand high (+1) or low (-1) in each persona. Any two personas differ in
# exactly four of the six, so that no pair is easier to tell apart by count alone.
_CODES = np.array(
    [
        [+1, +1, -1, -1, -1, -1],  # planner: large baskets after long looking
        [-1, -1, -1, -1, +1, +1],  # bargain hunter: discounts, and much goes back
        [-1, -1, +1, +1, -1, -1],  # evening browser: on the mobile, after six
        [+1, +1, +1, +1, +1, +1],  # enthusiast: everything, often
    ]
)
_MIDDLE = np.array([58.0, 7.5, 50.0, 42.0, 36.0, 14.0])
_SCALE = np.array([9.0, 1.3, 10.0, 9.0, 8.0, 3.0])  # of one standard deviation inside a persona
_LOWEST = np.array([9.0, 1.0, 1.0, 1.0, 1.0, 0.5])
BARGAIN_HUNTER = 1


@dataclass(frozen=True)
class Buyers:
    """One entry per buyer."""

    persona: Ints
    features: Floats  # (buyers, 6), in the units of FEATURES


def make_buyers(profile: Profile, effects: Effects, draws: Draws) -> Buyers:
    """Draw personas and behaviour (T01, T02)."""
    count = profile.buyers
    persona = draws.shares(effects.persona_shares, count)
    centres = _centres(effects)
    noise = draws.normal(count, len(FEATURES))
    if effects.personas_exist:
        scores = centres[persona] + noise
    else:  # T02: one cloud with the covariance that the four groups would have
        shares = np.asarray(effects.persona_shares)
        middle = shares @ centres
        spread = (centres - middle).T @ ((centres - middle) * shares[:, None])
        scores = middle + noise @ np.linalg.cholesky(spread + np.eye(len(FEATURES))).T
    return Buyers(persona, _units(scores))


def _centres(effects: Effects) -> Floats:
    centres: Floats = _CODES * np.asarray(effects.separation)
    return centres


def _units(scores: Floats) -> Floats:
    units: Floats = np.maximum(_MIDDLE + _SCALE * scores, _LOWEST)
    return units


def drift(buyers: Buyers, active: Ints, effects: Effects, draws: Draws) -> tuple[Buyers, Ints]:
    """Return the buyers of the last half-year, and who moved to the bargain hunters (T22).

    `active` are those who buy both before and in the last half-year.
    """
    persona = buyers.persona.copy()
    scores = (buyers.features - _MIDDLE) / _SCALE
    others = active[persona[active] != BARGAIN_HUNTER]
    moved = np.sort(draws.sample(others, round(effects.drift * len(active))))
    centres = _centres(effects)
    scores[moved] += centres[BARGAIN_HUNTER] - centres[persona[moved]]
    persona[moved] = BARGAIN_HUNTER
    return Buyers(persona, _units(scores + 0.25 * draws.normal(*scores.shape))), moved


# --- contact records ---------------------------------------------------------------------------

_FIRST = (
    "Ada Alma Amélie Anika Anton Arno Aurel Beata Bela Benno Berit Bruno Carla Cem Clara Conrad "
    "Dana David Dilara Edda Elif Elin Emil Enno Esra Fanny Felix Finn Flora Franka Frieda Georg "
    "Greta Hanna Hannes Hedda Henrik Ida Ilka Ines Irma Ivo Jakob Jana Jette Johann Jonas Juna "
    "Jürgen Kaja Karl Katja Klara Kuno Lara Lasse Lena Leonie Levi Liam Lina Lotte Luis Mara "
    "Marie Mats Mia Mila Moritz Nele Nico Nils Nora Ole Oskar Paula Pia René Rosa Ruben Sara "
    "Selma Sina Sören Stella Sven Tamara Theo Till Tom Uta Vera Wanda Willi Yara Zoé"
).split()
_LAST = (
    "Abelung Ahlborn Amsel Auerlich Bachthal Baumrode Beckstein Bernwald Birkhold Blaufeld Bornau "
    "Brandt Breuning Buchenau Castell Dahlem Deichmann Dornfeld Ebert Eichholz Elster Erlbach "
    "Fährmann Falkner Feldmann Fink Förster Frankenau Fröhlich Garten Gerlach Gründel Haberkorn "
    "Hagedorn Hainbuch Hasel Heidfeld Herbst Hirschau Hofer Holunder Immergrün Jäger Jansen "
    "Kaltenbrunn Kastner Kiesling Klee Köhler Kornblum Krähwinkel Krug Küster Lärche Laubner "
    "Lerch Lindau Löwe Lüders Mairose Marten Meise Mohn Möller Mühlbach Nachtweih Nessel Nordhaus "
    "Oberlin Ostermann Pappel Pfeifer Quell Rabe Rainer Reben Richter Rosner Rothbuch Sauer "
    "Schäfer Schilf Schlüter Schönau Seeberg Silber Sommerfeld Specht Steinbach Storch Tannert "
    "Teichert Thymian Ulmer Vogel Wacholder Waldau Weide Wiesner Winterberg Wolf Zander Ziegler"
).split()
_STREETS = (
    "Ahornweg Amselgasse Apfelallee Bachstraße Birkenweg Brunnenplatz Distelweg Erlenstraße "
    "Farnweg Gartenstraße Ginsterweg Hagebuttenweg Heckenrosenweg Kastanienallee Kirschgasse "
    "Lavendelweg Lindenstraße Mohnweg Mühlengasse Nelkenweg Quittenweg Rosmarinweg Salbeigasse "
    "Tulpenweg Veilchenweg Wiesenstraße"
).split()
_TOWNS = (  # all made up: town, postal code of the first district, country, sales region
    ("Lindenfurt", 60100, "Germany", "West"),
    ("Marbruck", 1050, "Germany", "East"),
    ("Ostermoor", 21700, "Germany", "North"),
    ("Seewinkel", 7300, "Germany", "East"),
    ("Hohenrain", 80900, "Germany", "South"),
    ("Altbrunn", 70200, "Germany", "South"),
    ("Norderhagen", 24800, "Germany", "North"),
    ("Talheide", 44500, "Germany", "West"),
    ("Bergsulz", 6800, "Austria", "Abroad"),
    ("Valbrise", 75000, "France", "Abroad"),
)
_TOWN_WEIGHTS = (18, 12, 11, 9, 14, 12, 8, 10, 3, 3)
_MAIL_HOSTS = ("post.example", "mail.example", "inbox.example", "briefkasten.test", "poste.example")
SOURCES = ("search", "newsletter", "social", "advert", "friend", "store")
_SOURCE_WEIGHTS = (30, 14, 18, 16, 14, 8)
CHANNELS = ("e-mail", "phone", "chat", "letter")
_OWNERS = ("Marta Quill", "Jonas Reed", "Ilse Brook", "Peer Sander")


@dataclass
class Contacts:
    """One entry per CRM record: all people first, then the unmerged duplicates (T13)."""

    people: int
    person: Ints  # the person behind the record
    kind: list[str]  # "" or how a duplicate came about
    household: dict[int, int]  # decoys: person -> the person they share a home with
    first: list[str]
    last: list[str]
    email: list[str]
    phone: list[str]  # digits, as +4915…; empty where unknown
    street: list[str]
    city: list[str]
    zip_code: list[str]
    country: list[str]
    region: list[str]
    source: list[str]
    channel: list[str]
    consent: Bools
    created: Ints  # local seconds since day 0
    user_id: list[str]  # the shop's user number; empty where there is none
    record_id: list[str]
    merged_ids: list[str]
    owner: list[str]
    phone_is_unique: Bools


def make_contacts(created: Ints, buyers: int, effects: Effects, draws: Draws) -> Contacts:
    """Give everyone a name and an address; add duplicates and households that share a phone."""
    people = len(created)
    first = [_FIRST[i] for i in draws.integers(0, len(_FIRST), people)]
    last = [_LAST[i] for i in draws.integers(0, len(_LAST), people)]
    host = draws.pick((30, 30, 20, 12, 8), people)
    serial = (np.arange(people) * 7919 + 13) % 10_007 if people < 10_000 else np.arange(people)
    email = [
        f"{_plain(first[i])}.{_plain(last[i])}{serial[i]}@{_MAIL_HOSTS[host[i]]}"
        for i in range(people)
    ]
    phone = [f"+49155{(i * 48_271 + 1_234_567) % 10_000_019:08d}" for i in range(people)]
    has_phone = draws.chance(0.85, people)
    phone = [number if has else "" for number, has in zip(phone, has_phone, strict=True)]
    house = draws.integers(1, 120, people)
    street = [
        f"{_STREETS[s]} {h}"
        for s, h in zip(draws.integers(0, len(_STREETS), people), house, strict=True)
    ]
    town = draws.pick(_TOWN_WEIGHTS, people)
    district = draws.integers(0, 80, people)
    city = [_TOWNS[t][0] for t in town]
    zip_code = [f"{_TOWNS[t][1] + d:05d}" for t, d in zip(town, district, strict=True)]
    country = [_TOWNS[t][2] for t in town]
    region = [_TOWNS[t][3] for t in town]
    source = [SOURCES[i] for i in draws.pick(_SOURCE_WEIGHTS, people)]
    channel = [CHANNELS[i] for i in draws.pick((50, 18, 24, 8), people)]
    consent = draws.chance(0.82, people)
    owner = [_OWNERS[i] for i in draws.integers(0, len(_OWNERS), people)]
    has_user = draws.chance(0.35, people)
    has_user[:buyers] = True

    # T13 decoys: two different people of one household share the name, address and phone.
    decoys = round(effects.decoy_share * people / 2)
    chosen = draws.sample(np.arange(people), 2 * decoys)
    household: dict[int, int] = {}
    for a, b in zip(chosen[:decoys].tolist(), chosen[decoys:].tolist(), strict=True):
        household[a], household[b] = b, a
        last[b], street[b], city[b], zip_code[b] = last[a], street[a], city[a], zip_code[a]
        country[b], region[b] = country[a], region[a]
        phone[a] = phone[a] or f"+49155{90_000_000 + a:08d}"
        phone[b] = phone[a]
        if first[b] == first[a]:
            first[b] = _FIRST[(_FIRST.index(first[a]) + 1) % len(_FIRST)]
        email[b] = f"{_plain(first[b])}.{_plain(last[b])}{serial[b]}@{_MAIL_HOSTS[host[b]]}"

    # T13 duplicates: the help desk or a form made a second record for somebody known.
    free = np.array([i for i in range(people) if i not in household], dtype=np.int64)
    twice = np.sort(draws.sample(free, round(effects.duplicate_share * people)))
    kind = [""] * people
    at = draws.uniform(len(twice), low=0.1)
    letter = draws.uniform(len(twice))
    by_typo = draws.chance(0.5, len(twice))
    made = created.tolist()
    for n, original in enumerate(twice.tolist()):
        new_first, new_last, new_street = first[original], last[original], street[original]
        if by_typo[n]:
            new_last = _slip(new_last, letter[n])
            new_email = (
                _slip(email[original].split("@")[0], letter[n]) + "@" + _host(email, original)
            )
            kind.append("typo")
        else:
            nickname = f"{_plain(new_first)}{(original * 31) % 9973}"
            new_email = f"{nickname}@{_MAIL_HOSTS[(host[original] + 2) % 5]}"
            new_street = new_street.replace("straße", "str.")
            kind.append("new e-mail")
        first.append(new_first)
        last.append(new_last)
        email.append(new_email)
        street.append(new_street)
        for column in (phone, city, zip_code, country, region, channel, owner):
            column.append(column[original])
        source.append("help desk")
        earliest = max(int(created[original]), 0)
        made.append(int(earliest + at[n] * (DAYS * DAY - 7200 - earliest)) // 60 * 60)

    records = len(first)
    created_all = settle(np.asarray(made, dtype=np.int64))
    in_order = np.argsort(created_all, kind="stable")
    record_id = [""] * records
    for position, record in enumerate(in_order.tolist()):
        record_id[record] = str(48_210_000_000 + 37 * position + 11)
    merged = draws.chance(0.01 if effects.dirt else 0.0, people)
    seen = Counter(phone)
    shared = {number for number, times in seen.items() if times > 1}
    user_id = [f"u{100_003 + 17 * i}" if has_user[i] else "" for i in range(people)]
    return Contacts(
        people=people,
        person=np.concatenate([np.arange(people), twice]),
        kind=kind,
        household=household,
        first=first,
        last=last,
        email=email,
        phone=phone,
        street=street,
        city=city,
        zip_code=zip_code,
        country=country,
        region=region,
        source=source,
        channel=channel,
        consent=np.concatenate([consent, consent[twice]]),
        created=created_all,
        user_id=user_id + [""] * len(twice),
        record_id=record_id,
        merged_ids=[f"3100{700_000 + 29 * i}" if merged[i] else "" for i in range(people)]
        + [""] * len(twice),
        owner=owner,
        phone_is_unique=np.array([bool(p) and p not in shared for p in phone]),
    )


def _plain(name: str) -> str:
    """Write a name as it stands in an e-mail address."""
    pairs = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e", "è": "e"}
    return "".join(pairs.get(letter, letter) for letter in name.lower())


def _host(email: list[str], person: int) -> str:
    return email[person].split("@")[1]


def _slip(word: str, where: float) -> str:
    """Swap two neighbouring letters, or double one where they are the same."""
    at = 1 + int(where * max(1, len(word) - 3))
    a, b = word[at], word[at + 1]
    return word[:at] + (a + a + b if a == b else b + a) + word[at + 2 :]
