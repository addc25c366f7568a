"""What Heify's transcriptions yield, and the reports that it makes of them.

All of it is drawn by chance from the server's seed and the transcription's id, so that it is the same at each reading.
The members are those of docs.heify.com of March 2026.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any, Final

import attrs

from heify_heygen_errors.testing.world import Job, World

ANALYSED: Final = 20_000
"""The transcriptions that a list or a report covers; more are cut silently (docs.heify.com/platform/rate-limits)."""

_PASSING: Final = 50
_SCALE: Final = 5
_SCALE_PASSING: Final = 3
# The participant's trend compares so many calls with as many before them.
_SAMPLE: Final = 20
_TREND: Final = 2
_ALARM: Final = 10
_SHOWN: Final = 30

_CALL: Final = (
    ("Good morning, you are through to technical support. What can I do for you?", "SPEAKER_00"),
    ("Hello. The connection to our office drops every few minutes since yesterday.", "SPEAKER_01"),
    ("I am sorry to hear that. May I have your customer number, please?", "SPEAKER_00"),
    ("It is four four one seven.", "SPEAKER_01"),
    ("Thank you. I have moved your line to another gateway. Is it better now?", "SPEAKER_00"),
    ("Yes, it holds. Thank you very much.", "SPEAKER_01"),
)
_SUMMARY: Final = "The customer reports a connection that drops. Support moves the line to another gateway, after which it holds."
_MOODS: Final = ("POSITIVE", "NEUTRAL", "NEGATIVE")
_VALUES: Final[Mapping[str, Callable[[Random], Any]]] = {
    "string": lambda random: random.choice(_MOODS),
    "number": lambda random: random.randint(1, 500),
    "boolean": lambda random: random.random() < 0.5,  # noqa: PLR2004 - a coin
    "array": lambda random: random.sample(("connection", "gateway", "office", "support"), random.randint(1, 3)),
}


def moment(seconds: float) -> str:
    """A time as Heify writes it: ``2026-11-01T00:00:00.000000+00:00``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def result(world: World, job: Job) -> dict[str, Any]:
    """What a completed transcription has to say: duration in seconds, and the members of ``details``."""
    known: dict[str, Any] | None = job.fields.get("result")
    if known is None:
        known = job.fields["result"] = _result(Random(f"{world.seed} {job.id}"), job)  # noqa: S311 - reproducible on purpose
    return known


def _result(random: Random, job: Job) -> dict[str, Any]:
    fields, evaluator = job.fields, job.fields["evaluator"]
    ended = job.ended or job.created
    extracted = [{"name": field["name"], "value": _VALUES[field["type"]](random)} for field in fields["extraction_fields"]]
    return {
        "duration": round(random.uniform(60, 1200), 2),
        "details": {
            "language": "en",
            "num_speakers": 2,
            "created_at": moment(fields["submitted"]),
            "completed_at": moment(ended),
            "conversation": {"segments": [{"text": text, "speaker": speaker} for text, speaker in _CALL]},
            "summary": {"summary": _SUMMARY} if fields["summary"] else None,
            "fields": {"fields": extracted} if extracted else None,
            "evaluation": None if evaluator is None else _evaluation(random, evaluator, ended),
        },
    }


def _evaluation(random: Random, evaluator: Mapping[str, Any], ended: float) -> dict[str, Any]:
    graded = [_graded(random, criterion) for criterion in evaluator["criteria"]]
    score = round(sum(one["score_obtained"] for one in graded), 1)
    critical = any(one["type"] == "strict" and one["status"] == "FAIL" for one in graded)
    return {
        "score": score,
        "critical_fail": critical,
        "status": "COMPLETED",
        "breakdown": {
            "evaluator_id": evaluator["evaluator_id"],
            "evaluator_tag": evaluator["tag"],
            "generated_at": moment(ended),
            "language_used": "en" if evaluator["language"] == "df" else evaluator["language"],
            "final_score": score,
            "critical_fail_triggered": critical,
            "summary_feedback": f"### Overview\n\nThe call scored {score}/100.",
            "results": graded,
        },
    }


