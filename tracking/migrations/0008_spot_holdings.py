"""What fills move of the quote asset is kept with positions on spot; derivatives move none."""

from decimal import Decimal
from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("tracking", "0007_one_market_type")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="strategyposition",
            name="quote_change",
            field=models.DecimalField(
                db_default=Decimal(0), decimal_places=36, default=Decimal(0), max_digits=76
            ),
        ),
    ]
