// LanguageIdentification: see Documentation/Architecture.md.
