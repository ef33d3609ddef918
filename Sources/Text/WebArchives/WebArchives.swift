// WebArchives: see Documentation/Architecture.md.
