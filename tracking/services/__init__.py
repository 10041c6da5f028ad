"""Writes. Each public function opens at most one transaction and does no network call inside it."""
