"""Pages for the people who receive alerts, look into them, or look after the sources."""
