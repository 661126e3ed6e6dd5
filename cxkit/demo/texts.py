"""What they write: a small grammar of comments and ticket subjects, in several moods."""

from dataclasses import dataclass

from cxkit.demo.draws import Draws, Floats

NEGATIVE, MIXED, POSITIVE = -1, 0, 1
INTENTS = ("complaining", "praising", "suggesting", "asking", "nothing to report")
COMPLAINING, PRAISING, SUGGESTING, ASKING, NOTHING = range(5)


@dataclass(frozen=True)
class Theme:
    """What can be said about one subject; `{…}` is filled from `_FILL`."""

    name: str
    good: tuple[str, ...]
    bad: tuple[str, ...]
    ask: tuple[str, ...]
    suggest: tuple[str, ...]


THEMES = (
    Theme(
        "delivery",
        (
            "the {thing} arrived {quick}, a day earlier than promised",
            "delivery was quick and the driver was friendly",
            "my parcel came on time and the tracking was right to the hour",
            "ordered on {weekday}, in my hands two days later",
            "the courier left the {thing} exactly where I had asked",
        ),
        (
            "the parcel came {late} late",
            "I waited {late} for the {thing} and nobody told me why",
            "the tracking said delivered, but there was nothing at my door",
            "the courier threw the box over the fence",
            "I stayed at home all {weekday} and no one came",
            "still waiting for the {thing} after {late}",
            "half of the order was missing when the box finally arrived",
        ),
        (
            "When will the {thing} be delivered?",
            "Do you deliver on Saturdays?",
            "Why does the tracking stop at the depot?",
        ),
        (
            "Please offer delivery in the evening.",
            "It would help if I could choose the day of delivery.",
            "You could send a message when the van is an hour away.",
        ),
    ),
    Theme(
        "checkout",
        (
            "paying took less than a minute",
            "the checkout is clear and quick",
            "finally a shop where the basket remembers what I put in",
            "ordering on my phone was easy",
        ),
        (
            "the checkout on my phone froze at the last step",
            "I had to type my address three times before it was accepted",
            "the pay button did nothing, again and again",
            "the basket was empty after I had entered my card",
            "I gave up at the payment page",
            "the form lost everything when I went back one page",
        ),
        (
            "Can I pay by invoice?",
            "Is there a way to change the address after ordering?",
            "Why do I need an account to pay?",
        ),
        (
            "Please add a guest checkout.",
            "It would be nice to save two addresses.",
            "You could show the shipping costs before the last step.",
        ),
    ),
    Theme(
        "login loop",
        (
            "signing in works again, thank you",
            "the new sign-in is much simpler",
        ),
        (
            "I sign in and land on the sign-in page again, over and over",
            "the login keeps sending me back to the start",
            "I entered my password five times and it just asked again",
            "caught in a login loop since {weekday}",
            "the app logs me out the moment I log in",
        ),
        (
            "Why does the login page come back every time?",
            "How do I get out of this login loop?",
        ),
        ("Please let me stay signed in.", "A sign-in link by e-mail would help."),
    ),
    Theme(
        "double charge",
        (
            "the double charge was paid back the same day",
            "billing sorted out my payment without fuss",
        ),
        (
            "my card was charged twice for one {thing}",
            "I see the same payment two times on my statement",
            "you took {price} twice and I want one of them back",
            "charged double again, this is the second time",
            "the second payment has still not been returned",
        ),
        (
            "Why was I charged twice?",
            "When do I get the second payment back?",
        ),
        ("Please check for double payments before you book them.",),
    ),
    Theme(
        "returns",
        (
            "sending the {thing} back was painless",
            "the refund was on my account within two days",
            "returning was simple, the label was in the box",
        ),
        (
            "I am still waiting for the refund of my {thing}",
            "the return label would not print",
            "nobody confirmed that my return had arrived",
            "I had to pay for the return although the {thing} was wrong",
            "three e-mails for one refund of {price}",
        ),
        (
            "How long does a refund take?",
            "Can I return the {thing} in a store?",
            "Where do I find the return label?",
        ),
        (
            "Please put a return label into every box.",
            "Returns without a printer would be great.",
        ),
    ),
    Theme(
        "price",
        (
            "good value for money",
            "the {thing} cost less than elsewhere and is better made",
            "fair prices, and the discount code worked at once",
        ),
        (
            "the {thing} costs {price} now, far too much",
            "prices went up again",
            "shipping costs more than the {thing}",
            "the {thing} was cheaper the day after I ordered",
        ),
        (
            "Do you match the prices of other shops?",
            "Is there a discount for larger orders?",
        ),
        (
            "A loyalty discount would be fair after all these orders.",
            "Please lower the limit for free shipping.",
        ),
    ),
    Theme(
        "support",
        (
            "{agent} from support was kind and solved it in one call",
            "I got a helpful answer within the hour",
            "{agent} took the time to explain everything",
            "someone actually listened, that is rare",
        ),
        (
            "nobody called me back",
            "I explained the problem to four people",
            "{agent} had to ask a supervisor for {price}",
            "the chat closed while I was still writing",
            "I got a standard answer that had nothing to do with my question",
            "had to tell them my name and order number every single time",
        ),
        (
            "How can I reach a person on the phone?",
            "Why does nobody answer my e-mail?",
        ),
        (
            "Please let your staff decide small refunds on their own.",
            "You could offer a call back.",
        ),
    ),
    Theme(
        "product quality",
        (
            "the {thing} is beautifully made",
            "lovely {thing}, sturdy and just as in the picture",
            "my {thing} has lasted two winters already",
            "the quality is excellent",
            "the seeds came up after a week, nearly every one",
        ),
        (
            "the {thing} broke after {late}",
            "the {thing} looks nothing like the photo",
            "poor quality, the handle came off on the first day",
            "the colour faded in the sun within a month",
            "the {thing} arrived with a crack",
        ),
        (
            "Is the {thing} frost-proof?",
            "What is the {thing} made of?",
            "Which size do I need for a small balcony?",
        ),
        (
            "Please add measurements to the product page.",
            "It would be good to sell spare parts for the {thing}.",
        ),
    ),
    Theme(
        "packaging",
        (
            "everything was packed with care and without plastic",
            "nice packaging, even the card inside was pretty",
        ),
        (
            "far too much packaging for one {thing}",
            "the box was torn and wet",
            "the {thing} rattled around in a huge box",
        ),
        ("Is your packaging recyclable?",),
        ("Please use smaller boxes.", "You could take the boxes back and use them again."),
    ),
    Theme(
        "app",
        (
            "the app is pleasant to use",
            "ordering again takes two taps, wonderful",
            "I love the planting calendar in the app",
        ),
        (
            "the app crashes when I open my orders",
            "pages take forever to load",
            "the search never finds what I type",
            "the app forgets my list every time it updates",
        ),
        ("Does the app work on a tablet?",),
        (
            "A dark mode for the app would be nice.",
            "Please add a wish list.",
            "You could show in the app what is in stock nearby.",
        ),
    ),
    Theme(
        "stock",
        (
            "everything I wanted was in stock",
            "good choice of {thing}s, hard to find elsewhere",
        ),
        (
            "the {thing} was shown in stock and then cancelled",
            "out of stock for {late}, and the page still says soon",
            "you cancelled my order without a word",
        ),
        ("When will the {thing} be back in stock?",),
        ("Please tell me by e-mail when the {thing} is back.",),
    ),
    Theme(
        "coupon",
        ("the voucher for my birthday was a lovely surprise",),
        (
            "my coupon was rejected although it was still valid",
            "the discount code did not work at the checkout",
            "the voucher vanished when I changed the basket",
        ),
        ("Why is my coupon not accepted?", "Can I use two vouchers at once?"),
        ("Please show in the basket which coupons are valid.",),
    ),
)
THEME_OF = {theme.name: position for position, theme in enumerate(THEMES)}
THEME_WEIGHTS = (22, 9, 0, 0, 10, 11, 14, 15, 5, 7, 5, 2)
# what may be mentioned in passing: the planted glitches are told only where they happened
_OTHERS = [theme for theme, weight in zip(THEMES, THEME_WEIGHTS, strict=True) if weight > 2]

