"""The live stream: one hub a process reads the journal and feeds the browsers."""
