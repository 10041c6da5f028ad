from django.db import migrations, models


class Migration(migrations.Migration):
    """Sums that differ are no gap: nothing a sync sees explains them, a person has to."""

    dependencies = [
        ("tracking", "0004_index_postings_by_market"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="anomaly",
            name="anomaly_kind",
        ),
        migrations.AlterField(
            model_name="anomaly",
            name="kind",
            field=models.CharField(
                choices=[
                    ("DRIFT", "drift"),
                    ("FILL_GAP", "fill gap"),
                    ("SUMS_DIFFER", "sums differ"),
                    ("LATE_FILL", "late fill"),
                    ("UNKNOWN_STATUS", "unknown status"),
                    ("UNKNOWN_SYMBOL", "unknown symbol"),
                    ("OVERFILL", "overfill"),
                    ("MALFORMED_FRAME", "malformed frame"),
                    ("QUARANTINED", "quarantined"),
                    ("SAME_TRADE_ID", "same trade id"),
                    ("IMPOSSIBLE_TRANSITION", "impossible transition"),
                    ("UNVERIFIED", "unverified"),
                    ("FALSE_FAILURE", "false failure"),
                    ("FALSE_ABSENCE", "false absence"),
                    ("OVERSOLD", "oversold"),
                    ("BOOKS", "books"),
                    ("NOT_FOUND", "not found"),
                    ("AUTH_FAILED", "auth failed"),
                ],
                max_length=32,
            ),
        ),
        migrations.AddConstraint(
            model_name="anomaly",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
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
                            "FALSE_FAILURE",
                            "FALSE_ABSENCE",
                            "OVERSOLD",
                            "BOOKS",
                            "NOT_FOUND",
                            "AUTH_FAILED",
                        ],
                    )
                ),
                name="anomaly_kind",
            ),
        ),
    ]
