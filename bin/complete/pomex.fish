# Completion of fish for pomex, which itself knows its words.
pomex completion fish | source
