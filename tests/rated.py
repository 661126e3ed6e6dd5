"""Comments with ratings that nobody would dispute, in Portuguese."""

import itertools

THINGS = "caixa mesa cadeira cama luz panela blusa bolsa toalha tinta".split()
PLACES = "sala cozinha loja rua casa escola".split()
GOOD = "adorei a {} para a {}, chegou antes do prazo"
BAD = "não recebi a {} para a {}, um péssimo atendimento"


def texts(pattern: str, least: int = 0, most: int = 60) -> list[str]:
    pairs = itertools.product(THINGS, PLACES)
    return [pattern.format(*pair) for pair in itertools.islice(pairs, least, most)]


def rows(*groups: tuple[float | None, list[str]], **same) -> list[dict]:
    start = {"metric": "stars", "given_at": "2026-03-02T10:00", **same}
    told = [(score, text) for score, group in groups for text in group]
    return [
        {"feedback_id": f"f{n:03}", "score": score, "comment": text, **start}
        for n, (score, text) in enumerate(told)
    ]
