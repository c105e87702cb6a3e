"""Sources to read from in tests: real HTTP on loopback, with faults that can be switched on."""
