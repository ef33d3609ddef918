// ApusCore: see Documentation/Architecture.md.
