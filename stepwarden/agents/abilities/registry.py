"""All abilities, by name."""

from collections.abc import Mapping
from typing import Any

from stepwarden.agents.abilities.ability import Ability
from stepwarden.agents.abilities.analyse import ANALYSE
from stepwarden.agents.abilities.completion import COMPLETION
from stepwarden.agents.abilities.insights import INSIGHTS
from stepwarden.agents.abilities.optimise import OPTIMISE
from stepwarden.agents.abilities.recover import RECOVER
from stepwarden.agents.abilities.split import SPLIT
from stepwarden.agents.abilities.suggest import SUGGEST
from stepwarden.agents.abilities.validate import VALIDATE
from stepwarden.runs.steered import AbilityName

ABILITIES: Mapping[AbilityName, Ability[Any]] = {
    one.name: one for one in (SPLIT, ANALYSE, OPTIMISE, SUGGEST, VALIDATE, RECOVER, INSIGHTS, COMPLETION)
}
