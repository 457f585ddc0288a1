std = "lua54+lua51+luajit"
max_line_length = 100
files["spec/**/*_spec.lua"] = { std = "+busted" }
exclude_files = { "build*/" }
