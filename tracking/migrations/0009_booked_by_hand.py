"""Staff may book what came or went without a fill."""

from typing import ClassVar

from django.db import migrations, models

ACTIONS = [
    ("ADOPT_ORDER", "adopt order"),
    ("REASSIGN_EXECUTION", "reassign execution"),
    ("VOID_EXECUTION", "void execution"),
    ("CLOSE_ANOMALY", "close anomaly"),
    ("REBUILD_BOOKS", "rebuild books"),
    ("BOOK_POSTING", "book posting"),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("tracking", "0008_spot_holdings")]

    operations: ClassVar = [
        migrations.RemoveConstraint(model_name="repair", name="repair_action"),
        migrations.AlterField(
            model_name="repair",
            name="action",
            field=models.CharField(choices=ACTIONS, max_length=24),
        ),
        migrations.AddConstraint(
            model_name="repair",
            constraint=models.CheckConstraint(
                condition=models.Q(("action__in", [value for value, _ in ACTIONS])),
                name="repair_action",
            ),
        ),
    ]