def _graded(random: Random, criterion: Mapping[str, Any]) -> dict[str, Any]:
    kind, weight = criterion["type"], criterion["weight"]
    raw = random.randint(1, _SCALE) if kind == "scale" else int(random.random() < 0.8)  # noqa: PLR2004 - most calls are good
    passed = raw >= (_SCALE_PASSING if kind == "scale" else 1)
    return {
        "criteria_id": criterion["id"],
        "name": criterion["name"],
        "type": kind,
        "max_weight": float(weight),
        "score_raw_ai": raw,
        "score_obtained": round(weight * raw / (_SCALE if kind == "scale" else 1), 1),
        "status": "PASS" if passed else "FAIL",
        "reasoning": "The agent does what the criterion asks for." if passed else "The agent does not do what the criterion asks for.",
        "quote": random.choice(_CALL)[0],
        "feedback": None if passed else f"Pay attention to this: {criterion['description']}"[:200],
    }


# Reports.


@attrs.frozen
class _Row:
    """An evaluated transcription in a dashboard."""

    job: Job
    duration: float
    score: float
    critical: bool
    failed: tuple[tuple[str, str], ...]

    @property
    def passed(self) -> bool:
        return self.score >= _PASSING and not self.critical

    @property
    def at(self) -> time.struct_time:
        return time.gmtime(self.job.fields["submitted"])


def _rows(world: World, jobs: Iterable[Job]) -> list[_Row]:
    made = []
    for job in jobs:
        told = result(world, job)
        evaluation = told["details"]["evaluation"]
        if evaluation is None:
            continue
        failed = tuple((one["criteria_id"], one["name"]) for one in evaluation["breakdown"]["results"] if one["status"] == "FAIL")
        made.append(_Row(job, told["duration"], evaluation["score"], evaluation["critical_fail"], failed))
    return made


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return round(statistics.fmean(found), 1) if found else 0


