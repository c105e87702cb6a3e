"""One file a page, each with `layout`, which reads and draws, and `connect`, which makes it answer."""
