"""Ids that the fake HeyGen knows from the start, under every seed."""

from __future__ import annotations

from typing import Final

from heify_heygen_errors.testing.vendors.heygen_catalog import AVATAR, TEMPLATE, VOICE

AVATAR_ID: Final = AVATAR
"""A public avatar look that videos can be made with."""

VOICE_ID: Final = VOICE
"""A public voice."""

TEMPLATE_ID: Final = TEMPLATE
"""A template with variables for a text, a picture, an avatar and a voice."""