_FILL = {
    "thing": (
        "trowel,watering can,bistro chair,planter,lantern,hose reel,doormat,wool throw,oak bench,"
        "window box,parasol,herb scissors"
    ).split(","),
    "late": "four days,a week,ten days,two weeks,three weeks,a month".split(","),
    "quick": "the next morning,in two days,before the weekend".split(","),
    "weekday": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday".split(","),
    "price": "12 euros,19.90,24 euros,34.50,49 euros,75 euros".split(","),
    "agent": "Cora,Edie,Mina,Jaro,Olga,Hugo,Tove,Sami".split(","),
}
_GOOD_OPENINGS = (
    "",
    "",
    "",
    "Very happy: ",
    "Could not be happier, ",
    "All good, ",
    "Great shop, ",
    "Once again, ",
    "Honestly, ",
    "Thank you, ",
)
_BAD_OPENINGS = (
    "",
    "",
    "",
    "Disappointed: ",
    "Sorry, but ",
    "Not good: ",
    "Really annoying, ",
    "To be honest, ",
    "I used to like this shop, but ",
    "Sadly, ",
)
_GOOD_ENDINGS = (
    "",
    "",
    "",
    " I will order again.",
    " Keep it up!",
    " Thanks to the team.",
    " My neighbours order here now, too.",
    " ❤️",
    " 🌷",
)
_BAD_ENDINGS = (
    "",
    "",
    "",
    " This was my last order.",
    " Please do something about it.",
    " I expected better.",
    " Not acceptable.",
    " 😡",
    " I have been a customer for years.",
)
_JOINS = (" but ", ", but ", ", although ")
_OTHER_GOOD = (
    "Alles bestens, die Lieferung kam pünktlich und gut verpackt.",
    "Sehr schöne Pflanztöpfe, gerne wieder!",
    "Der Kundendienst war freundlich und hat sofort geholfen.",
    "Todo perfecto, el envío fue muy rápido.",
    "Muy buena calidad y buen precio, volveré a comprar.",
    "Très satisfaite, livraison rapide et jolis produits.",
    "Service aimable, je recommande cette boutique.",
)
_OTHER_BAD = (
    "Die Lieferung kam zwei Wochen zu spät und niemand hat sich gemeldet.",
    "Mir wurde der Betrag zweimal abgebucht, das Geld fehlt noch immer.",
    "Die Gießkanne war undicht und die Rücksendung kostet auch noch Geld.",
    "El pedido llegó roto y nadie contesta mis correos.",
    "Llevo tres semanas esperando el reembolso.",
    "Colis arrivé abîmé, et le remboursement se fait attendre.",
    "Le site est trop lent et le paiement a échoué deux fois.",
)
_SHORT_GOOD = (
    "Great",
    "Perfect!",
    "👍",
    "love it",
    "top",
    "Good.",
    "😊😊",
    "Excellent service",
    "ok 👍",
)
_SHORT_BAD = ("Bad", "too slow", "👎", "Never again", "disappointing", "😡😡", "no", "meh")
_NOTHING = (
    "Nothing to improve.",
    "No complaints.",
    "nothing",
    "n/a",
    "-",
    "Nothing to add, thanks.",
    "none",
)
_PERSONAL = (  # all made up: reserved mail domains, published test numbers
    " You can write to me at {name}@post.example.",
    " Please call me on +49 1555 0{number}.",
    " My account is DE89 3704 0044 0532 0130 00.",
    " I paid with 4111 1111 1111 1111.",
    " My new address is {name}.{number}@inbox.example, phone 01555 {number}.",
)


