"""What the server keeps: lists, changes, the account, and a trace."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from tinker import TrainingClient, types
from world import World


def run(world: World, training: TrainingClient, started: datetime) -> str:
    lists(world, training)
    path = changes(world, training)
    sessions(world, training)
    account(world, started)
    return path


def shape(checkpoint: types.Checkpoint) -> str:
    """A checkpoint without what differs between two runs: names of runs, and times."""
    name = checkpoint.tinker_path.rsplit("/", 2)
    expires = "never" if checkpoint.expires_at is None else "sometime"
    kind = checkpoint.checkpoint_type
    is_public = str(checkpoint.public).lower()
    return f"{checkpoint.checkpoint_id} {kind} {'/'.join(name[1:])} {checkpoint.size_bytes} {is_public} {expires}"


def lists(world: World, training: TrainingClient) -> None:
    record, rest = world.record, world.service("main").create_rest_client()
    run = rest.get_training_run(training.model_id).result()
    same = rest.get_training_run_by_tinker_path(f"tinker://{training.model_id}/weights/state").result()
    record.words("run/words", [run.base_model, run.is_lora, run.corrupted, same.training_run_id == run.training_run_id])
    record.words("run/metadata", [f"{key}={value}" for key, value in sorted((run.user_metadata or {}).items())])
    record.wholes("run/rank", [[run.lora_rank or 0]])
    last = [run.last_checkpoint, run.last_sampler_checkpoint]
    record.words("run/last checkpoints", [checkpoint and shape(checkpoint) for checkpoint in last])
    pages = [rest.list_training_runs(limit=2, offset=offset).result() for offset in (0, 2)]
    record.words("runs/ids", [one.training_run_id.split(":", 1)[1] for page in pages for one in page.training_runs])
    record.wholes("runs/cursors", [[page.cursor.offset, page.cursor.limit, page.cursor.total_count] for page in pages])
    record.words("checkpoints/of the run", [shape(one) for one in rest.list_checkpoints(training.model_id).result().checkpoints])
    mine = rest.list_user_checkpoints(limit=3).result()
    record.words("checkpoints/of the account", [shape(one) for one in mine.checkpoints])
    record.wholes("checkpoints/cursor", [[mine.cursor.offset, mine.cursor.limit, mine.cursor.total_count] if mine.cursor else []])
    info = rest.get_weights_info_by_tinker_path(f"tinker://{training.model_id}/weights/state").result()
    record.words("weights/info", [info.base_model, info.is_lora, info.lora_rank, info.train_attn, info.train_mlp, info.train_unembed])


def changes(world: World, training: TrainingClient) -> str:
    record, rest = world.record, world.service("main").create_rest_client()
    path = training.save_weights_for_sampler("public").result().path
    other = training.save_weights_for_sampler("other").result().path
    of_run = training.model_id

    def listed() -> list[str]:
        return [shape(one) for one in rest.list_checkpoints(of_run).result().checkpoints]

    rest.publish_checkpoint_from_tinker_path(path).result()
    record.words("changes/published", listed())
    rest.unpublish_checkpoint_from_tinker_path(path).result()
    rest.set_checkpoint_ttl_from_tinker_path(path, 600).result()
    record.words("changes/private, for a while", listed())
    rest.set_checkpoint_ttl_from_tinker_path(path, None).result()
    rest.delete_checkpoint_from_tinker_path(other).result()
    record.words("changes/for ever, one deleted", listed())
    return path


def sessions(world: World, training: TrainingClient) -> None:
    record, rest = world.record, world.service("main").create_rest_client()
    session = training.model_id.split(":", 1)[0]
    rest.assign_session_project(session, "project-1").result()
    record.words("sessions/listed", [one == session for one in rest.list_sessions().result().sessions])
    inside = rest.get_session(session).result()
    record.words("sessions/runs", [one.split(":", 1)[1] for one in inside.training_run_ids])
    record.words("sessions/samplers", [one.split(":", 1)[1] for one in inside.sampler_ids])
    sampler = rest.get_sampler(f"{session}:sample:0").result()
    record.words("sessions/sampler", [sampler.base_model, (sampler.model_path or "none").rsplit("/", 2)[-1]])
    in_project = rest.list_training_runs(project_id="project-1").result()
    record.wholes("sessions/in the project", [[in_project.cursor.total_count]])


def account(world: World, started: datetime) -> None:
    record, rest = world.record, world.service("main").create_rest_client()
    days = sorted({started.date(), datetime.now(UTC).date()})
    entries = [entry for day in days for entry in rest.get_audit_log("all", day).result().entries]
    record.words("account/audit log", [f"{entry.event} {entry.purpose or 'none'}" for entry in entries])
    hour = started.replace(minute=0, second=0, microsecond=0)
    usage = rest.get_billing_usage(hour, hour + timedelta(hours=2)).result()
    amounts: Counter[str] = Counter()
    for event in usage.data:
        info = event.event_info
        if info.type == "storage":
            continue  # Grows with time.
        # What was cached of prompts depends on which of many came first.
        amounts[info.type] += info.count if info.type == "checkpoint" else info.token_count
    record.words("account/usage", [f"{key} {amounts[key]}" for key in sorted(amounts)])
    metadata = [session.user_metadata or {} for session in usage.sessions.values()]
    record.words("account/metadata", [f"{key}={value}" for one in metadata for key, value in sorted(one.items())])


def trace(world: World, training: TrainingClient) -> None:
    """Two polls, five seconds apart: time enough for a heartbeat."""
    rest = world.service("main").create_rest_client()
    url = rest.export_session_trace(training.model_id.split(":", 1)[0]).result()
    world.record.words("trace/has an address", [url.startswith("http://127.0.0.1:")])
