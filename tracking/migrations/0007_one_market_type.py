"""An account follows one market type, at any exchange the registry knows."""

from typing import ClassVar

from django.db import migrations, models

import tracking.models.fields


def take_the_first(apps, _schema_editor):
    """Keep the market type that was followed: the first."""
    account_class = apps.get_model("tracking", "ExchangeAccount")
    for account in account_class.objects.exclude(market_types=[]).only("pk", "market_types"):
        account_class.objects.filter(pk=account.pk).update(market_type=account.market_types[0])


class Migration(migrations.Migration):
    dependencies: ClassVar = [("tracking", "0006_index_unvalued_commissions")]

    operations: ClassVar = [
        migrations.RemoveConstraint(model_name="exchangeaccount", name="account_exchange"),
        migrations.AlterField(
            model_name="exchangeaccount",
            name="exchange",
            field=models.CharField(max_length=32),
        ),
        migrations.AlterField(
            model_name="marketterms",
            name="exchange",
            field=models.CharField(max_length=32),
        ),
        migrations.AddField(
            model_name="exchangeaccount",
            name="market_type",
            field=models.CharField(
                choices=[
                    ("SPOT", "spot"),
                    ("FUTURES", "futures"),
                    ("COIN_FUTURES", "coin futures"),
                ],
                default="FUTURES",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="exchangeaccount",
            name="api_password",
            field=tracking.models.fields.EncryptedTextField(blank=True, default=""),
        ),
        migrations.RunPython(take_the_first, migrations.RunPython.noop),
        migrations.RemoveField(model_name="exchangeaccount", name="market_types"),
        migrations.AddConstraint(
            model_name="exchangeaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("market_type__in", ["SPOT", "FUTURES", "COIN_FUTURES"])),
                name="account_market_type",
            ),
        ),
    ]