class Comments:
    """A comment for each answer; the same seed gives the same comments."""

    def __init__(self, draws: Draws, size: int) -> None:
        self._numbers = draws.uniform(size, 16)

    def write(self, answer: int, theme: int, mood: int, intent: int) -> str:
        """Write one comment; a few are in another language, very short, or hold personal data."""
        u = self._numbers[answer]
        if intent == NOTHING:
            return _one_of(_NOTHING, u[0])
        if u[1] < 0.04 and mood != MIXED and intent in (COMPLAINING, PRAISING):
            return _one_of(_OTHER_GOOD if mood == POSITIVE else _OTHER_BAD, u[0])
        if u[1] < 0.08 and mood != MIXED and intent in (COMPLAINING, PRAISING):
            return _one_of(_SHORT_GOOD if mood == POSITIVE else _SHORT_BAD, u[0])
        text = self._sentences(u, theme, mood, intent)
        if u[6] < 0.06:
            text = _typo(text, u[7])
        if u[2] < 0.018:
            text += _one_of(_PERSONAL, u[3]).format(
                name=_one_of(_FILL["agent"], u[4]).lower(), number=int(10_000 + u[5] * 89_999)
            )
        if u[8] < 0.03:
            text = text.replace(". ", ".\n", 1)
        return text.lower() if u[9] < 0.05 else text

    def _sentences(self, u: Floats, theme: int, mood: int, intent: int) -> str:
        about = THEMES[theme]
        if intent == ASKING:
            return _filled(_one_of(about.ask, u[0]), u)
        if intent == SUGGESTING:
            asked = _filled(_one_of(about.suggest, u[0]), u)
            if u[10] < 0.5:
                return asked
            phrases = about.good if mood >= MIXED else about.bad
            return _sentence(_filled(_one_of(phrases, u[11]), u)) + " " + asked
        if mood == MIXED:
            good = _filled(_one_of(about.good, u[0]), u)
            other = _OTHERS[(theme + 1 + int(u[10] * 4)) % len(_OTHERS)]
            bad = _filled(_one_of(other.bad, u[11]), u)
            return _sentence(good + _one_of(_JOINS, u[12]) + bad)
        happy = mood == POSITIVE
        openings, endings = (
            (_GOOD_OPENINGS, _GOOD_ENDINGS) if happy else (_BAD_OPENINGS, _BAD_ENDINGS)
        )
        text = _sentence(
            _one_of(openings, u[12]) + _filled(_one_of(about.good if happy else about.bad, u[0]), u)
        )
        if u[10] < 0.22:
            other = _OTHERS[(theme + 4 + int(u[11] * 5)) % len(_OTHERS)]
            phrases = other.good if happy else other.bad
            text += " " + _sentence(_filled(_one_of(phrases, u[13]), u))
        return text + _one_of(endings, u[14])


