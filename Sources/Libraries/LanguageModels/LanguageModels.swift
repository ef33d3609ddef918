// LanguageModels: see Documentation/Architecture.md.
