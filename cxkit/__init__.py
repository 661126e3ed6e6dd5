"""cxkit: who are our customers, how does their journey go, what do they say, whom to help first?

    import cxkit as cx

    cx.import_exports("exports/", store="store/")
    ws = cx.open("store/")
    cx.stage_funnel(ws, by="channel")

Everything is loaded when it is first used, so that `import cxkit` stays quick.
"""

from functools import cache, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# One line per public name: where it lives. An analysis is a function of the module of its name.
_HOMES = {
    "open": "cxkit.house",
    "show_sql": "cxkit.house",
    "import_exports": "cxkit.imports",
    "replay": "cxkit.imports",
    "undo": "cxkit.imports",
    "guess_mapping": "cxkit.imports",
    "confirm_mapping": "cxkit.imports",
    "accept_links": "cxkit.imports",
    "reject_links": "cxkit.imports",
    "keep_settings": "cxkit.house",
    "month_ends": "cxkit.house",
    "toy_company": "cxkit.house",
    "explore": "cxkit.widgets",
    "settle_mapping": "cxkit.widgets",
    "label_themes": "cxkit.widgets",
    "Result": "cxkit.result",
    "learned": "cxkit.result",
    "Workspace": "cxkit.workspace",
    "CxError": "cxkit.errors",
    "PersonaModel": "cxkit.persona_model",
    "persona_of": "cxkit.persona_keep",
    "keep_personas": "cxkit.persona_keep",
    "kept_personas": "cxkit.persona_keep",
    "tag_customers": "cxkit.persona_keep",
    # the analyses, in the order of the notebooks
    "import_report": "cxkit.analyses.start.import_report",
    "import_decisions": "cxkit.analyses.start.import_decisions",
    "set_aside": "cxkit.analyses.start.set_aside",
    "unknown_exports": "cxkit.analyses.start.unknown_exports",
    "identity_links": "cxkit.analyses.start.identity_links",
    "readiness": "cxkit.analyses.start.readiness",
    "lifecycle": "cxkit.analyses.who.lifecycle",
    "lifecycle_moves": "cxkit.analyses.who.lifecycle_moves",
    "lifecycle_history": "cxkit.analyses.who.lifecycle_history",
    "lapse_curve": "cxkit.analyses.who.lapse_curve",
    "lapse_groups": "cxkit.analyses.who.lapse_groups",
    "prospect_conversion": "cxkit.analyses.who.prospect_conversion",
    "best_customers": "cxkit.analyses.who.best_customers",
    "value_check": "cxkit.analyses.who.value_check",
    "rfm": "cxkit.analyses.who.rfm",
    "contract_retention": "cxkit.analyses.who.contract_retention",
    "personas": "cxkit.analyses.personas.personas",
    "persona_cards": "cxkit.analyses.personas.persona_cards",
    "persona_drift": "cxkit.analyses.personas.persona_drift",
    "channel_fit": "cxkit.analyses.personas.channel_fit",
    "stage_amounts": "cxkit.analyses.journey.stage_amounts",
    "stage_funnel": "cxkit.analyses.journey.stage_funnel",
    "stage_people": "cxkit.analyses.journey.stage_people",
    "transitions": "cxkit.analyses.journey.transitions",
    "top_paths": "cxkit.analyses.journey.top_paths",
    "step_matrix": "cxkit.analyses.journey.step_matrix",
    "sessions": "cxkit.analyses.journey.sessions",
    "stage_breaks": "cxkit.analyses.journey.stage_breaks",
    "stage_change": "cxkit.analyses.journey.stage_change",
    "stage_trend": "cxkit.analyses.journey.stage_trend",
    "journeys": "cxkit.analyses.journey.journeys",
    "bad_touches": "cxkit.analyses.journey.bad_touches",
    "drop_reasons": "cxkit.analyses.journey.drop_reasons",
    "activation": "cxkit.analyses.journey.activation",
    "effort": "cxkit.analyses.journey.effort",
    "handoffs": "cxkit.analyses.journey.handoffs",
    "time_to_stage": "cxkit.analyses.journey.time_to_stage",
    "journey_map": "cxkit.analyses.journey.journey_map",
    "journey_order": "cxkit.analyses.journey.journey_order",
    "moments_of_truth": "cxkit.analyses.journey.moments_of_truth",
    "mood_by_wait": "cxkit.analyses.journey.mood_by_wait",
    "friction_owners": "cxkit.analyses.journey.friction_owners",
    "score": "cxkit.analyses.voice.score",
    "score_trend": "cxkit.analyses.voice.score_trend",
    "score_weighted": "cxkit.analyses.voice.score_weighted",
    "sentiment": "cxkit.analyses.voice.sentiment",
    "intents": "cxkit.analyses.voice.intents",
    "answered": "cxkit.analyses.voice.answered",
    "drivers": "cxkit.analyses.voice.drivers",
    "comments_to_code": "cxkit.analyses.voice.comments_to_code",
    "quotes": "cxkit.analyses.voice.quotes",
    "model_card": "cxkit.analyses.voice.model_card",
    "predicted_ratings": "cxkit.analyses.voice.predicted_ratings",
    "rating_text_gap": "cxkit.analyses.voice.rating_text_gap",
    "themes": "cxkit.analyses.voice.themes",
    "theme_impact": "cxkit.analyses.voice.theme_impact",
    "theme_trend": "cxkit.analyses.voice.theme_trend",
    "after_theme": "cxkit.analyses.voice.after_theme",
    "telling_words": "cxkit.analyses.voice.telling_words",
    "propose_themes": "cxkit.theme_keep",
    "keep_themes": "cxkit.theme_keep",
    "kept_themes": "cxkit.theme_keep",
    "keep_labels": "cxkit.theme_keep",
}


