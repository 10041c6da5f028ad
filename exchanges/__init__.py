"""What exchanges say, in one vocabulary. Knows no Django, no Celery and nothing of `tracking`."""
