"""Which words does a "not" turn round?

"Não gostei" holds the word that praises most; nobody who writes it liked anything. So words after
a negator are other words than the same without one (after Das and Chen 2001, Pang, Lee and
Vaithyanathan 2002). English is left to the general scorer, which reads its negations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

TURNED = "¬"  # before a word that is turned round
_REACH = 3  # words: "no me ha gustado"; a sign ends it
_NEGATORS = {  # in small letters, without accents
    "de": "nicht nie niemals kein keine keinen keinem keiner keines",
    "es": "no ni nunca jamas tampoco",
    "fr": "pas jamais ni n'ai n'a n'est n'etait",
    "it": "non mai ne neanche nessun nessuna",
    "nl": "niet nooit geen",
    "pt": "nao nem nunca jamais nenhum nenhuma",
}
_OTHER_MEANING = {"no": "pt"}  # "no prazo" is "in time"


def negators(languages: Iterable[str]) -> frozenset[str]:
    """List the negators of languages, less those that mean something else in one of them.

    >>> "no" in negators(["es"]), "no" in negators(["es", "pt"])
    (True, False)
    """
    spoken = set(languages)
    words = {word for name in spoken for word in _NEGATORS.get(name, "").split()}
    return frozenset(word for word in words if _OTHER_MEANING.get(word) not in spoken)


def turned(tokens: Sequence[str], negators: frozenset[str]) -> list[str]:
    """Mark the three words after a negator; the negator stays, a sign ends what it turns round.

    >>> turned("no me ha gustado nada , gracias".split(), negators(["es"]))
    ['no', '¬me', '¬ha', '¬gustado', 'nada', ',', 'gracias']
    """
    found = []
    left = 0
    for token in tokens:
        if token in negators:
            left = _REACH
        elif not token[0].isalnum():
            left = 0
        elif left:
            left -= 1
            token = TURNED + token
        found.append(token)
    return found
