"""One client for the vendors: `Client` on requests, `AsyncClient` on httpx2."""
