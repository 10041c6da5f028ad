"""Orders and fills that no exchange can tell of any more are marked so."""

from typing import ClassVar

from django.db import migrations, models

KINDS = (
    "DRIFT",
    "FILL_GAP",
    "SUMS_DIFFER",
    "LATE_FILL",
    "UNKNOWN_STATUS",
    "UNKNOWN_SYMBOL",
    "OVERFILL",
    "MALFORMED_FRAME",
    "QUARANTINED",
    "SAME_TRADE_ID",
    "IMPOSSIBLE_TRANSITION",
    "UNVERIFIED",
    "UNVERIFIABLE",
    "FALSE_FAILURE",
    "FALSE_ABSENCE",
    "OVERSOLD",
    "BOOKS",
    "NOT_FOUND",
    "AUTH_FAILED",
)


def _marked(model):
    field = models.BooleanField(db_default=False, default=False)
    return migrations.AddField(model_name=model, name="unverifiable", field=field)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("tracking", "0009_booked_by_hand")]

    operations: ClassVar = [
        migrations.RemoveConstraint(model_name="anomaly", name="anomaly_kind"),
        _marked("closedorder"),
        _marked("openorder"),
        migrations.AddField(
            model_name="tradeexecution",
            name="unverifiable_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="anomaly",
            name="kind",
            field=models.CharField(
                choices=[(kind, kind.replace("_", " ").lower()) for kind in KINDS], max_length=32
            ),
        ),
        migrations.AddConstraint(
            model_name="anomaly",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", list(KINDS))), name="anomaly_kind"
            ),
        ),
    ]
