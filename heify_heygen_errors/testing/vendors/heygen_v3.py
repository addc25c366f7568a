"""HeyGen v3: every endpoint, gathered from the modules of its areas."""

from __future__ import annotations

from typing import Final

from heify_heygen_errors.testing.operations import Routes
from heify_heygen_errors.testing.vendors.heygen_jobs import HEYGEN
from heify_heygen_errors.testing.vendors.heygen_v3_account import account
from heify_heygen_errors.testing.vendors.heygen_v3_agents import agents
from heify_heygen_errors.testing.vendors.heygen_v3_assets import assets
from heify_heygen_errors.testing.vendors.heygen_v3_avatars import avatars
from heify_heygen_errors.testing.vendors.heygen_v3_dubbing import dubbing
from heify_heygen_errors.testing.vendors.heygen_v3_videos import videos

v3: Final = Routes(HEYGEN)
"""The endpoints below ``/v3``."""

for _area in (videos, dubbing, agents, avatars, assets, account):
    v3.operations += _area.operations
