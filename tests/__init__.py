"""The tests: unit (no stores), integration (PostgreSQL and Valkey), e2e (the real processes)."""