_SUBJECTS = {  # ticket topic: subject lines
    "double charge": ("Charged twice", "Double payment on my card", "You took the money two times"),
    "coupon rejected": ("Coupon not accepted", "Discount code rejected", "My voucher fails"),
    "login loop": ("Cannot log in, page comes back", "Login loop", "Sign-in starts over and over"),
    "damaged on arrival": ("{Thing} arrived broken", "Damaged parcel", "Crack in my {thing}"),
    "late delivery": (
        "Where is my parcel?",
        "Delivery {late} late",
        "Still waiting for my {thing}",
    ),
    "missing item": ("One item missing", "The {thing} was not in the box", "Incomplete order"),
    "wrong item": ("Wrong item sent", "I got someone else's {thing}", "Not what I ordered"),
    "app crash": ("App crashes", "App closes on start", "Crash when opening orders"),
    "checkout error": ("Checkout does not work", "Cannot pay on my phone", "Error at payment"),
    "slow pages": ("Site very slow", "Pages do not load", "Search takes forever"),
    "address not saved": ("Address disappears", "Cannot save my new address"),
    "stock shown wrong": ("In stock, then cancelled", "Wrong stock for the {thing}"),
    "invoice missing": ("Invoice please", "No invoice for my order", "Missing invoice"),
    "newsletter not stopped": ("Please stop the newsletter", "Unsubscribe does not work"),
    "refund request": ("Refund for my {thing}", "Money back please", "Refund request"),
    "return": ("Return of a {thing}", "How do I send this back?", "Return label"),
    "order status": ("Status of my order", "Has my order been sent?", "Order question"),
    "product question": ("Question about the {thing}", "Which {thing} should I buy?", "Material?"),
    "account question": ("Change my e-mail address", "Password question", "Delete an address"),
}


def subjects(topics: list[str], draws: Draws) -> list[str]:
    """A subject line for each ticket topic."""
    numbers = draws.uniform(len(topics), 16)
    return [
        _filled(_one_of(_SUBJECTS[topic], u[0]), u)
        for topic, u in zip(topics, numbers, strict=True)
    ]


def _one_of(choices: tuple[str, ...] | list[str], number: float) -> str:
    return choices[int(number * len(choices))]


def _filled(text: str, u: Floats) -> str:
    if "{" not in text:
        return text
    chosen = {slot: _one_of(words, (u[15] * 7 + u[0]) % 1) for slot, words in _FILL.items()}
    return text.format(Thing=chosen["thing"].capitalize(), **chosen)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def _typo(text: str, number: float) -> str:
    """Swap two neighbouring letters somewhere after the first word."""
    at = int(number * (len(text) - 3)) + 1
    if not (text[at].isalpha() and text[at + 1].isalpha()):
        return text
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
