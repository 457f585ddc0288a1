# Completion of bash for pomex, which itself knows its words.
eval "$(pomex completion bash)"
