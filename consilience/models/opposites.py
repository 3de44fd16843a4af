"""Words of direction and the words that say the opposite, every form of each; verbs that can be negated, inflected."""

from __future__ import annotations

# base form -> its opposite; the four forms follow by rule, and the irregular ones are listed below.
_OPPOSED_VERBS = (
    ("increase", "decrease"), ("reduce", "increase"), ("raise", "lower"), ("lower", "raise"),
    ("improve", "worsen"), ("elevate", "reduce"), ("enhance", "impair"), ("promote", "inhibit"),
    ("inhibit", "promote"), ("suppress", "stimulate"), ("stimulate", "suppress"), ("attenuate", "amplify"),
    ("prevent", "cause"), ("accelerate", "delay"), ("delay", "accelerate"), ("prolong", "shorten"),
    ("shorten", "prolong"), ("upregulate", "downregulate"), ("diminish", "increase"), ("impair", "improve"),
    ("alleviate", "aggravate"), ("ameliorate", "aggravate"), ("activate", "inactivate"), ("decline", "increase"),
    ("induce", "prevent"), ("favor", "disfavor"), ("exceed", "trail"),
)  # fmt: skip
_OPPOSED_WORDS = (
    ("higher", "lower"), ("greater", "smaller"), ("larger", "smaller"), ("longer", "shorter"), ("better", "worse"),
    ("best", "worst"), ("highest", "lowest"), ("more", "less"), ("stronger", "weaker"), ("faster", "slower"),
    ("earlier", "later"), ("superior", "inferior"), ("effective", "ineffective"), ("beneficial", "harmful"),
    ("safe", "unsafe"), ("improvement", "worsening"), ("improvements", "deteriorations"), ("reduction", "increase"),
    ("reductions", "increases"), ("positively", "negatively"), ("upregulation", "downregulation"),
    ("inhibition", "stimulation"), ("activation", "inhibition"), ("elevation", "reduction"),
    ("above", "below"), ("benefit", "harm"), ("protective", "harmful"), ("useful", "useless"),
    ("successful", "unsuccessful"), ("favorable", "unfavorable"), ("favourable", "unfavourable"),
    ("accurate", "inaccurate"), ("adequate", "inadequate"), ("reliable", "unreliable"), ("feasible", "unfeasible"),
    ("more likely", "less likely"), ("more effective", "less effective"), ("more common", "less common"),
    ("more frequent", "less frequent"), ("more frequently", "less frequently"), ("more often", "less often"),
    ("rose", "fell"), ("rises", "falls"), ("grew", "shrank"), ("up", "down"),
)  # fmt: skip
# Opposites one way only: the way back would be said with another word.
_ONE_WAY = (("fewer", "more"), ("deterioration", "improvement"), ("smaller", "larger"), ("lower", "higher"))
# Used of things they do not turn round: `more than`, `up to`, `the lower limb`.
_NOT_ALONE = frozenset({"up", "above", "more", "later", "earlier"})
_OTHER_VERBS = (
    "affect", "predict", "influence", "support", "confirm", "show", "suggest", "indicate", "demonstrate", "correlate",
    "differ", "contribute", "require", "play", "protect", "provide", "benefit", "change", "alter", "help", "regulate",
    "mediate", "modulate", "result", "lead", "appear", "seem", "remain", "occur", "respond", "reflect", "develop",
    "express", "produce", "offer", "allow", "bind", "trigger", "block", "decrease", "worsen", "stimulate", "cause",
)  # fmt: skip
_PAST = {
    "lead": "led", "show": "showed", "bind": "bound", "differ": "differed", "develop": "developed",
    "lower": "lowered", "worsen": "worsened", "benefit": "benefited", "alter": "altered", "trigger": "triggered",
    "prefer": "preferred",
}  # fmt: skip


def _forms(base: str) -> tuple[str, str, str]:
    """Third person, past and -ing form: `reduce` -> `reduces`, `reduced`, `reducing`."""
    stem = base[:-1] if base.endswith("e") else base
    third = base + ("es" if base.endswith(("ss", "sh", "ch", "x")) else "s")
    past = _PAST.get(base, stem + "ed")
    return third, past, stem + "ing"


def _opposed() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for one, two in _OPPOSED_VERBS:
        for form, other in zip((one, *_forms(one)), (two, *_forms(two)), strict=True):
            table.setdefault(form, (other,))
    for one, two in (*_OPPOSED_WORDS, *_ONE_WAY):
        table[one] = (two,)
        if two not in table:
            table[two] = (one,)
    return {word: table[word] for word in sorted(table) if word not in _NOT_ALONE}


# verb -> (third person, past, -ing form)
VERBS = {verb: _forms(verb) for verb in sorted({*(verb for pair in _OPPOSED_VERBS for verb in pair), *_OTHER_VERBS})}
# word -> the words that say the opposite in its place
OPPOSED = _opposed()
