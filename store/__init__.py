"""Long rows in, panels out: everything that is kept, and all SQL."""
