"""Adapters: which shapes a vendor's failures have. One per vendor, one for the layers in front of them.

An adapter recognises shapes and reads the vendor's own words out of them; it knows no meanings.
Importing this package registers the adapters by provider name.
"""

from heify_heygen_errors.providers.adapter import Adapter, adapter_for
from heify_heygen_errors.providers.heify import HeifyAdapter
from heify_heygen_errors.providers.heygen import HeyGenAdapter
from heify_heygen_errors.providers.layers import error_type_header, is_signed
from heify_heygen_errors.providers.sight import Sight

__all__ = ["Adapter", "HeifyAdapter", "HeyGenAdapter", "Sight", "adapter_for", "error_type_header", "is_signed"]
