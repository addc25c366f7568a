"""The expressions of polars: importing this module gives every expression a namespace ``hhe``.

    >>> import polars as pl
    >>> import heify_heygen_errors.pipeline.polars
    >>> frame = pl.DataFrame({"code": [402], "text": ['{"error": {"code": "insufficient_credit"}}']})
    >>> error = pl.col("text").hhe.normalize(provider="heygen", status=pl.col("code"))
    >>> frame.select(error.struct.field("error_category")).item()
    'payment'

Needs the extra ``pipeline`` and polars.
"""

from __future__ import annotations

from typing import Literal

from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.pipeline.choices import chosen
from heify_heygen_errors.pipeline.extras import needing

with needing("heify_heygen_errors.pipeline.polars"):
    import polars as pl

    from heify_heygen_errors.pipeline.judging import Judge
    from heify_heygen_errors.pipeline.polars_frames import expression

__all__ = ["HheNamespace"]


@pl.api.register_expr_namespace("hhe")
class HheNamespace:
    """What ``pl.col("body").hhe`` offers.

    Arguments:
        body: the expression that it hangs on: text, bytes, or decoded JSON as struct or list.
    """

    def __init__(self, body: pl.Expr) -> None:
        self._body = body

    def normalize(
        self,
        *,
        provider: str | pl.Expr | None = None,
        status: int | str | pl.Expr | None = None,
        headers: str | pl.Expr | None = None,
        method: str | pl.Expr | None = None,
        url: str | pl.Expr | None = None,
        exception: str | pl.Expr | None = None,
        explode: bool = False,
        prefix: str = "",
        on_error: Literal["raise", "keep"] = "raise",
        normalizer: Normalizer | None = None,
    ) -> pl.Expr:
        """The ``error_*`` columns as a struct with the name of the body; enums are `pl.Enum`. Works row by row, in every context.

        Arguments:
            provider: a provider's name for all rows, or an expression; None if the URLs name it.
            status: expression or name of the column, as for those that follow; a number counts for all rows.
            headers: of the response.
            method: of the request.
            url: of the request.
            exception: text of what was raised instead of an answer.
            explode: True gives a list of structs, one for each failure of a list or batch.
            prefix: put before the names of the struct's fields.
            on_error: see `RowOptions`.
            normalizer: see `RowOptions`.

        Raises:
            RejectedRowsError: when the query runs: rows cannot be read.
            TypeError, ValueError: an option is wrong.
        """
        named = provider if isinstance(provider, str) else None
        choices = chosen(
            "normalize", {"provider": named, "explode": explode, "prefix": prefix, "on_error": on_error, "normalizer": normalizer}
        )
        fields = {"body": self._body}
        given = {
            "provider": None if named is not None else provider,
            "status": status,
            "headers": headers,
            "method": method,
            "url": url,
            "exception": exception,
        }
        for field, value in given.items():
            if value is not None:
                fields[field] = pl.col(value) if isinstance(value, str) else pl.lit(value) if isinstance(value, int) else value
        struct = pl.struct([value.alias(field) for field, value in fields.items()])
        return expression(struct, Judge(choices)).alias(self._body.meta.output_name())
