-- For a package.path without "?/init.lua".
return require "pomex.jobs.init"
