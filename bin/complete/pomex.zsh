#compdef pomex
# Completion of zsh for pomex, which itself knows its words.
eval "$(pomex completion zsh)"
