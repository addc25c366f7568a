"""Frames of pandas with the corpus, the samples and generated records in cells of every kind."""

from __future__ import annotations

import pandas as pd
from frame_cases import as_objects, as_text

FORMS = {
    "text": lambda: pd.DataFrame(as_text()),
    "objects": lambda: pd.DataFrame(as_objects()),
    "nullable": lambda: pd.DataFrame(as_text()).convert_dtypes(),
    "Arrow": lambda: pd.DataFrame(as_text()).convert_dtypes(dtype_backend="pyarrow"),
    "categories": lambda: pd.DataFrame(as_text()).astype({"provider": "category", "body": "category"}),
}
