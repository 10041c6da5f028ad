from django.db import migrations, models


class Migration(migrations.Migration):
    """A stream may be connected and deaf: a session notes the fill it did not tell."""

    dependencies = [
        ("tracking", "0002_exact_books"),
    ]

    operations = [
        migrations.AddField(
            model_name="ordertrackingsession",
            name="missed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
