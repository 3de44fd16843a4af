"""When it happens: new files are seen, here and at NLM; the day's refresh, the week's evaluation."""

import json
from pathlib import Path

import dagster as dg

from consilience.corpora import manifest
from consilience.corpora.store import digest_of
from pipelines import network
from pipelines.defs.evaluation import AT_HOME
from pipelines.defs.partitions import pubmed_files
from pipelines.defs.resources import WRITER, HomeResource, told_plainly
from pipelines.run import materialize_all

# A tick has 60 s; a file of PubMed is some 20 MB.
FILES_A_TICK = 50


@dg.op(pool=WRITER)
def refresh(context: dg.OpExecutionContext, home: HomeResource) -> None:
    """Load every file the home names, refresh it, check it, publish it."""
    # Files and shards are two kinds of partition, which no single run can hold; so this run starts those that can.
    with told_plainly():
        done = materialize_all(home.rooms().root, context.instance, now=home.now)
    if not done:
        raise dg.Failure("a step failed or a check did not hold; see the runs that this one started")


@dg.job
def refresh_job() -> None:
    """All of it in one process, from the files to what questions see; what is done already is not done again."""
    refresh()


evaluation_job = dg.define_asset_job(
    "evaluation_job", dg.AssetSelection.assets(*(["evaluation", name] for name in AT_HOME)),
    description="The suites that come with every home, the mutation suite among them.",
)  # fmt: skip

daily_refresh = dg.ScheduleDefinition(name="daily_refresh", job=refresh_job, cron_schedule="0 4 * * *")
weekly_evaluation = dg.ScheduleDefinition(name="weekly_evaluation", job=evaluation_job, cron_schedule="0 6 * * 1")


@dg.sensor(target=dg.AssetSelection.assets(["corpora", "pubmed_files"]), minimum_interval_seconds=1800)
def published_pubmed_files(context: dg.SensorEvaluationContext, home: HomeResource) -> dg.SensorResult | dg.SkipReason:
    """Ask for a run for each file that NLM lists and this home has not, once a day at most.

    Two pages are read, hastily: what cannot be listed fails the tick, and the next one tries again. A file whose bytes
    changed is found by the daily refresh, which reads the checksums
    of what the page shows as new, and of some others in turn.
    """
    opened = home.open()
    with told_plainly():
        remote = network.source(opened)
        if remote is None:
            return dg.SkipReason("no remote source is enabled in corpora/pubmed.yaml")
        mirror = network.listed(opened, remote, network.hasty(opened.network))
    if mirror.outcome.shortfalls and not mirror.generation.files:
        raise dg.Failure(mirror.outcome.shortfalls[0].detail)
    today = home.instant().date().isoformat()
    asked: dict[str, str] = json.loads(context.cursor or "{}")
    absent = network.missing(opened, mirror.generation.files)
    wanted = [stem for stem in absent if asked.get(stem) != today][:FILES_A_TICK]
    asked = {stem: day for stem, day in asked.items() if stem in absent} | dict.fromkeys(wanted, today)
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=f"{stem}-{today}", partition_key=stem) for stem in wanted],
        dynamic_partitions_requests=[pubmed_files.build_add_request(wanted)] if wanted else [],
        cursor=json.dumps(asked, sort_keys=True),
        skip_reason=None if wanted else dg.SkipReason(f"{len(absent)} listed files are missing, none to be asked now"),
    )


@dg.sensor(target=dg.AssetSelection.assets(["corpora", "pubmed_records"]), minimum_interval_seconds=300)
def new_pubmed_files(context: dg.SensorEvaluationContext, home: HomeResource) -> dg.SensorResult:
    """Ask for a run for each file that lies here, named or fetched, and is new or has other bytes than before."""
    seen: dict[str, list[int | str]] = json.loads(context.cursor or "{}")
    requests: list[dg.RunRequest] = []
    for stem, path in manifest.local_files(home.rooms()).items():
        if seen.get(stem, [])[:2] == _stamp(path):
            continue
        if len(requests) == FILES_A_TICK:
            break
        seen[stem] = [*_stamp(path), digest_of(path)[:12]]
        requests.append(dg.RunRequest(run_key=f"{stem}-{seen[stem][2]}", partition_key=stem))
    keys = [str(request.partition_key) for request in requests]
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[pubmed_files.build_add_request(keys)] if keys else [],
        cursor=json.dumps(seen, sort_keys=True),
    )


def _stamp(path: Path) -> list[int | str]:
    """What tells without reading it that a file is the same."""
    about = path.stat()
    return [about.st_size, about.st_mtime_ns]
