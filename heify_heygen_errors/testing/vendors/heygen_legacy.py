"""HeyGen's endpoints below /v1 and /v2, which were to close on 2026-10-31."""

from __future__ import annotations

from typing import Final

from heify_heygen_errors.testing.operations import Routes
from heify_heygen_errors.testing.vendors.heygen_bridge import bridge
from heify_heygen_errors.testing.vendors.heygen_jobs import HEYGEN
from heify_heygen_errors.testing.vendors.heygen_photo_avatars import photos
from heify_heygen_errors.testing.vendors.heygen_streaming import streaming
from heify_heygen_errors.testing.vendors.heygen_v1 import v1
from heify_heygen_errors.testing.vendors.heygen_v2 import v2

legacy: Final = Routes(HEYGEN)
for _routes in (v1, streaming, v2, photos, bridge):
    legacy.operations += _routes.operations