def __getattr__(name: str) -> Any:
    """Load a public name on its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'cxkit' has no attribute '{name}'")
    found = getattr(import_module(_HOMES[name]), name)
    return _of_a_store(found) if _HOMES[name].startswith("cxkit.analyses.") else found


@cache
def _of_a_store(analysis: Any) -> Any:
    @wraps(analysis)
    def asked(workspace: Any, *values: Any, **named: Any) -> Any:
        if not isinstance(workspace, import_module("cxkit.workspace").Workspace):
            name, what = analysis.__name__, type(workspace).__name__
            what = repr(workspace) if workspace is None or what == "str" else f"a {what}"
            raise import_module("cxkit.errors").BadQuestion(
                f"{name} was asked of {what}, which is no open store. Open one first, as in "
                f"cx.{name}(cx.open('store/'))."
            )
        return analysis(workspace, *values, **named)

    return asked


def __dir__() -> "list[str]":
    return sorted([*_HOMES, "__version__"])


if TYPE_CHECKING:  # the same names for editors and type checkers; a test holds both lists equal
    from cxkit.analyses.journey.activation import activation as activation
    from cxkit.analyses.journey.bad_touches import bad_touches as bad_touches
    from cxkit.analyses.journey.drop_reasons import drop_reasons as drop_reasons
    from cxkit.analyses.journey.effort import effort as effort
    from cxkit.analyses.journey.friction_owners import friction_owners as friction_owners
    from cxkit.analyses.journey.handoffs import handoffs as handoffs
    from cxkit.analyses.journey.journey_map import journey_map as journey_map
    from cxkit.analyses.journey.journey_order import journey_order as journey_order
    from cxkit.analyses.journey.journeys import journeys as journeys
    from cxkit.analyses.journey.moments_of_truth import moments_of_truth as moments_of_truth
    from cxkit.analyses.journey.mood_by_wait import mood_by_wait as mood_by_wait
    from cxkit.analyses.journey.sessions import sessions as sessions
    from cxkit.analyses.journey.stage_amounts import stage_amounts as stage_amounts
    from cxkit.analyses.journey.stage_breaks import stage_breaks as stage_breaks
    from cxkit.analyses.journey.stage_change import stage_change as stage_change
    from cxkit.analyses.journey.stage_funnel import stage_funnel as stage_funnel
    from cxkit.analyses.journey.stage_people import stage_people as stage_people
    from cxkit.analyses.journey.stage_trend import stage_trend as stage_trend
    from cxkit.analyses.journey.step_matrix import step_matrix as step_matrix
    from cxkit.analyses.journey.time_to_stage import time_to_stage as time_to_stage
    from cxkit.analyses.journey.top_paths import top_paths as top_paths
    from cxkit.analyses.journey.transitions import transitions as transitions
    from cxkit.analyses.personas.channel_fit import channel_fit as channel_fit
    from cxkit.analyses.personas.persona_cards import persona_cards as persona_cards
    from cxkit.analyses.personas.persona_drift import persona_drift as persona_drift
    from cxkit.analyses.personas.personas import personas as personas
    from cxkit.analyses.start.identity_links import identity_links as identity_links
    from cxkit.analyses.start.import_decisions import import_decisions as import_decisions
    from cxkit.analyses.start.import_report import import_report as import_report
    from cxkit.analyses.start.readiness import readiness as readiness
    from cxkit.analyses.start.set_aside import set_aside as set_aside
    from cxkit.analyses.start.unknown_exports import unknown_exports as unknown_exports
    from cxkit.analyses.voice.after_theme import after_theme as after_theme
    from cxkit.analyses.voice.answered import answered as answered
    from cxkit.analyses.voice.comments_to_code import comments_to_code as comments_to_code
    from cxkit.analyses.voice.drivers import drivers as drivers
    from cxkit.analyses.voice.intents import intents as intents
    from cxkit.analyses.voice.model_card import model_card as model_card
    from cxkit.analyses.voice.predicted_ratings import predicted_ratings as predicted_ratings
    from cxkit.analyses.voice.quotes import quotes as quotes
    from cxkit.analyses.voice.rating_text_gap import rating_text_gap as rating_text_gap
    from cxkit.analyses.voice.score import score as score
    from cxkit.analyses.voice.score_trend import score_trend as score_trend
    from cxkit.analyses.voice.score_weighted import score_weighted as score_weighted
    from cxkit.analyses.voice.sentiment import sentiment as sentiment
    from cxkit.analyses.voice.telling_words import telling_words as telling_words
    from cxkit.analyses.voice.theme_impact import theme_impact as theme_impact
    from cxkit.analyses.voice.theme_trend import theme_trend as theme_trend
    from cxkit.analyses.voice.themes import themes as themes
    from cxkit.analyses.who.best_customers import best_customers as best_customers
    from cxkit.analyses.who.contract_retention import contract_retention as contract_retention
    from cxkit.analyses.who.lapse_curve import lapse_curve as lapse_curve
    from cxkit.analyses.who.lapse_groups import lapse_groups as lapse_groups
    from cxkit.analyses.who.lifecycle import lifecycle as lifecycle
    from cxkit.analyses.who.lifecycle_history import lifecycle_history as lifecycle_history
    from cxkit.analyses.who.lifecycle_moves import lifecycle_moves as lifecycle_moves
    from cxkit.analyses.who.prospect_conversion import prospect_conversion as prospect_conversion
    from cxkit.analyses.who.rfm import rfm as rfm
    from cxkit.analyses.who.value_check import value_check as value_check
    from cxkit.errors import CxError as CxError
    from cxkit.house import keep_settings as keep_settings
    from cxkit.house import month_ends as month_ends
    from cxkit.house import open as open
    from cxkit.house import show_sql as show_sql
    from cxkit.house import toy_company as toy_company
    from cxkit.imports import accept_links as accept_links
    from cxkit.imports import confirm_mapping as confirm_mapping
    from cxkit.imports import guess_mapping as guess_mapping
    from cxkit.imports import import_exports as import_exports
    from cxkit.imports import reject_links as reject_links
    from cxkit.imports import replay as replay
    from cxkit.imports import undo as undo
    from cxkit.persona_keep import keep_personas as keep_personas
    from cxkit.persona_keep import kept_personas as kept_personas
    from cxkit.persona_keep import persona_of as persona_of
    from cxkit.persona_keep import tag_customers as tag_customers
    from cxkit.persona_model import PersonaModel as PersonaModel
    from cxkit.result import Result as Result
    from cxkit.result import learned as learned
    from cxkit.theme_keep import keep_labels as keep_labels
    from cxkit.theme_keep import keep_themes as keep_themes
    from cxkit.theme_keep import kept_themes as kept_themes
    from cxkit.theme_keep import propose_themes as propose_themes
    from cxkit.widgets import explore as explore
    from cxkit.widgets import label_themes as label_themes
    from cxkit.widgets import settle_mapping as settle_mapping
    from cxkit.workspace import Workspace as Workspace
