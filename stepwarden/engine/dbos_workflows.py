"""The workflows of DBOS, one for each run that has something to do; its calls block, and it loads DBOS.

A workflow's body is "drive until there is nothing to do", so none is ever replayed: one that is taken over or begins
anew loads its run from the store. DBOS keeps its tables in a schema of its own, and nothing of a run is in them but its
id.
"""

import hashlib
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any

from dbos import (  # noqa: TID253 - this module is itself imported lazily
    DBOS,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    WorkflowStatus,
    error,
)
from sqlalchemy.exc import SQLAlchemyError  # noqa: TID253 - the same

from stepwarden.errors import StoreError
from stepwarden.storage import QueuedRun

logger = logging.getLogger(__name__)

APPLICATION_VERSION = "stepwarden-1"
"""Never by the sources: a run goes on under every later version. Raised only where a body means something else."""

_WORKFLOW = "stepwarden-drive"
_FIRST_PRIORITY = 1_000_000  # DBOS takes the smallest first, from 1 on
_POOL_SIZE = 5
_IDLE_TRANSACTION_S = 10.0  # a process that is stopped in the middle of one keeps the queue from all others until then
_WAITING = {"ENQUEUED", "DELAYED"}


class DbosWorkflows:
    """DBOS in this process, which is there once, under the name `owner`."""

    def __init__(self, address: str, schema: str, owner: str, body: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        self._owner = owner
        self._config: DBOSConfig = {
            "name": "stepwarden",
            "system_database_url": address,
            "dbos_system_schema": schema,
            "sys_db_pool_size": _POOL_SIZE,
            "sys_db_idle_transaction_timeout_sec": _IDLE_TRANSACTION_S,
            "application_version": APPLICATION_VERSION,
            "executor_id": owner,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "CRITICAL",
        }
        self._body = body

    def launch(self, needs: Collection[str], most_at_once: int, poll_s: float) -> None:
        """Begin to take workflows from the queues of `needs`, at most so many at once from each."""
        DBOS(config=self._config)
        DBOS.workflow(name=_WORKFLOW)(self._body)
        queues = [_queue_of(each) for each in needs]
        DBOS.listen_queues(queues)
        DBOS.launch()
        for queue in queues:
            DBOS.register_queue(queue, worker_concurrency=most_at_once, polling_interval_sec=poll_s)

    def end(self) -> None:
        """Take nothing more; the bodies have ended by then."""
        DBOS.destroy(destroy_registry=True)

    def bring_up(self, due: Sequence[QueuedRun], dead_among: Callable[[Collection[str]], list[str]]) -> None:
        """See that each of these runs, which nobody drives, has a workflow that is waiting or under way.

        Raises StoreError where the database cannot be reached.
        """
        ids = [run.stream for run in due]
        try:
            found = DBOS.list_workflows(workflow_ids=ids, load_input=False, load_output=False)
            states = {state.workflow_id: state for state in found}
            executors = {str(state.executor_id) for state in found if state.status == "PENDING"}
            dead = dead_among(executors - {self._owner})
            for run in due:
                try:
                    self._bring_up(run, states.get(run.stream), dead)
                except error.DBOSException as refusal:
                    logger.debug("%s was brought up by another process: %s", run.stream, refusal)
        except SQLAlchemyError as failure:
            raise StoreError(f"The engine cannot reach its database ({type(failure).__name__}).") from failure

    def _bring_up(self, run: QueuedRun, state: WorkflowStatus | None, dead: Collection[str]) -> None:
        queue = _queue_of(run.needs)
        if state is None:
            DBOS.enqueue_workflow_with_options(
                {
                    "workflow_name": _WORKFLOW,
                    "queue_name": queue,
                    "workflow_id": run.stream,
                    "app_version": APPLICATION_VERSION,
                    "priority": max(1, _FIRST_PRIORITY - run.priority),
                },
                run.stream,
            )
        elif state.status == "PENDING":
            # One whose lease is over may be alive and stopped: it is fenced.
            if run.state == "driven" or state.executor_id in dead:
                DBOS.resume_workflow(run.stream, queue_name=queue)
        elif state.status not in _WAITING:
            DBOS.rewind_workflow(run.stream, queue_name=queue)


def _queue_of(needs: str) -> str:
    return f"stepwarden-{hashlib.sha256(needs.encode()).hexdigest()[:16]}"