def _share(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0


def _by(rows: Iterable[_Row], key: Callable[[_Row], str | None]) -> dict[str, list[_Row]]:
    found: defaultdict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        name = key(row)
        if name is not None:
            found[name].append(row)
    return dict(found)


def dashboard(world: World, jobs: Sequence[Job], *, about: str, limited: bool) -> dict[str, Any] | None:
    """The report on an evaluator or a participant; None if none of the transcriptions was evaluated.

    Args:
        world: where the transcriptions are.
        jobs: completed ones, newest first.
        about: ``evaluator`` or ``participant``.
        limited: whether there were more of them.
    """
    rows = _rows(world, jobs)
    if not rows:
        return None
    now = world.clock()
    other = "participant" if about == "evaluator" else "evaluator"
    made: dict[str, Any] = {
        "metadata": {
            "total_records_analyzed": len(rows),
            "query_limit_reached": limited,
            "generated_at": moment(now).removesuffix("+00:00"),
        },
        "kpis": _kpis(rows),
        "charts": {"timeline": _timeline(rows), "heatmap": _heatmap(rows)},
        f"{other}s": _ranking(rows, other),
        "criteria_breakdown": _breakdown(rows),
        "score_distribution": _distribution(rows),
        "comparison": _comparison(rows, now),
        "duration_insights": _durations(rows),
        "raw_data": [_raw(row, other) for row in rows],
    }
    if about == "participant":
        del made["charts"]["heatmap"]
        made |= _trend(rows)
    return made


def _kpis(rows: Sequence[_Row]) -> dict[str, Any]:
    critical = [row for row in rows if row.critical]
    return {
        "total_calls": len(rows),
        "avg_score": _mean(row.score for row in rows),
        "pass_rate": _share(sum(row.passed for row in rows), len(rows)),
        "total_critical_fails": len(critical),
        "pending_critical_reviews": sum(row.job.fields["group"] in (None, "PENDING_REVIEW") for row in critical),
    }


def _timeline(rows: Sequence[_Row]) -> list[dict[str, Any]]:
    return [
        {
            "date": day,
            "avg_score": _mean(row.score for row in found),
            "volume": len(found),
            "critical_fails": sum(row.critical for row in found),
        }
        for day, found in sorted(_by(rows, lambda row: time.strftime("%Y-%m-%d", row.at)).items())
    ]


def _heatmap(rows: Sequence[_Row]) -> dict[str, dict[str, float]]:
    days = _by(rows, lambda row: _DAYS[row.at.tm_wday])
    return {
        day: {hour: _mean(row.score for row in within) for hour, within in _by(found, lambda row: str(row.at.tm_hour)).items()}
        for day, found in days.items()
    }


_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _ranking(rows: Sequence[_Row], other: str) -> list[dict[str, Any]]:
    made = [
        {
            "id": found_id,
            "tag": found[0].job.fields[f"{other}_tag"],
            "calls": len(found),
            "avg_score": _mean(row.score for row in found),
            "critical_fails": sum(row.critical for row in found),
            "critical_fail_rate": _share(sum(row.critical for row in found), len(found)),
            "consistency": round(statistics.pstdev(row.score for row in found), 2),
            "avg_duration": round(statistics.fmean(row.duration for row in found)),
        }
        for found_id, found in _by(rows, lambda row: row.job.fields[f"{other}_id"]).items()
    ]
    return sorted(made, key=lambda one: -one["avg_score"])


def _breakdown(rows: Sequence[_Row]) -> list[dict[str, Any]]:
    failed = Counter(one for row in rows for one in row.failed)
    return [
        {"id": criterion_id, "name": name, "fail_count": count, "fail_rate": _share(count, len(rows))}
        for (criterion_id, name), count in failed.most_common()
    ]


def _distribution(rows: Sequence[_Row]) -> dict[str, int]:
    bounds = (-1, 20, 40, 60, 80, 100)
    return {f"{low + 1}-{high}": sum(low < row.score <= high for row in rows) for low, high in pairwise(bounds)}


def _comparison(rows: Sequence[_Row], now: float) -> dict[str, Any]:
    today = time.gmtime(now)
    this = (today.tm_year, today.tm_mon)
    last = (today.tm_year, today.tm_mon - 1) if today.tm_mon > 1 else (today.tm_year - 1, 12)
    current, previous = ([row for row in rows if (row.at.tm_year, row.at.tm_mon) == month] for month in (this, last))
    periods = [
        {
            "calls": len(found),
            "avg_score": _mean(row.score for row in found),
            "pass_rate": _share(sum(row.passed for row in found), len(found)),
        }
        for found in (current, previous)
    ]
    names = ("avg_score", "pass_rate") if current and previous else ()
    delta = {name: round(periods[0][name] - periods[1][name], 1) for name in names}
    return {"current_period": periods[0], "previous_period": periods[1], "delta": delta}


def _durations(rows: Sequence[_Row]) -> dict[str, Any]:
    durations = [row.duration for row in rows]
    low, _, high = statistics.quantiles(durations, method="inclusive") if len(durations) > 1 else durations * 3
    parts = {
        "short": [row.score for row in rows if row.duration <= low],
        "medium": [row.score for row in rows if low < row.duration < high],
        "long": [row.score for row in rows if low < row.duration and row.duration >= high],
    }
    counted = {name: {"count": len(scores), "avg_score": _mean(scores)} for name, scores in parts.items()}
    return {"thresholds": {"p25": round(low, 1), "p75": round(high, 1)}, **counted}


def _trend(rows: Sequence[_Row]) -> dict[str, Any]:
    recent, before = rows[:_SAMPLE], rows[_SAMPLE : 2 * _SAMPLE]
    average = _mean(row.score for row in recent)
    alarm = average < _mean(row.score for row in rows) - _ALARM
    trend: dict[str, Any] = {"direction": "insufficient_data", "recent_avg": None, "previous_avg": None, "sample_size": _SAMPLE}
    if len(before) == _SAMPLE:
        previous = _mean(row.score for row in before)
        direction = "improving" if average > previous + _TREND else "declining" if average < previous - _TREND else "stable"
        trend |= {"direction": direction, "recent_avg": average, "previous_avg": previous}
    return {"trend": trend, "degradation_alert": alarm}


def _raw(row: _Row, other: str) -> dict[str, Any]:
    fields = row.job.fields
    return {
        "id": row.job.id,
        "date": moment(fields["submitted"]),
        "score": row.score,
        "critical": row.critical,
        "duration": round(row.duration),
        f"{other}_tag": fields[f"{other}_tag"],
        f"{other}_id": fields[f"{other}_id"],
        "group": fields["group"],
        "status": "COMPLETED",
        "failed_criteria": [name for _, name in row.failed],
    }


def report(world: World, configuration: Mapping[str, Any], jobs: Sequence[Job]) -> dict[str, Any]:
    """The report on a configuration.

    Args:
        world: where the transcriptions are.
        configuration: theirs.
        jobs: completed ones, at least one.
    """
    results = [result(world, job) for job in jobs]
    days = Counter(time.strftime("%Y-%m-%d", time.gmtime(job.fields["submitted"])) for job in jobs)
    return {
        "configuration_details": {
            "id": configuration["configuration_id"],
            "tag": configuration["tag"],
            "total_audios_analyzed": len(jobs),
        },
        "ai_insights": {
            "actionable_insights": "# Next steps\n\n## 1. Watch the gateways that customers are moved away from",
            "executive_narrative": f"# Context\n\nCalls analyzed: {len(jobs)}.",
        },
        "detailed_analysis": {
            "metadata_analysis": _metadata([one["duration"] for one in results]),
            "extracted_fields_analysis": {
                field["name"]: {"type": field["type"], "stats": _stats(field, results)} for field in configuration["extraction_fields"]
            },
            "timeseries_analysis": {day: {"audio_count": count} for day, count in sorted(days.items())},
            "advanced_analysis": {},
        },
    }


def _metadata(durations: Sequence[float]) -> dict[str, Any]:
    minutes = Counter(int(duration // 60) for duration in durations)
    return {
        "duration_stats": {
            "total_seconds": round(sum(durations), 2),
            "average_seconds": round(statistics.fmean(durations), 2),
            "min_seconds": min(durations),
            "max_seconds": max(durations),
            "histogram": {f"{60 * minute}-{60 * minute + 60}": count for minute, count in sorted(minutes.items())},
        },
        "speaker_stats": {"average_per_audio": 2.0, "total_distribution": {"2": len(durations)}},
        "language_distribution": {"en": len(durations)},
    }


def _stats(field: Mapping[str, Any], results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    values = [_value(one, field["name"]) for one in results]
    valid = [value for value in values if value is not None]
    counted = {"total_count": len(values), "valid_count": len(valid), "missing_count": len(values) - len(valid)}
    if field["type"] == "boolean":
        true = sum(valid)
        return {**counted, "true_count": true, "false_count": len(valid) - true, "true_percentage": _share(true, len(valid))}
    if field["type"] == "number" and valid:
        middle: dict[str, Any] = {"avg": _mean(valid), "median": statistics.median(valid)}
        return {**counted, **middle, "min": min(valid), "max": max(valid), "sum": sum(valid)}
    named = Counter(str(one) for value in valid for one in (value if isinstance(value, list) else [value]))
    return {**counted, "value_counts": dict(named.most_common(_SHOWN)), "total_unique_categories": len(named)}


def _value(told: Mapping[str, Any], name: str) -> Any:
    """The extracted value; None where the field came to the configuration later."""
    extracted = told["details"]["fields"]
    found = () if extracted is None else extracted["fields"]
    return next((one["value"] for one in found if one["name"] == name), None)
