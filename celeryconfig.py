"""
Every Celery option, with its reason.

A task is a wake-up, never the truth: what has to be done is written in PostgreSQL, and a sweep
finds what a lost task left undone. So these options aim at a broker that recovers quickly and a
publisher that never waits long, rather than at a broker that never loses anything (Redis does:
a worker killed between taking a message and noting that it has it takes the message with it).
"""

from kombu import Queue

from ordertrack.environment import env

# --- Broker ---------------------------------------------------------------------------------------
broker_url = env.str("CELERY_BROKER_URL", default="") or env.str(
    "REDIS_URL", default="redis://set-REDIS_URL-or-run-make-up.invalid/0"
)
# a broker that is away comes back; giving up would need a person to restart the worker
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# each thread or process that publishes needs one
broker_pool_limit = 10
_IS_REDIS = broker_url.startswith(("redis://", "rediss://"))
broker_transport_options = (
    {
        # what a killed worker had taken comes back after this; every time limit is below it, or a
        # slow task would run a second time while the first still does
        "visibility_timeout": 60,
        # ... and is looked for every 5 s; the defaults multiply to 100 s
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        # a half-open connection must not hold a publisher for ever
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
        # a publisher that finds no broker says so at once (measured: 10 ms instead of 6 s); workers
        # reconnect by broker_connection_max_retries, not by this
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
        # the database may be shared with other applications
        "global_keyprefix": "ordertrack:",
    }
    if _IS_REDIS
    # AMQP: `delay` returns only when the broker has the message
    else {"confirm_publish": True}
)
# publishing never waits long: a failed wake-up costs a sweep (2 s)
task_publish_retry = False

# --- Queues ---------------------------------------------------------------------------------------
# `events` must be quick, `orders` and `sync` wait for exchanges: different workers serve them
task_queues = (Queue("events"), Queue("orders"), Queue("sync"))
task_default_queue = "events"
# a misspelt queue is an error where it is written, not a queue that nobody reads
task_create_missing_queues = False
# replicated where the broker can
task_default_queue_type = "classic" if _IS_REDIS else "quorum"

# --- Messages -------------------------------------------------------------------------------------
# JSON can carry no code
task_serializer = "json"
result_serializer = "json"
accept_content = ["json"]
enable_utc = True
# beat stores crontabs in this zone; unset it would be the machine's, or Chicago's
timezone = "UTC"

# --- Running tasks --------------------------------------------------------------------------------
# acknowledged when done: a task whose process died runs again, which every task here may
task_acks_late = True
task_reject_on_worker_lost = True
# ... also when it failed: it left what it could not do in the database, for the sweep
task_acks_on_failure = True
task_acks_on_timeout = True
# nobody waits for results, and a result backend makes publishing slower when Redis is away
task_ignore_result = True
# with no results kept, beat has none to clean up
result_expires = None
# a drain and a sync are bounded well below; both limits below visibility_timeout
task_soft_time_limit = 30
task_time_limit = 45

# --- Workers --------------------------------------------------------------------------------------
worker_concurrency = env.int("WORKER_CONCURRENCY", default=2)
# no message waits behind a slow task while another child is idle
worker_prefetch_multiplier = 1
# a child that grew is replaced; ccxt's market tables are shared with the parent
worker_max_tasks_per_child = 10_000
worker_max_memory_per_child = 300_000
# what runs when a deploy stops the worker may end by itself
worker_soft_shutdown_timeout = 5
# a late-acked task whose broker went away will be delivered again: stop it, do not race it
worker_cancel_long_running_tasks_on_connection_loss = True
# `ordertrack.logs` configures logging
worker_hijack_root_logger = False
worker_redirect_stdouts = False
# inspect, ping and Flower's worker pages need it; idle it costs nothing
worker_enable_remote_control = True
# one event per step of each task costs as much processor time as the task: only for Flower's
# task pages, where somebody wants them
worker_send_task_events = task_send_sent_event = env.bool("CELERY_SEND_EVENTS", default=False)

# --- Beat -----------------------------------------------------------------------------------------
# rows of the admin, ticked by one of any number of beats; seeded by `manage.py sync_schedules`, not
# by a schedule in code, which would undo the admin's edits at each start
beat_scheduler = "ordertrack.beat:LeaderDatabaseScheduler"
# edits in the admin count within this time, and the 2-second sweep is never late by more
beat_max_loop_interval = 2
