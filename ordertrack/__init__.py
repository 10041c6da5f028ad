"""The project: settings, entry points, processes and the servers they run on."""
