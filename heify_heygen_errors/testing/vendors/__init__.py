"""The vendors that a fake server plays."""

from __future__ import annotations

from typing import Final

from heify_heygen_errors.testing.vendors.heify import Heify
from heify_heygen_errors.testing.vendors.heygen import HeyGen
from heify_heygen_errors.testing.vendors.liveavatar import LiveAvatar
from heify_heygen_errors.testing.vendors.storage import Storage
from heify_heygen_errors.testing.vendors.vendor import Vendor

VENDORS: Final[tuple[type[Vendor], ...]] = (HeyGen, LiveAvatar, Heify, Storage)
