"""`normalize_arrow` for engines that hand data out in parts, to processes of their own. Performs no I/O of its own."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Unpack

import attrs

from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.pipeline.choices import Choices, RejectedRowsError, RowOptions, chosen
from heify_heygen_errors.pipeline.extras import needing

if TYPE_CHECKING:
    from heify_heygen_errors.pipeline.judging import Judge

_MOST_JUDGES: Final = 8


class BatchNormalizer:
    """Does to every part of a table what `normalize_arrow` does to a whole one.

        >>> import pyarrow as pa
        >>> from heify_heygen_errors import BatchNormalizer
        >>> normalizer = BatchNormalizer(provider="heygen")
        >>> parts = [pa.table({"status": [429], "body": [""]}), pa.table({"status": [402], "body": [""]})]
        >>> [normalizer(part).column("error_category").to_pylist() for part in parts]
        [['rate_limit'], ['payment']]

    It can be pickled, with catalogs and overlays by value, so that processes that never saw the files decide as this one.
    What was judged is remembered from part to part, by one memory in each process for all normalizers of the same options
    and catalogs. A part gives the same rows whatever came before it, and if it is worked on twice.

    Threads may share one.

    Attributes:
        choices: the options.
        key: names options and catalogs: normalizers of one key do the same.

    Arguments:
        options: see `RowOptions`. The hook `on_unknown_code` of a normalizer is not called.

    Raises:
        TypeError: there is no such option.
        ValueError: an option is wrong.
        ModuleNotFoundError: the extra ``pipeline`` is not installed.
    """

    def __init__(self, **options: Unpack[RowOptions]) -> None:
        with needing("BatchNormalizer"):
            import heify_heygen_errors.pipeline.arrow_frames  # noqa: F401 - says at once what is missing
        self.choices = _without_hook(chosen("BatchNormalizer", options))
        self.key = _key(self.choices)

    @classmethod
    def of(cls, choices: Choices) -> BatchNormalizer:
        """A normalizer of options that were checked."""
        made = cls.__new__(cls)
        made.choices = _without_hook(choices)
        made.key = _key(made.choices)
        return made

    def __call__(self, data: Any) -> Any:
        """What passes through of a part, with the ``error_*`` columns behind it.

        Arguments:
            data: as for `normalize_arrow`, which says what becomes of it.

        Raises:
            RejectedRowsError: rows cannot be read, unless ``on_error="keep"``. They are numbered from the part's first row.
            ColumnClash: a ValueError: a column has the name of an output column.
            TypeError: `data` is nothing of the kind.
            ValueError: a column that was named is missing; or status, body and exception all are.
        """
        from heify_heygen_errors.pipeline.arrow_frames import judged

        try:
            return judged(data, self.judge)
        except RejectedRowsError as error:
            raise error.of_part() from None

    def __repr__(self) -> str:
        choices = self.choices
        return f"BatchNormalizer({choices.options}, keep_rejects={choices.keep_rejects}, catalogs {choices.normalizer.catalogs.version})"

    @property
    def judge(self) -> Judge:
        """What judges and remembers in this process."""
        return _judges.get(self.key, self.choices)


def _without_hook(choices: Choices) -> Choices:
    return attrs.evolve(choices, normalizer=Normalizer(choices.normalizer.catalogs))


def _key(choices: Choices) -> str:
    told = (choices.options, choices.keep_rejects, sorted(choices.named), choices.normalizer.catalogs.version)
    return hashlib.sha256(repr(told).encode()).hexdigest()


class _Judges:
    """The judges of this process; those that were used last stay."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._judges: OrderedDict[str, Judge] = OrderedDict()

    def get(self, key: str, choices: Choices) -> Judge:
        from heify_heygen_errors.pipeline.judging import Judge

        with self._lock:
            judge = self._judges.get(key)
            if judge is None:
                judge = self._judges[key] = Judge(choices)
                if len(self._judges) > _MOST_JUDGES:
                    self._judges.popitem(last=False)
            self._judges.move_to_end(key)
            return judge

    def begin_anew(self) -> None:
        """Forgets all of them, in a forked process: a thread that is not there any more may have held their locks."""
        self._lock = Lock()
        self._judges = OrderedDict()


_judges: Final = _Judges()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_judges.begin_anew)
